"""Joining, through the API, as a stranger, a keyed caller and the person themselves."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from django.test import Client
from django.utils import timezone

from outbox.actions import Owed, owe, owe_sealed
from outbox.keys import address_key
from outbox.models import Event
from tests import cast
from tests.conftest import Api, Mailbox
from waitlist import tokens
from waitlist.actions import deciding, keeping, tuning, vouching
from waitlist.models import Entry, Launch, Trace

JOIN = "/api/waitlist/join"
pytestmark = pytest.mark.django_db


def test_a_stranger_joins_and_the_mailbox_has_the_next_step(api: Api, launch: Launch, mailbox: Mailbox) -> None:
    said = api.post(JOIN, {"email": "Ada@Example.com", "name": "Ada", "persona": "agency", "use_case": "marketing"})
    assert said.status_code == 200
    assert said.json()["state"] == "pending"
    entry = Entry.objects.get()
    assert (entry.contact, entry.canonical, entry.priority) == ("Ada@Example.com", "ada@example.com", 25)
    assert tokens.confirm_code(entry.pk, 1) in mailbox.newest("Ada@Example.com").text
    assert Event.objects.filter(kind="entry.joined", subject=f"entry:{entry.pk}", by="public").exists()


@pytest.mark.parametrize(
    "who", ["new", "pending", "waiting", "held", "invited", "registered", "blocked", "rejected", "left"]
)
def test_a_stranger_reads_the_same_whoever_it_is(who: str, api: Api, launch: Launch) -> None:
    stranger = api.post(JOIN, {"email": "somebody@example.com"}).json()
    some_state(launch, who)
    assert api.post(JOIN, {"email": "ada@example.com"}).json() == stranger


def some_state(launch: Launch, who: str) -> None:
    makers: dict[str, Callable[..., Any]] = {
        "pending": cast.joins,
        "invited": cast.invited,
        "registered": cast.registers,
    }
    verbs: dict[str, Callable[..., int]] = {
        "held": deciding.hold,
        "blocked": deciding.block,
        "rejected": deciding.reject,
    }
    if who in makers:
        makers[who](launch, "ada")
    elif who != "new":
        entry = cast.ada(launch)
        if who == "left":
            deciding.leave(entry, by="person")
        elif who in verbs:
            verbs[who]([entry.pk], "a test", by="staff:1")


def test_a_known_person_is_told_in_their_mailbox(api: Api, launch: Launch, mailbox: Mailbox) -> None:
    entry = cast.ada(launch)
    before = len(mailbox.all())
    api.post(JOIN, {"email": "ADA@example.com"})
    assert len(mailbox.all()) == before + 1
    assert f"{tokens.status_url(entry)}" in mailbox.newest("ada@example.com").text


def test_who_was_blocked_is_not_written_to(api: Api, launch: Launch, mailbox: Mailbox) -> None:
    deciding.block([cast.ada(launch).pk], "spam", by="staff:1")
    before = len(mailbox.all())
    api.post(JOIN, {"email": "ada@example.com"})
    assert len(mailbox.all()) == before


def test_a_keyed_caller_reads_the_truth(api: Api, launch: Launch, key: Callable[..., str]) -> None:
    cast.ada(launch)
    api.with_key(key("waitlist:write"))
    said = api.post(JOIN, {"email": "ada@example.com"}).json()
    assert (said["already_on_list"], said["position"], said["state"]) == (True, 1, "waiting")
    assert said["referral_link"].endswith(said["referral_code"])


def test_the_persons_own_token_reads_the_truth(api: Api, launch: Launch) -> None:
    api.with_token(tokens.person_token(cast.ada(launch)))
    assert api.post(JOIN, {"email": "ada@example.com"}).json()["already_on_list"] is True
    assert api.post(JOIN, {"email": "eve@example.com"}).json()["already_on_list"] is False


def test_a_launch_may_reveal_membership(api: Api, launch: Launch) -> None:
    tuning.tune(launch, {"reveal_membership": True}, by="staff:1")
    cast.ada(launch)
    said = api.post(JOIN, {"email": "ada@example.com"}).json()
    assert (said["already_on_list"], said["position"], said["status_url"]) == (True, 1, None)


def test_without_confirmation_people_wait_at_once(api: Api, launch: Launch, key: Callable[..., str]) -> None:
    tuning.tune(launch, {"confirm_contact": False}, by="staff:1")
    said = api.with_key(key("waitlist:write")).post(JOIN, {"email": "ada@example.com"}).json()
    assert (said["state"], said["position"], said["total_waiting"]) == ("waiting", 1, 1)


def test_joining_twice_changes_nothing(api: Api, launch: Launch) -> None:
    api.post(JOIN, {"email": "ada@example.com", "name": "Ada"})
    api.post(JOIN, {"email": "A.DA@EXAMPLE.com".replace(".D", "D"), "name": "Eve", "persona": "agency"})
    entry = Entry.objects.get()
    assert (entry.name, entry.persona, entry.points.count()) == ("Ada", "", 1)


def test_who_left_may_come_again(api: Api, launch: Launch) -> None:
    entry = cast.ada(launch)
    deciding.leave(entry, by="person")
    api.post(JOIN, {"email": "ada@example.com"})
    assert cast.now(entry).status == "pending"


def test_a_typed_source_is_kept_and_earns_nothing(api: Api, launch: Launch) -> None:
    api.post(JOIN, {"email": "ada@example.com", "source": "producthunt"})
    entry = Entry.objects.get()
    assert (entry.source, entry.priority) == ("producthunt", 5)


def test_a_keyed_caller_vouches_for_a_source(api: Api, launch: Launch, key: Callable[..., str]) -> None:
    api.with_key(key("waitlist:write")).post(JOIN, {"email": "ada@example.com", "source": "producthunt"})
    assert Entry.objects.get().priority == 25


def test_a_signed_link_vouches_for_so_many_people_and_no_more(api: Api, launch: Launch) -> None:
    link = vouching.make_source_link(launch, "producthunt", expires_at=timezone.now() + timedelta(1), cap=1, by="cli")
    via = parse_qs(urlparse(tokens.source_link(link, launch)).query)["via"][0]
    for name in ("ada", "ada", "ben"):
        api.post(JOIN, {"email": f"{name}@example.com", "via": via})
    assert dict(Entry.objects.values_list("contact", "priority")) == {"ada@example.com": 25, "ben@example.com": 5}


@pytest.mark.parametrize("via", ["", "x", "W10:x", "WzEsMV0:AAAA"])
def test_a_forged_source_link_vouches_for_nobody(via: str, api: Api, launch: Launch) -> None:
    assert api.post(JOIN, {"email": "ada@example.com", "via": via}).status_code == 200
    assert Entry.objects.get().priority == 5


def test_network_and_browser_are_kept_apart_and_purged(api: Api, launch: Launch) -> None:
    api.post(JOIN, {"email": "ada@example.com"}, HTTP_USER_AGENT="Phone/1", REMOTE_ADDR="192.0.2.7")
    trace = Trace.objects.get()
    assert (trace.network, trace.user_agent) == ("192.0.2.7", "Phone/1")
    assert keeping.purge_traces(timezone.now() + timedelta(89)) == 0
    assert keeping.purge_traces(timezone.now() + timedelta(91)) == 1


@pytest.mark.parametrize("changes", [{"enabled": False}, {"mode": "codes"}])
def test_a_closed_launch_takes_nobody(changes: dict[str, object], api: Api, launch: Launch) -> None:
    tuning.tune(launch, changes, by="staff:1")
    said = api.post(JOIN, {"email": "ada@example.com"})
    assert (said.status_code, said.json()["code"]) == (403, "launch_closed")
    assert not Entry.objects.exists()


def test_nobody_is_mail_bombed_through_us(api: Api, launch: Launch, mailbox: Mailbox) -> None:
    for _n in range(12):
        api.post(JOIN, {"email": "ada@example.com"})
        api.post("/api/waitlist/resend", {"email": "ada@example.com"})
    assert len(mailbox.all("ada@example.com")) <= 5


def test_a_friends_link_is_worth_points_and_names_the_friend(api: Api, launch: Launch) -> None:
    ben = cast.ben(launch)
    api.post(JOIN, {"email": "ada@example.com", "referral_code": ben.referral_code})
    entry = Entry.objects.get(canonical="ada@example.com")
    assert (entry.referred_by_id, entry.priority, entry.source) == (ben.pk, 15, "referral")


def test_an_unknown_friend_changes_nothing(api: Api, launch: Launch) -> None:
    api.post(JOIN, {"email": "ada@example.com", "referral_code": "nobody"})
    assert Entry.objects.get().referred_by_id is None


def test_another_launch_has_its_own_list(api: Api, launch: Launch) -> None:
    tuning.make_launch("second", "Second", by="staff:1")
    cast.ada(launch)
    assert api.post(JOIN, {"email": "ada@example.com", "launch": "second"}).status_code == 200
    assert Entry.objects.filter(canonical="ada@example.com").count() == 2


def test_whom_staff_put_on_the_list_came_by_hand(client: Client, launch: Launch) -> None:
    client.force_login(cast.dev(), backend="django.contrib.auth.backends.ModelBackend")
    said = client.post(JOIN, {"email": "ada@example.com"}, content_type="application/json").json()
    assert said["status_url"]  # staff speak for the person
    assert Entry.objects.get().source == "manual"


@pytest.mark.parametrize("utm", [{"source": "Newsletter"}, {"utm_source": "newsletter"}])
def test_a_utm_source_is_the_source_of_who_names_none(utm: dict[str, str], api: Api, launch: Launch) -> None:
    api.post(JOIN, {"email": "ada@example.com", "utm": utm})
    assert Entry.objects.get().source == "newsletter"


def test_null_leaves_a_text_out(api: Api, launch: Launch) -> None:
    nothing = dict.fromkeys(("name", "use_case", "persona", "source", "referral_code", "locale", "launch", "phone"))
    assert api.post(JOIN, nothing | {"email": "ada@example.com"}).status_code == 200


def test_joining_in_somebodys_name_does_not_keep_their_account_mails_away(launch: Launch) -> None:
    key = address_key("email", "ada@example.com")
    owed = [Owed("mail", "already", "entry:1", address_key=key, dedupe=str(n)) for n in range(12)]
    assert sum(owe([one]) for one in owed) == 12
    assert owe([Owed("mail", "already", "entry:1", address_key=key)]) == 0
    assert owe_sealed("ada@example.com", "s", "t", subject_ref="user:1", by="public") == 1
