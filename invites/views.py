"""The public pages of invites: where the links of invites and codes lead. Opening one changes nothing."""

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from invites import admission, campaigns, carried, policy, tokens
from invites.actions import counting, redeeming
from invites.carried import Carried
from invites.guard import sentence
from invites.models import Invite, PartnerLink
from outbox.callers import origin_of
from outbox.errors import Refused
from waitlist.actions import registering
from waitlist.channels import Contact, read
from waitlist.queries import launch_named


@method_decorator(never_cache, name="dispatch")
class SignIn(View):
    """With the token of an invite on to the sign-up form, or to the one button of who has a log-in; without one to the log-in."""

    limit = "redeem"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Keeps the token in a cookie, so that it does not stay in the address bar."""
        if "invite" not in request.GET:
            return redirect("account_login")
        token = request.GET["invite"][: carried.LONGEST]
        invite = tokens.invite_of(token)
        word = admission.over(invite, timezone.now()) if invite else "unknown"
        if invite is None or word:
            return ended(request, invite, word)
        if request.user.is_authenticated:
            return self.of_user(request, invite, token)
        response = redirect("account_signup")
        carried.keep(response, Carried(token=token))
        return response

    def post(self, request: HttpRequest) -> HttpResponse:
        """The button: a user who was invited at their own address comes in with the log-in they have."""
        token = request.POST.get("invite", "")
        invite = tokens.invite_of(token)
        if invite is None or not request.user.is_authenticated or not is_invited(request.user, invite):
            return redirect("account_login")
        try:
            take(invite, request, request.user.pk)
        except Refused as refused:
            messages.error(request, str(admission.TOLD.get(refused.why, "")) or sentence(refused))
        return redirect("/me")

    def of_user(self, request: HttpRequest, invite: Invite, token: str) -> HttpResponse:
        """Whoever is signed in already is asked whether they take it, or told that it is not for them."""
        mine = is_invited(request.user, invite)
        context = {"launch": invite.entry.launch, "token": token, "mine": mine}
        return answer(request, "invites/accept.html", context, status=200 if mine else 403)


def signup(request: HttpRequest) -> HttpResponse:
    """The sign-up form: with the code of the link filled in, else with an empty field."""
    response = redirect("account_signup")
    code = request.GET.get("code", "").strip()
    if code:
        carried.keep(response, Carried(code=code[: carried.LONGEST]))
    else:
        carried.forget(response)
    return response


class Opened(View):
    """Counts that somebody has the sign-up page with a code before them: their browser says so once they move.

    Looking at the page counts nothing, so that a link scanner leaves no mark; the code is the one in the browser's cookie.
    """

    http_method_names = ["post"]
    limit = "opened"

    def post(self, request: HttpRequest) -> HttpResponse:
        """The same answer, and the same work, whether there is such a code or not."""
        launch, code = launch_named(None), carried.carried_by(request).code
        if launch is not None and code:
            counting.note_opened(launch, code)
        return HttpResponse(status=204)


PARTNER_COOKIE = "vestibule_partner"


@method_decorator(never_cache, name="dispatch")
class Partner(View):
    """A channel's numbers for who brings its people: no names, no addresses, and nothing of fewer than five people."""

    http_method_names = ["get", "head"]
    looks = "partner"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The page; the token of the link is taken out of the address first."""
        if "token" in request.GET:
            return self.arrive(request.GET["token"][: carried.LONGEST])
        link = tokens.partner_link_of(request.COOKIES.get(PARTNER_COOKIE, ""))
        if link is None or not is_open(link, timezone.now()):
            return answer(request, "invites/partner_ended.html", {}, status=404)
        weeks = campaigns.by_week(campaigns.by_day(link.launch, "channel", link.channel))
        context = {"link": link, "launch": link.launch, "counted_at": campaigns.counted_at(link.launch)}
        return answer(request, "invites/partner.html", context | shown_to_partner(weeks), status=200)

    def arrive(self, token: str) -> HttpResponse:
        """Keeps the token in a cookie of this page alone, so that it stands in no address bar and goes to no other site."""
        response = redirect("partner")
        link = tokens.partner_link_of(token)
        if link is None:
            response.delete_cookie(PARTNER_COOKIE, path="/partner", samesite="Lax")
        else:
            response.set_cookie(
                PARTNER_COOKIE,
                token,
                expires=link.expires_at,
                httponly=True,
                samesite="Lax",
                secure=settings.HTTPS,
                path="/partner",
            )
        response["Referrer-Policy"] = "no-referrer"
        return response


def is_open(link: PartnerLink, now: datetime) -> bool:
    """Whether the partner may still look."""
    return link.status == PartnerLink.Status.ACTIVE and now < link.expires_at


def shown_to_partner(weeks: dict[date, dict[str, int]]) -> dict[str, Any]:
    """The rows of the weeks, the newest first, and the sums: small numbers of people are left out (policy.veiled)."""
    columns = {name: policy.veiled([week[name] for week in weeks.values()]) for name in campaigns.PARTNERS_SEE[1:]}
    issued = [week["issued"] for week in weeks.values()]
    told = [issued, *(numbers for numbers, _total in columns.values())]
    rows = list(zip(weeks, zip(*told, strict=True), strict=True))[::-1]
    return {"weeks": rows, "totals": [sum(issued), *(total for _numbers, total in columns.values())]}


def is_invited(user: Any, invite: Invite) -> bool:
    """Whether the user's address is the one that was invited, and theirs: they confirmed it."""
    entry = invite.entry
    own = user.emailaddress_set.filter(verified=True).values_list("email", flat=True)
    return entry.contact_kind == "email" and entry.canonical in {read("email", email).canonical for email in own}


def take(invite: Invite, request: HttpRequest, user_id: int) -> None:
    """The place for the user who is signed in; who was in already only gets their log-in linked."""
    entry, by = invite.entry, f"user:{user_id}"
    if admission.is_member_without_login(entry):
        registering.link_user(entry.pk, user_id, by=by)
        return
    ask = redeeming.Ask(
        contact_of(invite),
        token=tokens.invite_token(invite),
        door="sign-up",
        origin=origin_of(request),
        user_id=user_id,
        proven=True,
    )
    redeeming.redeem(entry.launch, ask, by=by)


def contact_of(invite: Invite) -> Contact:
    """Whom the invite was sent to."""
    entry = invite.entry
    return Contact(entry.contact_kind, entry.contact, entry.canonical)


def ended(request: HttpRequest, invite: Invite | None, word: str) -> HttpResponse:
    """Why this link leads nowhere: the truth for a token of ours, one page for everything else."""
    known = invite is not None and word in admission.TOLD
    context: dict[str, Any] = {"told": admission.TOLD[word] if known else "", "word": word if known else "unknown"}
    if invite is not None and known:
        context |= {"launch": invite.entry.launch, "waits_again": invite.entry.status in ("waiting", "approved")}
    return answer(request, "invites/ended.html", context, status=410 if known else 404)


def answer(request: HttpRequest, template: str, context: dict[str, Any], *, status: int) -> HttpResponse:
    """A page whose address holds a token: no other site learns it."""
    response = render(request, template, context, status=status)
    response["Referrer-Policy"] = "no-referrer"
    return response
