"""The page of one's own sessions: where one is logged in, and how to end that."""

from typing import Any

from allauth.account.internal.flows.logout import logout
from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.internal.flows.sessions import end_other_sessions
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.devices import in_words


def shown(session: UserSession) -> dict[str, Any]:
    """One row of the page."""
    return {
        "id": session.pk,
        "device": in_words(session.user_agent),
        "ip": session.ip,
        "created_at": session.created_at,
        "last_seen_at": session.last_seen_at,
    }


@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """Shows them, this one first; ends one of them, or all others."""
    own = UserSession.objects.purge_and_list(request.user)
    if request.method != "POST":
        own.sort(key=lambda one: one.last_seen_at, reverse=True)
        here = [one for one in own if one.session_key == request.session.session_key]
        others = [shown(one) for one in own if one not in here]
        return render(request, "usersessions/list.html", {"here": list(map(shown, here)), "others": others})
    asked = request.POST.get("session", "")
    if asked == "others":
        end_other_sessions(request, request.user)
    else:
        chosen = [one for one in own if str(one.pk) == asked]
        get_adapter().end_sessions(chosen)
        if any(one.session_key == request.session.session_key for one in chosen):
            logout(request)
            return redirect("account_login")
    messages.success(request, _("Done: what was ended there opens nothing any more."))
    return redirect("usersessions_list")
