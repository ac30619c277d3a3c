"""The public pages of the queue, from joining to the message in the mailbox, and what all pages share.

They stand here rather than in waitlist since they show the sentences of config/problems.py and know the person by the
cookie of config/api.py.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.core.validators import slug_re
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache

from config.api import PersonAuthentication
from config.problems import problem_of
from outbox.callers import network, origin_of
from outbox.errors import Refused
from outbox.states import StaleState
from quality.actions.refusals import note
from quality.models import Refusal
from quality.queries.refusals import was_caught
from waitlist import queries, tokens
from waitlist.actions import confirming, joining
from waitlist.channels import Contact
from waitlist.forms import CodeForm, ContactForm, JoinForm, ShownField, carried
from waitlist.models import Entry, Launch
from waitlist.tokens import PERSON_COOKIE

PERSON_SECONDS = 180 * 24 * 3600
JOINED_COOKIE = "vestibule_joined"  # what this browser typed, for the page that says where the message went
JOINED_SECONDS = 3600
SECOND_TRY_AFTER, SECOND_TRY_WITHIN = timedelta(seconds=10), timedelta(hours=1)


def launch_everywhere(request: HttpRequest) -> dict[str, Any]:
    """Context of every page: the default launch, asked for only where a page names it."""
    return {"launch": SimpleLazyObject(lambda: queries.launch_named(None))}


def sentence(error: Refused | StaleState) -> str:
    """What a verb's no means for the person who reads it."""
    if isinstance(error, StaleState):
        return str(problem_of("stale_state").detail)
    return str(error.detail or problem_of(error.reason).detail)


def rules_of(request: HttpRequest) -> queries.Rules:
    """The launch that the link or the form names, else the default one; 404 when there is none."""
    slug = request.POST.get("launch") or request.GET.get("launch") or ""
    rules = queries.rules_of(slug or None) if not slug or slug_re.fullmatch(slug) else None
    if rules is None:
        raise Http404
    return rules


def person(request: HttpRequest) -> Entry | None:
    """Whose browser this is: by the cookie of their private link, or by their log-in."""
    return PersonAuthentication().behind_cookies(request)


def remember(response: HttpResponse, entry: Entry) -> HttpResponse:
    """Lets this browser show the person's page without the link; no script can read it."""
    response.set_cookie(
        PERSON_COOKIE,
        tokens.person_token(entry),
        max_age=PERSON_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.HTTPS,
    )
    return response


class Join(View):
    """The first page. Whatever stands behind the contact, a stranger sees the same next page."""

    limit = "join"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form, filled with what the link says."""
        said = carried(request.GET, request.META.get("HTTP_REFERER", ""), request.get_host().partition(":")[0])
        return self.page(request, JoinForm(initial={**said, "shown": ShownField.now()}))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Joins."""
        form = JoinForm(request.POST)
        if not form.is_valid():
            return self.page(request, form)
        rules = rules_of(request)
        if is_bot(request, form):
            return sent_to(form.cleaned_data["contact"], rules.launch)
        origin = origin_of(request, form_seconds=form.cleaned_data["shown"])
        try:
            joined = joining.join(rules, form.application(), by="public", origin=origin)
        except Refused as refused:
            form.add_error(None, sentence(refused))
            return self.page(request, form)
        known = person(request)
        if known is not None and known.pk == joined.entry_id:
            return redirect("me")
        return sent_to(form.cleaned_data["contact"], rules.launch, number=self.number(rules.launch, joined))

    def number(self, launch: Launch, joined: joining.Joined) -> int | None:
        """The place of who was in line before, where the launch tells it to anybody."""
        if joined.fresh or not launch.reveal_membership:
            return None
        return queries.position_of(Entry.objects.get(pk=joined.entry_id))

    def page(self, request: HttpRequest, form: JoinForm) -> HttpResponse:
        launch = rules_of(request).launch
        total = queries.total_lately(launch) if launch.stats_public else None
        return render(request, "waitlist/join.html", {"form": form, "launch": launch, "total_waiting": total})


def is_bot(request: HttpRequest, form: JoinForm) -> bool:
    """Whether a program sent this form: it is noted, and looks accepted.

    Who fills in the hidden field twice, as fast as a person and no faster, may have a password manager that does it.
    """
    trap = form.caught_by(settings.FORM_SECONDS)
    if not trap:
        return False
    rule, place = f"join:{trap}", network(request)
    counted = f"{place} {form.cleaned_data['contact'].canonical}"
    now = timezone.now()
    if trap == "honeypot" and was_caught(rule, counted, now - SECOND_TRY_WITHIN, now - SECOND_TRY_AFTER):
        return False
    note(rule, counted, Refusal.Result.CAUGHT, network=place)
    return True


def sent_to(contact: Contact, launch: Launch, *, number: int | None = None) -> HttpResponse:
    """On to the page that says where the message went; what was typed travels in a signed cookie, not in the address."""
    response = redirect("joined")
    said = signing.dumps({"contact": contact.as_typed, "launch": launch.slug, "number": number}, salt=JOINED_COOKIE)
    response.set_cookie(
        JOINED_COOKIE,
        said,
        max_age=JOINED_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.HTTPS,
        path="/joined",
    )
    return response


def sent_before(request: HttpRequest) -> dict[str, Any]:
    """What sent_to() put into the cookie; empty when it is too old or not ours."""
    try:
        return dict(signing.loads(request.COOKIES.get(JOINED_COOKIE, ""), salt=JOINED_COOKIE, max_age=JOINED_SECONDS))
    except signing.BadSignature:
        return {}


@method_decorator(never_cache, name="dispatch")
class Joined(View):
    """Look in your mailbox, or type the six digits."""

    limit = "confirm"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The page; with nothing remembered it asks for the address too."""
        said = sent_before(request)
        rules = queries.rules_of(said.get("launch"))
        return self.page(request, CodeForm(initial=said), {**said, "launch": rules and rules.launch})

    def post(self, request: HttpRequest) -> HttpResponse:
        """Confirms with the digits; whoever has them has the mailbox, so this browser is theirs."""
        form, launch = CodeForm(request.POST), rules_of(request).launch
        if form.is_valid():
            try:
                entry = confirming.confirm_by_code(
                    launch,
                    form.cleaned_data["contact"],
                    form.cleaned_data["code"],
                    by="public",
                    origin=origin_of(request),
                )
            except Refused as refused:
                form.add_error("code", sentence(refused))
            else:
                messages.success(request, _("Your place is confirmed."))
                return remember(redirect("me"), entry)
        typed = "" if "contact" in form.errors else form["contact"].value()
        return self.page(request, form, {"contact": typed, "launch": launch})

    def page(self, request: HttpRequest, form: CodeForm, said: dict[str, Any]) -> HttpResponse:
        return render(request, "waitlist/joined.html", {"form": form, **said})


class Resend(View):
    """Writes to the mailbox again; the same answer whatever stands there."""

    limit = "resend"
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Owes the message."""
        form = ContactForm(request.POST)
        if not form.is_valid():
            return lost(request, form)
        launch, contact = rules_of(request).launch, form.cleaned_data["contact"]
        confirming.resend(launch, contact, by="public")
        messages.success(request, _("If this address is on the list, a message is on its way to it."))
        return sent_to(contact, launch)


def lost(request: HttpRequest, form: ContactForm | None = None) -> HttpResponse:
    """The page of who is not known here: it sends the private link again."""
    return render(request, "waitlist/lost.html", {"form": form or ContactForm()})
