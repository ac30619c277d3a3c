"""Walks the whole journey over HTTP, as people and programs would: join, confirm, be invited, sign up, bring a friend.

python3 tests/journey.py walk http://localhost:8000    beside a `make run` in this folder; prints Ada's token
python3 tests/journey.py again http://localhost:8000 TOKEN    after a restart: is all of it still there?

Uses the standard library alone, and of Vestibule only what docs/ promises.
"""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any

PATIENCE = 60.0  # seconds for anything that a worker does
PAGES = ("/", "/admin/", "/api/docs", "/api/schema", "/mailbox", "/health", "/health/ready")
ADA, BEN = "ada@example.com", "ben@example.com"
PASSWORD = "a long walk to the sea 17"


class Form(HTMLParser):
    """The fields of the form that asks for a password."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.open: dict[str, str] = {}
        self.asks_password = False
        self.found = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.found:
            self.action, self.open, self.asks_password = said.get("action", ""), {}, False
        if tag == "input" and said.get("name") and not self.found:
            ticked = said.get("type") not in {"checkbox", "radio"} or "checked" in said
            if ticked:
                self.open[said["name"]] = said.get("value", "")
            self.asks_password = self.asks_password or said.get("type") == "password"

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self.asks_password and not self.found:
            self.fields, self.found = self.open, True


class Person:
    """A browser with cookies of its own, or a program that speaks JSON."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def ask(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[str, str]:
        """The answer's text and where it came from in the end; fails on any error."""
        address = urllib.parse.urljoin(self.base, path)
        try:
            with self.opener.open(urllib.request.Request(address, body, headers or {}), timeout=30) as answer:
                return answer.read().decode(), answer.geturl()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{path} answered {error.code}: {error.read().decode()[:800]}") from error

    def get(self, path: str, **headers: str) -> Any:
        return json.loads(self.ask(path, headers=headers)[0])

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return json.loads(self.ask(path, json.dumps(body).encode(), {"Content-Type": "application/json"})[0])

    def me(self, token: str) -> dict[str, Any]:
        found = self.get("/api/waitlist/me", **{"X-Waitlist-Token": token})
        assert isinstance(found, dict)
        return found

    def sign_up(self, link: str, email: str) -> None:
        """Opens the link, fills in the form that asks for a password, and sends it."""
        html, address = self.ask(link)
        form = Form(html)
        expect(form.found, f"no sign-up form at {link}")
        fields = form.fields | {"email": email, "password1": PASSWORD}
        target = urllib.parse.urljoin(address, form.action)
        self.ask(target, urllib.parse.urlencode(fields).encode(), {"Referer": address})

    def mail(self, to: str, containing: str) -> dict[str, Any]:
        """The newest message to the address with a link that contains this; waits for it."""

        def look() -> dict[str, Any] | None:
            messages = self.get(f"/mailbox.json?to={urllib.parse.quote(to)}")["messages"]
            return next((one for one in messages if any(containing in link for link in one["links"])), None)

        found: dict[str, Any] = wait_for(look, f"a mail to {to} with a link to {containing}")
        return found


def expect(truth: object, otherwise: str) -> None:
    if not truth:
        raise SystemExit(f"The journey broke: {otherwise}")


def wait_for(look: Callable[[], Any], what: str) -> Any:
    until = time.monotonic() + PATIENCE
    while not (found := look()):
        expect(time.monotonic() < until, f"waited {PATIENCE:.0f} s for {what}")
        time.sleep(0.3)
    return found


def link_of(message: dict[str, Any], containing: str) -> str:
    return next(str(link) for link in message["links"] if containing in link)


def token_of(link: str, name: str) -> str:
    return urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)[name][0]


def manage(*words: str) -> str:
    done = subprocess.run([".venv/bin/python", "manage.py", *words], capture_output=True, text=True, check=False)
    expect(done.returncode == 0, f"manage.py {' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def wait_in_line(stranger: Person, email: str, **said: str) -> str:
    """Joins and confirms; the token of the private link."""
    joined = stranger.post("/api/waitlist/join", {"email": email, "persona": "agency", **said})
    expect(joined["status"] == "success" and not joined["already_on_list"], f"join answered {joined}")
    link = link_of(stranger.mail(email, "/me?token="), "/me?token=")
    token = token_of(link, "token")
    Person(stranger.base).ask(link)  # a mail scanner opens it
    expect(stranger.me(token)["state"] == "pending", "opening the link must confirm nothing")
    me = stranger.post("/api/waitlist/confirm", {"token": token})
    expect(me["state"] == "waiting" and me["position"] >= 1, f"confirm answered {me}")
    return token


def walk(base: str) -> str:
    """The whole journey; Ada's token."""
    stranger = Person(base)
    for page in PAGES:
        stranger.ask(page)
    say("Every printed page opens.")

    ada = wait_in_line(stranger, ADA, name="Ada", use_case="Automation of our content")
    again = stranger.post("/api/waitlist/join", {"email": f"{ADA.upper()}"})
    expect(not again["already_on_list"] and not again.get("status_url"), f"a stranger learnt of Ada: {again}")
    say(f"Ada joined and confirmed; she is number {stranger.me(ada)['position']}.")

    say(f"invite_next: {manage('invite_next', '--count', '1')}")
    invite = link_of(stranger.mail(ADA, "/sign-in?invite="), "/sign-in?invite=")
    valid = stranger.post("/api/waitlist/validate-token", {"token": token_of(invite, "invite")})
    expect(valid == {"valid": True, "email": ADA}, f"validate-token answered {valid}")
    expect(stranger.me(ada)["state"] == "invited", "Ada is not invited")
    Person(base).sign_up(invite, ADA)
    me = stranger.me(ada)
    expect(me["state"] == "registered" and len(me["codes"]) == 3, f"after sign-up: {me}")
    say("Ada was invited, signed up, and has three codes of her own.")

    code = me["codes"][0]["code"]
    redeemed = stranger.post("/api/invites/redeem", {"code": code.lower(), "email": BEN, "name": "Ben"})
    expect(redeemed["status"] == "success" and redeemed["email"] == BEN, f"redeem answered {redeemed}")
    twice = stranger.post("/api/invites/redeem", {"code": code, "email": BEN, "name": "Ben"})
    expect(twice == redeemed, "redeeming twice gave another answer")
    welcome = stranger.mail(BEN, "/me?token=")
    expect(re.search(r"welcome", welcome["subject"] + welcome["text"], re.IGNORECASE), "Ben got no welcome")
    friends = wait_for(lambda: stranger.me(ada)["referred"]["registered"], "Ada's friend to count")
    say(f"Ben came with Ada's code; she has brought {friends}.")
    return ada


def still_there(base: str, token: str) -> None:
    """After a restart: Ada is in, and Ben still counts for her."""
    me = Person(base).me(token)
    expect(me["state"] == "registered" and me["referred"]["registered"] == 1, f"after the restart: {me}")
    say("After the restart all of it is still there.")


if __name__ == "__main__":
    if sys.argv[1] == "walk":
        print(walk(sys.argv[2]))
    else:
        still_there(sys.argv[2], sys.argv[3])
