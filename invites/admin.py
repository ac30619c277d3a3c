"""The console's pages of batches, invites, codes and redemptions: to look at, and to act on by verbs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from invites import actions, queries
from invites.models import Attempt, Batch, Code, CodeRun, Invite, Redemption, Reservation
from outbox.states import StaleState
from quality.trials import HIGHEST, LOWEST, mean_of
from waitlist.admin import EntryAdmin, LaunchAdmin, ReadOnly, with_reason
from waitlist.models import Launch


def by_ids(verb: Any) -> Any:
    """A verb on codes, for the list's ids."""

    def change(ids: Sequence[int], reason: str, *, by: str) -> int:
        changed: int = verb(Q(pk__in=ids), reason, by=by)
        return changed

    change.__name__ = verb.__name__
    return change


def each_batch(verb: Any) -> Any:
    """A verb on one batch, for the list's ids; those that stand elsewhere are left."""

    def change(ids: Sequence[int], reason: str, *, by: str) -> int:
        changed = 0
        for batch in Batch.objects.filter(pk__in=ids).order_by("pk"):
            try:
                verb(batch, reason, by=by)
            except StaleState:
                continue
            changed += 1
        return changed

    change.__name__ = verb.__name__
    return change


class Actable(ReadOnly):
    """Rows that moderators and owners act on."""

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whoever may change such rows."""
        return request.user.has_perm(f"invites.change_{self.opts.model_name}")


def invite_now(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Invites the chosen people, whoever stands before them, within the day's quota of their launches."""
    invited = 0
    for launch in Launch.objects.filter(entry__in=ids).distinct().order_by("pk"):
        invited += actions.invite(launch, ids, by=by, reason=reason)
    return invited


def release_batch(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Invites who is next, as far as the day's quota goes; of how many launches."""
    launches = Launch.objects.filter(pk__in=ids).order_by("pk")
    return len([actions.release(launch, by=by, reason=reason) for launch in launches])


EntryAdmin.actions = (with_reason(_("Invite now"), invite_now), *EntryAdmin.actions)
LaunchAdmin.actions = (with_reason(_("Invite the next people"), release_batch),)


@admin.register(Code)
class CodeAdmin(Actable):
    """Codes, by their last four characters; the whole code is shown to its owner alone."""

    list_display = ("last4", "kind", "campaign", "state", "uses", "max_uses", "tier", "expires_at")
    list_filter = ("launch", "kind", "status", "campaign")
    search_fields = ("=last4", "=campaign", "=run__batch_id")
    show_full_result_count = False
    exclude = ("digest", "bound_key")
    actions = (
        with_reason(_("Revoke for ever"), by_ids(actions.revoke)),
        with_reason(_("Pause"), by_ids(actions.pause)),
        with_reason(_("Resume"), by_ids(actions.resume)),
    )

    @admin.display(description=_("state now"))
    def state(self, code: Code) -> str:
        """What the row and the clock say together."""
        return queries.state_of(code, timezone.now())


COMMENTS_SHOWN = 50


@admin.register(Batch)
class BatchAdmin(Actable):
    """Runs of invitations."""

    readonly_fields = ("answers", "comments")

    @admin.display(description=_("answers to the one question"))
    def answers(self, batch: Batch) -> str:
        """How many, their mean with how far it may be off, and how often each number was pressed."""
        counts = Counter(queries.answers_of(batch).values_list("score", flat=True))
        mean = mean_of(counts)
        if mean is None:
            return gettext("nobody of this batch has answered")
        told = gettext(
            "%(n)s answered. Mean %(mean)s of 5; in 95 of 100 such batches between %(low)s and %(high)s."
        ) % {
            "n": counts.total(),
            "mean": f"{mean.value:.2f}",
            "low": f"{mean.low:.2f}",
            "high": f"{mean.high:.2f}",
        }
        pressed = ((score, counts[score]) for score in range(LOWEST, HIGHEST + 1))
        return format_html("{}<br>{}", told, format_html_join(" · ", "{}: {} ×", pressed))

    @admin.display(description=_("what they wrote"))
    def comments(self, batch: Batch) -> str:
        """The newest sentences."""
        written = queries.answers_of(batch).exclude(comment="").values_list("score", "comment")[:COMMENTS_SHOWN]
        return format_html_join("", "<div>{}: {}</div>", written) or "–"

    list_display = ("id", "launch", "status", "size", "released", "by", "created_at")
    list_filter = ("launch", "status")
    actions = (
        with_reason(_("Pause"), each_batch(actions.pause_batch)),
        with_reason(_("Resume"), each_batch(actions.resume_batch)),
        with_reason(_("Cancel"), each_batch(actions.cancel_batch)),
    )


@admin.register(Invite)
class InviteAdmin(ReadOnly):
    """Offers, and how far they came."""

    list_display = ("id", "entry", "status", "batch", "issued_at")
    list_filter = ("status",)
    raw_id_fields = ("entry", "code")


@admin.register(Redemption)
class RedemptionAdmin(ReadOnly):
    """Who used which code, when and from where."""

    list_display = ("id", "entry", "code", "door", "at", "network")
    show_full_result_count = False


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    """Refused codes, with the true reason."""

    list_display = ("at", "reason", "door", "network")
    list_filter = ("reason", "door")
    exclude = ("digest", "address_key")
    show_full_result_count = False


@admin.register(CodeRun)
class CodeRunAdmin(ReadOnly):
    """Codes made together."""

    list_display = ("batch_id", "launch", "by", "created_at")


@admin.register(Reservation)
class ReservationAdmin(ReadOnly):
    """Uses kept until a mailbox agrees."""

    list_display = ("id", "entry", "code", "status", "expires_at")
    list_filter = ("status",)
