"""Lets staff see whole codes, each time on record: one code with a reason, a run once when it was made, a sheet to print."""

from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from invites import policy, queries, signals
from invites.models import Code, CodeRun
from outbox.errors import Refused
from outbox.facts import Said
from outbox.states import verb


@verb
def reveal(code: Code, reason: str, *, by: str) -> str:
    """The whole code. Raises Refused where only its digest was ever kept."""
    text = queries.whole_text(code)
    if text is None:
        raise Refused(
            "digest_only",
            _("This code was made elsewhere: only a keyed hash and its last four characters are kept here."),
        )
    signals.code_revealed.announce([Said(f"code:{code.pk}", {"reason": reason})], by=by)
    return text


@verb
def take(run: CodeRun, how: str, *, by: str) -> None:
    """Who made the codes takes them away, once, within a quarter of an hour; everybody else, and later, is Refused."""
    able = policy.may_take(by, run.by, queries.ready_at(run), run.taken_at, timezone.now())
    if not able or not CodeRun.objects.filter(pk=run.pk, taken_at=None).update(taken_at=Now()):
        raise Refused(
            "codes_taken",
            _(
                "These codes can be taken once, by who made them, within 15 minutes. That was done, or the time is over."
            ),
        )
    count = queries.run_codes(run.pk).count()
    signals.codes_taken.announce([Said(f"code_run:{run.pk}", {"count": count, "how": how})], by=by)


@verb
def note_printing(run: CodeRun, first: int, count: int, reason: str, *, by: str) -> None:
    """A sheet of whole codes goes to a printer: from the first so many."""
    data = {"first": first, "count": count, "reason": reason}
    signals.codes_printed.announce([Said(f"code_run:{run.pk}", data)], by=by)
