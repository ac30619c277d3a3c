"""The pages of the outbox: the end of all mail to an address, and the development mailbox."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from outbox import mailbox
from outbox.actions import suppress
from outbox.keys import unsubscriber
from outbox.policy import UNSUBSCRIBED

# A mail may carry any inline style; nothing in it runs, and it loads nothing. The page that frames it is ours.
FRAMED = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-popups allow-top-navigation-by-user-activation"
)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button and does nothing. POST, by a mail program too (RFC 8058), ends all mail to the address.

    An unknown token gets the same page, so it cannot be told from a good one.
    """
    done = request.method == "POST"
    if done and (key := unsubscriber(token)) is not None:
        suppress(key, UNSUBSCRIBED, by="public")
    response = render(request, "outbox/unsubscribe.html", {"done": done})
    response["Referrer-Policy"] = "no-referrer"  # the link is a secret of its mailbox
    return response


def development_only() -> None:
    """The mailbox holds everybody's codes: outside development it does not exist."""
    if not settings.MAILBOX:
        raise Http404


def kept_or_404(message_id: str) -> mailbox.Kept:
    development_only()
    found = mailbox.message(message_id)
    if found is None:
        raise Http404
    return found


@never_cache
@require_GET
def messages(request: HttpRequest) -> HttpResponse:
    """All kept messages, newest first; ?to= shows those to one address."""
    development_only()
    to = request.GET.get("to", "")
    return render(request, "outbox/mailbox.html", {"messages": mailbox.newest(to), "to": to})


@never_cache
@require_GET
def messages_json(request: HttpRequest) -> JsonResponse:
    """The same for scripts."""
    development_only()
    return JsonResponse({"messages": [kept.as_json() for kept in mailbox.newest(request.GET.get("to", ""))]})


@never_cache
@require_GET
def message(request: HttpRequest, message_id: str) -> HttpResponse:
    """One message: headers, the text with its links, and the HTML part in a frame that can run nothing."""
    return render(request, "outbox/message.html", {"message": kept_or_404(message_id)})


@never_cache
@require_GET
@xframe_options_sameorigin
def message_html(request: HttpRequest, message_id: str) -> HttpResponse:
    """The HTML part alone; its links open in the whole window."""
    html = f'<base target="_top">{kept_or_404(message_id).html}'
    return HttpResponse(html, headers={"Content-Security-Policy": FRAMED, "Referrer-Policy": "no-referrer"})


@never_cache
@require_GET
def message_raw(request: HttpRequest, message_id: str) -> HttpResponse:
    """The message as it would have left."""
    return HttpResponse(kept_or_404(message_id).raw, content_type="text/plain; charset=utf-8")
