"""What each staff role may do, in one table: every verb of the console by its permission. Migrating makes the groups so."""

from django.contrib.auth.models import Permission

from accounts.actions import make_role

# Owners may do everything that the console has. Viewers look, and see no address in full; moderators do what a day brings.
MODERATORS = frozenset(
    {
        "waitlist.contact_entry",
        "waitlist.approve_entry",
        "waitlist.hold_entry",
        "waitlist.release_entry",
        "waitlist.reject_entry",
        "waitlist.block_entry",
        "waitlist.appeal_entry",
        "waitlist.suspend_entry",
        "waitlist.restore_entry",
        "waitlist.comment_entry",
        "waitlist.prioritise_entry",
        "waitlist.readdress_entry",
        "waitlist.import_entry",
        "invites.issue_invite",
        "invites.resend_invite",
        "invites.pause_batch",
        "invites.resume_batch",
        "invites.make_code",
        "invites.pause_code",
        "invites.resume_code",
        "invites.revoke_code",
        "invites.extend_code",
        "invites.contain_code",
        "invites.undo_containment",
        "referrals.void_referral",
        "referrals.drop_reward",
        "referrals.claw_back_reward",
        "quality.end_alert",
        "quality.make_bar",
        "quality.end_bar",
        "outbox.replay_delivery",
        "outbox.stop_job",
        "outbox.resume_job",
    }
)
# The rows that people look at: what the console has pages of.
APPS = ("waitlist", "invites", "quality", "referrals", "outbox", "accounts")
SECRETIVE = frozenset(
    {"accounts.view_apikey", "accounts.view_user", "outbox.view_endpoint"}
)  # of the house, not the day


def make_groups() -> None:
    """Makes the three groups, each with exactly its permissions; other groups that somebody made are left alone.

    Where not everything is migrated yet (`manage.py migrate waitlist`) some permissions come with what follows.
    """
    of_console = Permission.objects.filter(content_type__app_label__in=APPS)
    named = {f"{one.content_type.app_label}.{one.codename}": one for one in of_console.select_related("content_type")}
    seen = {name for name in named if ".view_" in name} - SECRETIVE
    for role, names in {"viewer": seen, "moderator": seen | MODERATORS, "owner": set(named)}.items():
        make_role(role, [named[name] for name in names if name in named])
