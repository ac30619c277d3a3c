"""The public pages: what a stranger sees, what a person does on their page, and that looking changes nothing."""

import gettext
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from invites import tokens as invite_tokens
from invites.actions import reserving
from invites.models import Reservation
from tests import cast
from tests.conftest import Api, Mailbox
from tests.house.code import ROOT
from tests.integration.test_join import some_state
from waitlist import scoring, tokens
from waitlist.actions import deciding, tuning, vouching
from waitlist.models import Entry, Launch, Points
from waitlist.tokens import PERSON_COOKIE

pytestmark = pytest.mark.django_db
COMMITS = pytest.mark.django_db(transaction=True)  # a refused verb rolls back, and the page is drawn after it

ADA = {"contact": "Ada@Example.com", "consent": "on"}
WRITES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM|nextval)\b")
CHANGES_EACH_TIME = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')


def browser_of(entry: Entry) -> Client:
    """A browser that opened the private link before."""
    client = Client()
    client.get("/me", {"token": tokens.person_token(entry)})
    return client


def text(response: object) -> str:
    return CHANGES_EACH_TIME.sub("", response.content.decode())  # type: ignore[attr-defined]


# Joining


def test_joining_leads_to_the_mailbox(client: Client, launch: Launch, mailbox: Mailbox) -> None:
    said = client.post("/waitlist", ADA | {"name": "Ada", "persona": "agency", "use_case": "marketing"}, follow=True)
    assert said.redirect_chain == [("/joined", 302)]
    assert "Ada@Example.com" in text(said)
    entry = Entry.objects.get()
    assert (entry.status, entry.consent, entry.priority) == ("pending", "page", 25)
    assert tokens.status_url(entry) in mailbox.newest("Ada@Example.com").text


@pytest.mark.parametrize("who", ["pending", "waiting", "held", "invited", "registered", "blocked", "rejected", "left"])
def test_the_page_after_joining_tells_a_stranger_nothing(who: str, launch: Launch) -> None:
    new = Client().post("/waitlist", ADA | {"contact": "eva@example.com"}, follow=True)
    some_state(launch, who)
    known = Client().post("/waitlist", ADA | {"contact": "ada@example.com"}, follow=True)
    assert known.redirect_chain == new.redirect_chain
    assert text(known) == text(new).replace("eva@example.com", "ada@example.com")


def test_what_is_missing_is_named_and_what_was_typed_stays(client: Client, launch: Launch) -> None:
    said = client.post("/waitlist", {"contact": "ada@example.com", "use_case": "To plan my week"})
    assert said.status_code == 200
    assert list(said.context["form"].errors) == ["consent"]
    assert 'aria-invalid="true"' in text(said)
    assert "To plan my week" in text(said)
    assert not Entry.objects.exists()


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("contact", ""),
        ("contact", "ada"),
        ("contact", "ada@@example.com"),
        ("contact", "12345"),
        ("contact", "a" * 400 + "@example.com"),
        ("contact", "ada\0@example.com"),
        ("name", "A" * 201),
        ("name", "Ada\0"),
        ("use_case", "word " * 500),
        ("persona", "x" * 101),
    ],
)
def test_bad_input_names_its_field_and_writes_nothing(field: str, typed: str, client: Client, launch: Launch) -> None:
    said = client.post("/waitlist", ADA | {field: typed})
    assert said.status_code == 200
    assert list(said.context["form"].errors) == [field]
    assert not Entry.objects.exists()


def test_a_friends_link_is_carried_through_the_form(client: Client, launch: Launch) -> None:
    ben = cast.ben(launch)
    page = client.get(tokens.referral_link(ben))
    assert f'value="{ben.referral_code}"' in text(page)
    client.post("/waitlist", ADA | {"ref": ben.referral_code})
    ada = Entry.objects.get(canonical="ada@example.com")
    assert (ada.referred_by_id, ada.source) == (ben.pk, "referral")


def test_a_campaigns_link_is_kept_as_it_came(client: Client, launch: Launch) -> None:
    page = client.get("/?utm_source=Newsletter&utm_campaign=may&ref=\0x")
    carried = {field.name: field.value() for field in page.context["form"].hidden_fields() if field.value()}
    client.post("/waitlist", ADA | carried)
    entry = Entry.objects.get()
    assert (entry.source, entry.utm) == ("newsletter", {"utm_source": "Newsletter", "utm_campaign": "may"})


@pytest.mark.parametrize(
    ("site", "source"),
    [
        ("https://www.producthunt.com/posts/x", "producthunt"),
        ("https://blog.example.org/", "blog.example.org"),
        ("http://testserver/me", "organic"),
        ("http://[broken", "organic"),
    ],
)
def test_the_site_that_linked_here_is_the_source(site: str, source: str, client: Client, launch: Launch) -> None:
    page = client.get("/", headers={"referer": site})
    client.post("/waitlist", ADA | {"source": page.context["form"].initial["source"]})
    assert Entry.objects.get().source == source


def test_a_signed_source_link_gives_its_points(client: Client, launch: Launch) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    link = vouching.make_source_link(launch, "producthunt", expires_at=tomorrow, cap=1, by="staff:1")
    page = client.get(tokens.source_link(link, launch))
    client.post("/waitlist", ADA | {name: page.context["form"].initial[name] for name in ("via", "launch")})
    assert Points.objects.get(rule="source").points == 20


def test_joining_by_phone_writes_a_text_message(client: Client, launch: Launch, mailbox: Mailbox) -> None:
    said = client.post("/waitlist", ADA | {"contact": "+44 20 7946 0958"}, follow=True)
    assert "Look at your phone" in text(said)
    assert mailbox.newest().kind == "sms"


@COMMITS
def test_a_closed_launch_shows_the_way_in_by_code(client: Client, launch: Launch) -> None:
    tuning.tune(launch, {"mode": "codes"}, by="staff:1")
    assert 'action="/signup"' in text(client.get("/"))
    assert "This launch takes nobody in" in text(client.post("/waitlist", ADA))
    assert not Entry.objects.exists()


def test_a_launch_may_tell_who_is_in_line(client: Client, launch: Launch) -> None:
    cast.ada(launch)
    tuning.tune(launch, {"reveal_membership": True}, by="staff:1")
    assert "You are in line already: number 1" in text(client.post("/waitlist", ADA, follow=True))


def test_the_persons_own_browser_goes_straight_to_their_page(launch: Launch) -> None:
    browser = browser_of(cast.ada(launch))
    assert browser.post("/waitlist", ADA).headers["Location"] == "/me"
    assert browser.post("/waitlist", ADA | {"contact": "eve@example.com"}).headers["Location"] == "/joined"


# Confirming


def test_the_six_digits_open_the_persons_page(client: Client, launch: Launch) -> None:
    entry = cast.joins(launch, "ada")
    digits = tokens.confirm_code(entry.pk, 1)
    said = client.post("/joined", {"contact": "ada@example.com", "code": f"{digits[:3]} {digits[3:]}"}, follow=True)
    assert said.redirect_chain == [("/me", 302)]
    assert said.context["me"]["position"] == 1
    assert cast.now(entry).status == "waiting"


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "000000"])
def test_wrong_digits_say_what_to_do_next(code: str, client: Client, launch: Launch) -> None:
    entry = cast.joins(launch, "ada")
    said = client.post("/joined", {"contact": "ada@example.com", "code": code})
    assert list(said.context["form"].errors) == ["code"]
    assert cast.now(entry).status == "pending"


def test_sending_it_again_answers_alike_for_everybody(launch: Launch, mailbox: Mailbox) -> None:
    cast.joins(launch, "ada")
    pages = [
        Client().post("/joined/resend", {"contact": f"{name}@example.com"}, follow=True) for name in ("ada", "eve")
    ]
    assert text(pages[0]).replace("ada@", "eve@") == text(pages[1])
    assert mailbox.all("eve@example.com") == []
    assert len(mailbox.all("ada@example.com")) >= 1


def test_the_private_link_leaves_the_address_bar(client: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    said = client.get(tokens.status_url(ada))
    assert (said.status_code, said.headers["Location"]) == (302, "/me")
    assert said.headers["Referrer-Policy"] == "no-referrer"
    cookie = said.cookies[PERSON_COOKIE]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert client.get("/me").context["entry"] == ada


@pytest.mark.parametrize("token", ["", "x", "WzEsMV0:forged", "\0"])
def test_a_strange_token_opens_nothing(token: str, client: Client, launch: Launch) -> None:
    cast.ada(launch)
    said = client.get("/me", {"token": token}, follow=True)
    assert PERSON_COOKIE not in client.cookies
    assert "Where do you stand?" in text(said)


def test_a_link_of_another_kind_is_no_private_link(client: Client, launch: Launch) -> None:
    _ada, invite = cast.invited(launch, "ada")
    client.get("/me", {"token": invite_tokens.invite_token(invite)})
    assert PERSON_COOKIE not in client.cookies


def test_confirming_takes_a_press(launch: Launch) -> None:
    entry = cast.joins(launch, "ada")
    browser = browser_of(entry)
    assert 'action="/me/confirm"' in text(browser.get("/me"))
    assert cast.now(entry).status == "pending"
    assert "Your place is confirmed." in text(browser.post("/me/confirm", follow=True))
    assert cast.now(entry).status == "waiting"


# The person's page


def test_the_page_says_where_why_and_how_to_move_up(launch: Launch) -> None:
    cast.ada(launch)
    eve = cast.waits(launch, "eve", persona="agency", use_case="marketing")
    page = browser_of(eve).get("/me")
    assert page.context["me"]["position"] == 1
    assert "How you describe yourself." in text(page)
    assert f'value="{tokens.referral_link(eve)}"' in text(page)


def test_an_invited_person_sees_the_deadline_and_the_door(launch: Launch) -> None:
    entry, invite = cast.invited(launch, "ada")
    page = text(browser_of(entry).get("/me"))
    assert f'href="{invite_tokens.signup_url(invite)}"' in page
    assert f'datetime="{invite.code.expires_at.isoformat()}"' in page


def test_a_member_sees_their_codes_and_their_friends_first_names(launch: Launch) -> None:
    ben = cast.ben(launch)
    ada = cast.waits(launch, "ada", referral_code=ben.referral_code)
    Entry.objects.filter(pk=ada.pk).update(name="Ada Lovelace")
    page = text(browser_of(ben).get("/me"))
    assert cast.code_of(ben) in page
    assert "Ada" in page
    assert "Lovelace" not in page


def test_a_blocked_person_reads_the_same_as_a_rejected_one(launch: Launch) -> None:
    ada, eve = cast.ada(launch), cast.waits(launch, "eve")
    deciding.block([ada.pk], "spam", by="staff:1")
    deciding.reject([eve.pk], "no room", by="staff:1")
    assert text(browser_of(ada).get("/me")) == text(browser_of(eve).get("/me"))


def test_deferring_keeps_the_place_until_the_day_begins_there(launch: Launch) -> None:
    tuning.tune(launch, {"time_zone": "Asia/Tokyo"}, by="staff:1")
    ada = cast.ada(launch)
    day = timezone.now().date() + timedelta(days=30)
    browser_of(ada).post("/me/defer", {"until": day.isoformat()})
    until = cast.now(ada).deferred_until
    assert until
    assert until.isoformat() == f"{day - timedelta(days=1)}T15:00:00+00:00"


@pytest.mark.parametrize("until", ["", "soon", "2020-01-01", "2999-01-01", "2026-02-30"])
def test_a_day_that_does_not_fit_says_so(until: str, launch: Launch) -> None:
    ada = cast.ada(launch)
    said = browser_of(ada).post("/me/defer", {"until": until}, follow=True)
    assert "Choose " in text(said)
    assert cast.now(ada).deferred_until is None


@COMMITS
def test_leaving_twice_is_said_plainly(launch: Launch) -> None:
    ada = cast.ada(launch)
    browser = browser_of(ada)
    assert "You are off the list." in text(browser.post("/me/leave", follow=True))
    assert "The state changed in between." in text(browser.post("/me/leave", follow=True))
    assert cast.now(ada).status == "left"


def test_declining_gives_the_place_away(launch: Launch) -> None:
    ada, invite = cast.invited(launch, "ada")
    browser_of(ada).post("/me/decline")
    invite.refresh_from_db()
    assert (cast.now(ada).status, invite.status) == ("left", "declined")


def test_a_browser_forgets_when_asked(launch: Launch) -> None:
    browser = browser_of(cast.ada(launch))
    browser.post("/me/forget")
    assert "Where do you stand?" in text(browser.get("/me"))


@pytest.mark.parametrize("verb", ["confirm", "leave", "defer", "decline"])
def test_a_stranger_can_do_nothing_to_anybody(verb: str, client: Client, launch: Launch) -> None:
    ada = cast.ada(launch)
    assert "Where do you stand?" in text(client.post(f"/me/{verb}", {"until": "2026-12-24"}))
    assert cast.now(ada).status == "waiting"


def test_a_form_from_elsewhere_is_not_taken(launch: Launch) -> None:
    said = Client(enforce_csrf_checks=True).post("/waitlist", ADA)
    assert said.status_code == 403
    assert "The page was open too long" in text(said)


# Finishing what somebody began with my address


def reserved(launch: Launch, api: Api) -> Reservation:
    """Eve typed Ben's code with Ada's address."""
    cast.ada(launch)
    api.post("/api/invites/redeem", {"code": cast.code_of(cast.ben(launch)), "email": "ada@example.com"})
    return Reservation.objects.get()


def test_the_mailed_link_finishes_a_redemption_with_a_press(api: Api, client: Client, launch: Launch) -> None:
    kept = reserved(launch, api)
    page = client.get(invite_tokens.completion_url(kept))
    assert cast.now(kept.person).status == "waiting"
    said = client.post("/redeem", {"token": page.context["token"]}, follow=True)
    assert cast.now(kept.person).status == "registered"
    assert said.redirect_chain == [("/me", 302)]


@COMMITS
def test_a_link_that_ran_out_spends_nothing(api: Api, client: Client, launch: Launch) -> None:
    kept = reserved(launch, api)
    token = invite_tokens.completion_url(kept).partition("token=")[2].replace("%3A", ":")
    Reservation.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    reserving.sweep_reservations(by="system")
    assert "This link has run out" in text(client.post("/redeem", {"token": token}))
    assert cast.now(kept.person).status == "waiting"


# Every page


def pages_of(launch: Launch) -> dict[str, Client]:
    """Each address with a browser that may look at it."""
    ada, (eve, _invite) = cast.ada(launch), cast.invited(launch, "eve")
    strangers = ["/", "/waitlist?ref=x", "/joined", "/me", "/redeem", "/redeem?token=x", "/nowhere"]
    people = {"pending": cast.joins(launch, "finn"), "waiting": ada, "invited": eve, "registered": cast.ben(launch)}
    return dict.fromkeys(strangers, Client()) | {f"/me?as={state}": browser_of(one) for state, one in people.items()}


def test_looking_at_a_page_changes_nothing(launch: Launch) -> None:
    for address, browser in pages_of(launch).items():
        with CaptureQueriesContext(connection) as seen:
            browser.get(address)
            browser.head(address)
        assert [query["sql"] for query in seen if WRITES.search(query["sql"])] == [], address


def test_opening_the_private_link_changes_nothing(client: Client, launch: Launch) -> None:
    link = tokens.status_url(cast.joins(launch, "ada"))
    with CaptureQueriesContext(connection) as seen:
        client.get(link, follow=True)
    assert [query["sql"] for query in seen if WRITES.search(query["sql"])] == []


def test_pages_are_light_and_run_nothing_inline(launch: Launch) -> None:
    shared = sum(
        (ROOT / "static" / name).stat().st_size for name in ("vestibule.css", "vestibule.js", "times.js", "favicon.svg")
    )
    for address, browser in pages_of(launch).items():
        page = browser.get(address).content.decode()
        assert len(page.encode()) + shared < 50_000, address
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", page), address


def test_pages_load_nothing_from_elsewhere(client: Client, launch: Launch) -> None:
    said = client.get("/")
    assert "default-src 'self'" in said.headers["Content-Security-Policy"]
    assert not re.search(r"""(src|href)=["'](https?:)?//""", said.content.decode())


# Languages


def test_a_page_speaks_the_readers_language(client: Client, launch: Launch) -> None:
    said = client.get("/", headers={"accept-language": "ru-RU,ru;q=0.9"})
    assert '<html lang="ru"' in text(said)
    assert "Встать в очередь" in text(said)


def test_the_language_can_be_chosen(client: Client, launch: Launch) -> None:
    said = client.post("/i18n/setlang/", {"language": "ru", "next": "/joined"}, follow=True)
    assert said.redirect_chain == [("/joined", 302)]
    assert '<html lang="ru"' in text(said)


def test_a_person_is_written_to_in_the_language_they_joined_in(launch: Launch, mailbox: Mailbox) -> None:
    Client(headers={"accept-language": "ru"}).post("/waitlist", ADA)
    assert "подтвердите место в очереди" in mailbox.newest().subject


@pytest.mark.parametrize("rule", [*scoring.RULES, *scoring.LATER_REASONS])
def test_every_reason_for_points_is_said_in_russian(rule: str) -> None:
    reason = scoring.reason_of(rule)
    with translation.override("ru"):
        assert translation.gettext(reason) != reason


def test_nothing_on_the_pages_is_left_in_english() -> None:
    with (ROOT / "locale/ru/LC_MESSAGES/django.mo").open("rb") as compiled:
        russian = gettext.GNUTranslations(compiled)
    pages = [path for path in (ROOT / "templates").rglob("*.*") if "admin" not in path.parts]
    said = {text for path in pages for text in re.findall(r'{% translate "([^"]+)"', path.read_text())}
    assert len(said) > 200
    assert sorted(text for text in said if russian.gettext(text) == text) == []
