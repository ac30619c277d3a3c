"""How the people of the tests make a log-in: the form, the JSON of apps, and a single sign-on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

from allauth.socialaccount.providers import registry
from allauth.socialaccount.providers.dummy.provider import DummyProvider
from django.test import Client, modify_settings, override_settings
from django.utils import timezone

from accounts.models import User
from invites import queries
from invites.actions import making
from waitlist.models import Launch

PASSWORD = "correct horse battery staple"
FORM = "/accounts/signup/"
SOCIAL_FORM = "/accounts/3rdparty/signup/"
APP, BROWSER = "/_allauth/app/v1/auth", "/_allauth/browser/v1/auth"
LOOK_IN_INBOX = "/accounts/confirm-email/"


def address(name: str) -> str:
    return f"{name}@example.com"


def shared_code(launch: Launch, uses: int = 1, **more: Any) -> str:
    """A campaign's code: whoever holds it may be anybody."""
    end = timezone.now() + timedelta(days=9)
    spec = making.Spec(count=1, expires_at=end, batch_id=uuid4().hex, max_uses=uses, **more)
    run, _fresh = making.generate(launch, spec, by="staff:1")
    return next(iter(queries.run_texts(run.pk)))


def said_by(name: str, code: str = "", **more: str) -> dict[str, str]:
    """What somebody types into the form."""
    return {"email": address(name), "password1": PASSWORD, "name": name.title(), "invite_code": code, **more}


def signs_up(client: Client, name: str, code: str = "", **more: Any) -> Any:
    """The HTML form."""
    return client.post(FORM, said_by(name, code, **more))


def signs_up_by_json(client: Client, name: str, code: str = "", *, where: str = APP, **more: Any) -> Any:
    """The JSON of an app or of a single-page site."""
    body = {"email": address(name), "password": PASSWORD, "name": name.title(), "invite_code": code}
    return client.post(f"{where}/signup", json.dumps(body), content_type="application/json", **more)


def user_named(name: str) -> User | None:
    return User.objects.filter(email=address(name)).first()


@contextmanager
def single_sign_on() -> Iterator[None]:
    """The dummy provider is installed: whoever says who they are is believed."""
    known = dict(registry.provider_map)
    registry.register(DummyProvider)
    try:
        with (
            modify_settings(INSTALLED_APPS={"append": "allauth.socialaccount.providers.dummy"}),
            override_settings(ROOT_URLCONF="tests.gate_urls"),
        ):
            yield
    finally:
        registry.provider_map.clear()
        registry.provider_map.update(known)


def comes_back_from_provider(client: Client, name: str, *, verified: bool = False) -> Any:
    """The whole way to the provider and back."""
    to_provider = client.post("/accounts/dummy/login/?process=login")
    said = {"id": str(number(name)), "email": address(name), "email_verified": "on" if verified else ""}
    return client.post(to_provider["Location"], said)


def token_of_provider(name: str, *, verified: bool = False) -> str:
    """The body that hands over what a provider said."""
    said = {"id": number(name), "email": address(name), "email_verified": verified}
    return json.dumps({"provider": "dummy", "process": "login", "token": {"id_token": json.dumps(said)}})


def number(name: str) -> int:
    """The provider's number for somebody."""
    return sum(ord(letter) * 31**place for place, letter in enumerate(name))
