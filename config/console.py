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


def seen_with(needs: str) -> Callable[[HttpRequest], bool]:
    """The condition that the caller has the permission."""
    return lambda request: may(request.user, needs)


def rows(title: str | Promise, model: str, icon: str) -> dict[str, Any]:
    """The list of one model ("waitlist.entry"), for who may view it."""
    app, name = model.split(".")
    page = reverse_lazy(f"admin:{app}_{name}_changelist")
    return {"title": title, "icon": icon, "link": page, "permission": seen_with(f"{app}.view_{name}")}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of the sidebar, the busiest first."""
    today = {"title": _("What is going on"), "icon": "monitoring", "link": reverse_lazy("admin:index")}
    return [
        {
            "items": [
                today,
                rows(_("People"), "waitlist.entry", "group"),
                rows(_("Alerts"), "quality.alert", "notifications"),
                {
                    "title": _("A leak"),
                    "icon": "emergency",
                    "link": reverse_lazy("leaks"),
                    "permission": seen_with("invites.contain_code"),
                },
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
