"""The console's pages of batches, invites and redemptions: to look at, and to act on by verbs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from invites import previews, queries
from invites.actions import inviting, releasing
from invites.models import Attempt, Batch, Invite, PaceDecision, Redemption, Reservation
from invites.resources import RedemptionResource
from outbox import registry
from outbox.console import LatelySeen, ReadOnly
from outbox.errors import Refused
from outbox.exports import Exported
from outbox.reasons import run_apart, with_reason
from outbox.states import StaleState, sources
from quality import gates
from quality.measures import Measured, titled
from quality.trials import HIGHEST, LOWEST, mean_of
from waitlist.admin import EntryAdmin, LaunchAdmin
from waitlist.launch_form import LaunchForm
from waitlist.models import Entry, Launch
from waitlist.previews import PREVIEWS
from waitlist.queries import states_of
from waitlist.shown import NEEDS, ShowsPeople

registry.words |= {
    "quota_reached": _("the day's quota is used up"),
    "gate_closed": _("a gate lets nobody in at the moment"),
    "pace_waits": _("the next batch is not due yet"),
    "code_exhausted": _("no use of the code is left"),
}


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


def invite_now(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Invites the chosen people, whoever stands before them, within the day's quota of their launches."""
    invited = 0
    for launch in Launch.objects.filter(entry__in=ids).distinct().order_by("pk"):
        invited += inviting.invite(launch, ids, by=by, reason=reason)
    return invited


def why_uninvited(ids: Sequence[int]) -> dict[int, str]:
    """Where each of these people stands; of who could be invited, what kept them out: the day's places went to the others."""
    stand = states_of(ids)
    return {pk: "quota_reached" if state in sources(Entry, "invited") else state for pk, state in stand.items()}


def release_batch(ids: Sequence[int], reason: str, *, by: str) -> int:
    """Invites who is next, as far as the day's quota goes; of how many launches."""
    released, refused = 0, None
    for launch in Launch.objects.filter(pk__in=ids).order_by("pk"):
        try:
            releasing.release(launch, by=by, reason=reason)
        except Refused as error:
            refused = error
            continue
        released += 1
    if refused and not released:
        raise refused
    return released


EntryAdmin.actions = (
    with_reason(_("Invite now"), invite_now, "invites.issue_invite", states=why_uninvited),
    *EntryAdmin.actions,
)
LaunchForm.CHOICES["code_format"] = previews.format_choices
LaunchForm.CHECKS.append(previews.short_codes_live_short)
PREVIEWS.append(previews.of_shares)
LaunchAdmin.actions = (with_reason(_("Invite the next people"), release_batch, "invites.release_batch", run_apart),)


def outcome_of(batch: Any) -> queries.Outcome:
    """What became of its people: as the list read it, else read now."""
    found: queries.Outcome | None = getattr(batch, "outcome", None)
    return found or queries.outcomes_of([batch.pk], timezone.now())[batch.pk]


def percent(said: Measured) -> str:
    """The share, and of how many; a dash where there is nobody to speak of."""
    return "–" if said.value is None else _("%(share)s of %(n)d") % {"share": f"{said.value:.0%}", "n": said.sample}


COMMENTS_SHOWN = 50
PEOPLE = {"entry": _("person")}


@admin.register(Batch)
class BatchAdmin(ReadOnly):
    """Runs of invitations: how far each came, what holds it, by which paths its people came, and how they fare."""

    list_display = (
        *("id", "launch", "status", "held", "size", "released", "mix"),
        *("came_in", "begun", "stayed", "by", "created_at"),
    )
    list_filter = ("launch", "status")
    readonly_fields: ClassVar[Any] = ("held", "mix", "came_in", "begun", "stayed", "answers", "comments")
    actions = (
        with_reason(_("Pause"), each_batch(releasing.pause_batch), "invites.pause_batch", run_apart),
        with_reason(_("Resume"), each_batch(releasing.resume_batch), "invites.resume_batch", run_apart),
        with_reason(_("Cancel"), each_batch(releasing.cancel_batch), "invites.cancel_batch", run_apart),
    )

    @admin.display(description=_("held by a gate"))
    def held(self, batch: Batch) -> str:
        """The gates that keep a batch under way from going on; it goes on by itself when they open."""
        return ", ".join(
            f"{titled(metric)}: {gates.WHYS[why]}" for metric, why in queries.held_by(batch, timezone.now())
        )

    @admin.display(description=_("by score, first come, by lot"))
    def mix(self, batch: Batch) -> str:
        """How many of the released places each path had."""
        shared = batch.first_places + batch.lottery_places
        return f"{batch.released - shared} + {batch.first_places} + {batch.lottery_places}"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The page of batches, with the outcomes of all of them read at once."""
        page = super().get_changelist_instance(request)
        outcomes = queries.outcomes_of([batch.pk for batch in page.result_list], timezone.now())
        for batch in page.result_list:
            batch.outcome = outcomes[batch.pk]
        return page

    @admin.display(description=_("came in"))
    def came_in(self, batch: Batch) -> int:
        """How many registered with an invite of this batch."""
        return outcome_of(batch).members

    @admin.display(description=_("have begun"))
    def begun(self, batch: Batch) -> str:
        """How many of them use the product."""
        return percent(outcome_of(batch).activation)

    @admin.display(description=_("day-7 retention"))
    def stayed(self, batch: Batch) -> str:
        """How many of those whose seven days are over were active on the seventh or later."""
        return percent(outcome_of(batch).retention_day7)

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


@admin.register(PaceDecision)
class PaceDecisionAdmin(ReadOnly):
    """How large each batch was allowed to be where a gate is on, and why; waiting is a decision too."""

    nothing = _("No batch was paced: without a gate that is on, the daily quota alone says how many are invited.")

    list_display = ("at", "launch", "step", "size", "batch", "because")
    list_filter = ("launch", "step")
    list_select_related = ("launch",)
    ordering = ("-pk",)

    @admin.display(description=_("why"))
    def because(self, decision: PaceDecision) -> str:
        """In a sentence."""
        return queries.pace_in_words(decision)


@admin.register(Invite)
class InviteAdmin(ShowsPeople, ReadOnly):
    """Offers, and how far they came."""

    people = PEOPLE

    list_display = ("id", "entry", "status", "batch", "issued_at")
    list_filter = ("code__launch", "status")
    list_select_related = ("entry", "batch")
    raw_id_fields = ("entry", "code")


@admin.register(Redemption)
class RedemptionAdmin(ShowsPeople, Exported):
    """Who used which code, when and from where."""

    people = PEOPLE
    resource = RedemptionResource
    export_needs = "invites.export_redemption"
    export_related = ("entry", "code")
    export_columns_need: ClassVar[dict[str, str]] = {"entry__contact": NEEDS}

    list_display = ("id", "entry", "code", "door", "at", "network")
    list_select_related = ("entry", "code")


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    """Refused codes, with the true reason."""

    list_display = ("at", "reason", "door", "network")
    list_filter = ("launch", ("reason", LatelySeen), ("door", LatelySeen))
    ordering = ("-at",)
    exclude = ("digest", "address_key")


@admin.register(Reservation)
class ReservationAdmin(ShowsPeople, ReadOnly):
    """Uses kept until a mailbox agrees, or for a contact whose sign-up is under way."""

    people = PEOPLE

    list_display = ("id", "entry", "code", "status", "expires_at")
    list_select_related = ("entry", "code")
    list_filter = ("status",)
