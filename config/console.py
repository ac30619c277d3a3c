"""The console's sidebar: its pages by what a moderator wants to do, each shown to who may see it."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from outbox.console import may


def icon(request: HttpRequest) -> str:
    """Where the console's icon is."""
    return static("favicon.svg")


def style(request: HttpRequest) -> str:
    """Where the style of our own pages of the console is."""
    return static("console.css")


def times(request: HttpRequest) -> str:
    """Where the script is that says moments in the reader's own zone."""
    return static("times.js")


def keys(request: HttpRequest) -> str:
    """Where the keys of the box that finds people are."""
    return static("console-person.js")


def account_links(request: HttpRequest) -> list[dict[str, Any]]:
    """What stands under one's own name: the pages of one's own log-in."""
    pages = {"mfa_index": _("Second factor"), "usersessions_list": _("Sessions")}
    pages |= {"account_change_password": _("Change password")}
    return [{"title": title, "link": reverse_lazy(name)} for name, title in pages.items()]


def seen_with(needs: str) -> Callable[[HttpRequest], bool]:
    """The condition that the caller has the permission."""
    return lambda request: may(request.user, needs)


def rows(title: str | Promise, model: str, icon: str) -> dict[str, Any]:
    """The list of one model ("waitlist.entry"), for who may view it."""
    app, name = model.split(".")
    page = reverse_lazy(f"admin:{app}_{name}_changelist")
    return {"title": title, "icon": icon, "link": page, "permission": seen_with(f"{app}.view_{name}")}


def ours(title: str | Promise, name: str, icon: str, needs: str) -> dict[str, Any]:
    """A page of our own (config/console_urls.py), for who has the permission."""
    return {"title": title, "icon": icon, "link": reverse_lazy(name), "permission": seen_with(needs)}


def bring_in(request: HttpRequest) -> dict[str, Any]:
    """The page of files that are brought in, of the first kind that the caller may bring."""
    kinds = {
        "entries": "waitlist.import_entry",
        "codes": "invites.import_code",
        "referrals": "referrals.import_referral",
    }
    name = next((name for name, needs in kinds.items() if may(request.user, needs)), "")
    page = reverse_lazy("import", args=[name or "entries"])
    return {
        "title": _("Bring in a file"),
        "icon": "upload_file",
        "link": page,
        "permission": lambda _request: bool(name),
    }


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of the sidebar, the busiest first."""
    today = {"title": _("What is going on"), "icon": "monitoring", "link": reverse_lazy("admin:index")}
    return [
        {
            "items": [
                today,
                ours(_("Review queue"), "review", "rule", "waitlist.view_entry"),
                ours(_("Find"), "find", "search", "waitlist.view_entry"),
                rows(_("People"), "waitlist.entry", "group"),
                rows(_("Alerts"), "quality.alert", "notifications"),
                bring_in(request),
                ours(_("A leak"), "leaks", "emergency", "invites.contain_code"),
                rows(_("Jobs"), "outbox.job", "hourglass_top"),
            ]
        },
        {
            "title": _("Letting in"),
            "items": [
                rows(_("Launch"), "waitlist.launch", "rocket_launch"),
                rows(_("Batches"), "invites.batch", "groups"),
                rows(_("Invites"), "invites.invite", "mail"),
                rows(_("Codes"), "invites.code", "key"),
                ours(_("Campaigns"), "invites-campaigns", "campaign", "invites.view_code"),
                ours(_("Channels"), "invites-channels", "hub", "invites.view_code"),
                rows(_("Redemptions"), "invites.redemption", "login"),
                rows(_("Refused codes"), "invites.attempt", "block"),
            ],
        },
        {
            "title": _("Quality"),
            "items": [
                rows(_("Gates"), "quality.gate", "door_front"),
                rows(_("Readings"), "quality.reading", "show_chart"),
                rows(_("Assessments"), "quality.assessment", "fact_check"),
                rows(_("Refusals at the doors"), "quality.refusal", "front_hand"),
                ours(_("Blocked places"), "bars", "wifi_off", "quality.view_bar"),
                rows(_("Known domains"), "quality.listeddomain", "dns"),
                rows(_("Answers"), "quality.answer", "reviews"),
            ],
        },
        {
            "title": _("Friends"),
            "items": [
                rows(_("Referrals"), "referrals.referral", "share"),
                rows(_("Rewards"), "referrals.reward", "redeem"),
                rows(_("Milestones"), "referrals.milestone", "flag"),
            ],
        },
        {
            "title": _("The house"),
            "items": [
                rows(_("Trail"), "outbox.event", "history"),
                rows(_("Deliveries"), "outbox.delivery", "outbox"),
                rows(_("Endpoints"), "outbox.endpoint", "webhook"),
                rows(_("API keys"), "accounts.apikey", "vpn_key"),
                rows(_("Users"), "accounts.user", "badge"),
            ],
        },
    ]
