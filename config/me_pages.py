"""The person's page and what can be done on it, and the end of a redemption that somebody began with their address."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.decorators.cache import never_cache

from config.me import me
from config.pages import lost, person, remember, sentence
from invites.actions import inviting, redeeming
from invites.tokens import reservation_of
from outbox.callers import origin_of
from outbox.errors import Refused
from outbox.states import StaleState
from referrals.queries import friends_of, next_step
from waitlist.actions import confirming, deciding
from waitlist.forms import DeferForm
from waitlist.models import Entry
from waitlist.tokens import PERSON_COOKIE, entry_of


def reasons(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The points by their reason: many friends are one line."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        one = found.setdefault(line["reason"], {"reason": line["reason"], "times": 0, "points": 0})
        one["times"] += 1
        one["points"] += line["points"]
    return list(found.values())


def next_reward(entry: Entry) -> dict[str, Any] | None:
    """What the next milestone pays, and how many friends are missing; None when every milestone is reached."""
    found = next_step(entry)
    return {"left": found[1], "kind": found[0].kind, "amount": found[0].amount} if found else None


@method_decorator(never_cache, name="dispatch")
class Me(View):
    """Where the person stands, why, and what they can do next."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The page; the token of a private link is taken out of the address first."""
        if "token" in request.GET:
            return self.arrive(request, request.GET["token"])
        entry = person(request)
        return lost(request) if entry is None else self.page(request, entry)

    def arrive(self, request: HttpRequest, token: str) -> HttpResponse:
        """Keeps the link's token in a cookie, so that it stands in no address bar and goes to no other site."""
        entry, response = entry_of(token), redirect("me")
        if entry is None:
            messages.error(request, _("This link is not ours or no longer works. We send you a new one."))
        else:
            remember(response, entry)
        response["Referrer-Policy"] = "no-referrer"
        return response

    def page(self, request: HttpRequest, entry: Entry) -> HttpResponse:
        shown = me(entry)
        context = {
            "me": shown,
            "entry": entry,
            "launch": entry.launch,
            "friends": friends_of(entry),
            "next_reward": next_reward(entry),
            "reasons": reasons(shown["points"]),
            "invite_url": (shown["invite"] or {}).get("signup_url"),
            "remembered": PERSON_COOKIE in request.COOKIES,
        }
        return render(request, "waitlist/me.html", context)


@method_decorator(never_cache, name="dispatch")
class Act(View):
    """One verb of the person about themselves: it says how it went and goes back to their page."""

    limit = "act"
    http_method_names = ["post"]
    done: ClassVar[Promise | str] = ""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Runs the verb for whoever's browser this is."""
        entry = person(request)
        if entry is None:
            return lost(request)
        try:
            self.act(entry, f"person:{entry.pk}")
        except (Refused, StaleState) as error:
            messages.error(request, sentence(error))
        else:
            messages.success(request, str(self.done))
        return redirect("me")

    def act(self, entry: Entry, by: str) -> None:
        """The verb."""
        raise NotImplementedError


class Confirm(Act):
    """It was me: I take my place."""

    done = gettext_lazy("Your place is confirmed.")

    def act(self, entry: Entry, by: str) -> None:
        confirming.confirm(entry.pk, by=by, origin=origin_of(self.request))


class Leave(Act):
    """I do not want to wait any more."""

    done = gettext_lazy("You are off the list.")

    def act(self, entry: Entry, by: str) -> None:
        deciding.leave(entry, by=by)


class Decline(Act):
    """I do not want the place that is kept for me."""

    done = gettext_lazy("You gave your place away. Thank you for telling us.")

    def act(self, entry: Entry, by: str) -> None:
        inviting.decline(entry, by=by)


class Defer(Act):
    """Pass me over until then."""

    done = gettext_lazy("We wait for you until then. You keep your place.")

    def act(self, entry: Entry, by: str) -> None:
        form = DeferForm(self.request.POST, entry.launch)
        if not form.is_valid():
            raise Refused("invalid", " ".join(map(str, form.errors["until"])))
        deciding.defer(entry, form.cleaned_data["until"], by=by)


class Forget(View):
    """Takes the person's cookie out of this browser; nothing else changes."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Forgets."""
        response = redirect("join")
        response.delete_cookie(PERSON_COOKIE, samesite="Lax")
        messages.success(request, _("This browser has forgotten you. The link in our message leads you back."))
        return response


@method_decorator(never_cache, name="dispatch")
class Complete(View):
    """Whoever opens the mailed link says whether it was them who used a code."""

    limit = "redeem"

    def get(self, request: HttpRequest) -> HttpResponse:
        """A button; opening the link spends nothing."""
        return self.page(request, request.GET.get("token", ""))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Spends the kept use."""
        reservation = reservation_of(request.POST.get("token", ""))
        if reservation is None:
            return self.page(request, "")
        entry = reservation.person
        try:
            redeemed = redeeming.complete(reservation, by=f"person:{entry.pk}", origin=origin_of(request))
        except (Refused, StaleState) as error:
            messages.error(request, sentence(error))
            return self.page(request, "")
        messages.success(request, _("You are in. Your own codes are here, and in your mailbox."))
        # Pressed twice, the second answer must show the page too; but a spent link is no key to it for ever.
        late = redeemed.already and reservation.expires_at <= timezone.now()
        return redirect("me") if late else remember(redirect("me"), entry)

    def page(self, request: HttpRequest, token: str) -> HttpResponse:
        reservation = reservation_of(token)
        context: dict[str, Any] = {"token": token if reservation else ""}
        if reservation:
            context["launch"] = reservation.person.launch
        return render(request, "invites/complete.html", context)
