"""Codes in the console: made by a form that says its rules, taken away once, revealed with a reason, extended within a year."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.models import User
from config.roles import make_groups
from invites import codes, queries
from invites.actions import changing, making, redeeming
from invites.actions.making import Spec
from invites.models import Code, CodeRun
from outbox import relay
from outbox.models import Event, Job
from tests import cast
from tests.integration.test_console import console
from waitlist.models import Launch

__all__ = ["console"]
pytestmark = pytest.mark.django_db
GENERATE, LIST = "/admin/invites/code/generate/", "/admin/invites/code/"
ASKED = {"kind": "bulk", "tier": "standard", "max_uses": "1", "days": "20", "format": "standard", "batch_id": "one"}


def staff(role: str) -> Client:
    """Somebody with that role, logged in."""
    make_groups()
    user = User.objects.create_user(f"{role}@example.com", "correct horse", is_staff=True, admitted_by="staff:test")
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def makes(console: Client, what: str = "batch", **asked: str) -> Any:
    """Sends the form; the answer."""
    return console.post(f"{GENERATE}?what={what}", ASKED | {"launch": Launch.objects.get().pk, "count": "3"} | asked)


def takes(console: Client, run: CodeRun, how: str = "txt") -> str:
    """Takes the codes of a run away; what arrives."""
    answer: Any = console.post(f"/admin/invites/coderun/{run.pk}/take/", {"how": how}, follow=True)
    return b"".join(answer.streaming_content).decode() if answer.streaming else str(answer.content.decode())


def one(launch: Launch, **said: Any) -> Code:
    """A code that staff made."""
    asked: dict[str, Any] = {"count": 1, "expires_at": timezone.now() + timedelta(days=60), "batch_id": "x"}
    spec = Spec(**(asked | said))
    return queries.run_codes(making.generate(launch, spec, by="staff:7")[0].pk).get()


@pytest.mark.parametrize("what", ["one", "batch", "campaign"])
def test_the_form_says_its_rules_before_anything_was_asked(what: str, console: Client) -> None:
    said = console.get(GENERATE, {"what": what}).content.decode()
    assert "VES-7K3M-9QXA-2LHT" in said and "12 characters: cannot be guessed" in said
    assert "8 characters: for one address, or for at most 30 days" in said
    assert ("{campaign}" not in said) and ("CAMPAIGN" in said) == (what == "campaign")


def test_a_batch_is_made_and_taken_away_once(console: Client) -> None:
    answer = makes(console, campaign="", channel="meetup")
    run = CodeRun.objects.get()
    assert answer.headers["Location"] == f"/admin/invites/coderun/{run.pk}/change/"
    texts = takes(console, run).split()
    assert texts == list(queries.run_texts(run.pk)) and len(texts) == 3
    assert "That was done, or the time is over" in takes(console, run, "csv")
    event = Event.objects.get(kind="codes.taken")
    assert event.data == {"count": 3, "how": "txt"} and event.by == run.by
    assert not any(text in str(event.data) for text in texts)


def test_the_same_form_sent_twice_makes_codes_once(console: Client) -> None:
    makes(console)
    makes(console)
    assert Code.objects.count() == 3


def test_a_file_is_in_no_cache_and_has_the_links(console: Client) -> None:
    makes(console, "campaign", campaign="SPRING", format="campaign")
    answer: Any = console.post(f"/admin/invites/coderun/{CodeRun.objects.get().pk}/take/", {"how": "csv"})
    assert "no-store" in answer.headers["Cache-Control"]
    assert "attachment" in answer.headers["Content-Disposition"]
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0] == "code,expires_at,link"
    assert all(line.startswith("SPRING-") and "/signup?code=SPRING-" in line for line in lines[1:])


def test_only_who_made_them_takes_them_and_only_for_a_quarter_of_an_hour(console: Client) -> None:
    makes(console)
    run = CodeRun.objects.get()
    assert "That was done" in takes(staff("moderator"), run)
    CodeRun.objects.update(ready_at=timezone.now() - timedelta(minutes=16))
    assert "That was done" in takes(console, run)
    assert not Event.objects.filter(kind="codes.taken").exists()


def test_a_few_codes_are_shown_on_the_page_this_once(console: Client) -> None:
    makes(console, "one")
    run = CodeRun.objects.get()
    text = next(queries.run_texts(run.pk))
    assert text in takes(console, run, "screen")
    assert text not in console.get(f"/admin/invites/coderun/{run.pk}/change/").content.decode()


def test_many_codes_are_made_in_the_background(console: Client) -> None:
    makes(console, count="1203")
    run = CodeRun.objects.get()
    assert (Code.objects.count(), run.ready_at) == (0, None)
    page = f"/admin/invites/coderun/{run.pk}/change/"
    assert "0 of 1203 codes are made." in console.get(page).content.decode()
    relay.drain()
    assert Job.objects.get().changed == Code.objects.filter(run=run).count() == 1203
    assert Event.objects.get(kind="codes.made").data["count"] == 1203
    assert len(set(takes(console, run).split())) == 1203


def test_what_a_stopped_job_made_can_be_taken(console: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from outbox import actions

    makes(console, count="1203")
    job = Job.objects.get()
    actions.step_job(job.pk)
    assert "That was done" in takes(console, CodeRun.objects.get())
    actions.stop_job(job.pk, "enough", by="staff:1")
    assert len(takes(console, CodeRun.objects.get()).split()) == 500


@pytest.mark.parametrize(
    ("what", "wrong", "told"),
    [
        ("batch", {"format": "plain-8", "days": "31"}, "fewer than 12 characters can be guessed"),
        ("batch", {"days": "366"}, "less than or equal to 365"),
        ("batch", {"days": "", "until": "2199-01-01"}, "No code lives longer than 365 days."),
        ("batch", {"days": "", "until": "2020-01-01"}, "would end before it begins"),
        ("batch", {"days": ""}, "Say how many days"),
        ("batch", {"count": "100001"}, "less than or equal to 100000"),
        ("batch", {"bind_domain": "a@b"}, "Write the domain alone"),
        ("campaign", {"campaign": ""}, "This field is required."),
        ("campaign", {"campaign": "a b"}, "Letters, digits, - and _ only."),
        ("one", {"vanity": "OPEN"}, "at least six letters"),
        ("one", {"vanity": "Welcome2026"}, "strangers try first"),
        ("one", {"vanity": "12345678"}, "Digits alone"),
        ("one", {"vanity": "HARBOUR-MILL", "days": "31"}, "fewer than 12 characters can be guessed"),
        ("one", {"bind_email": "nobody"}, "nobody"),
    ],
)
def test_what_breaks_a_rule_is_said_at_its_field_and_makes_nothing(
    what: str, wrong: dict[str, str], told: str, console: Client
) -> None:
    answer = makes(console, what, **wrong)
    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert not CodeRun.objects.exists()


def test_a_short_code_for_one_address_may_live_long(console: Client) -> None:
    makes(console, "one", format="plain-8", days="300", bind_email="ada@example.com")
    code = Code.objects.get()
    assert code.bound_key and code.expires_at > timezone.now() + timedelta(days=299)


def test_a_word_of_ones_own_lets_people_in_typed_in_any_shape(console: Client, launch: Launch) -> None:
    makes(console, "one", vanity="Harbour Mill", max_uses="5")
    code = Code.objects.get()
    assert (code.vanity, code.format, code.max_uses) == ("Harbour Mill", "vanity", 5)
    found = [console.get(LIST, {"q": typed}).context["cl"].result_count for typed in ("mill", "MILL", "ill")]
    assert found == [1, 1, 0]
    redeeming.redeem(launch, redeeming.Ask(cast.contact("eve"), code="harb0ur-mill"), by="public")
    code.refresh_from_db()
    assert code.uses == 1


def test_a_word_that_is_taken_is_refused(console: Client) -> None:
    makes(console, "one", vanity="HARBOURMILL")
    answer = makes(console, "one", vanity="HARBOUR-MILL", batch_id="two")
    assert "There is such a code already." in answer.content.decode()
    assert CodeRun.objects.count() == Code.objects.count() == 1


def test_the_days_end_in_the_launchs_time_zone(console: Client, launch: Launch) -> None:
    Launch.objects.update(time_zone="America/New_York")
    day = (timezone.now() + timedelta(days=5)).date()
    makes(console, days="", until=day.isoformat())
    assert Code.objects.first().expires_at.date() == day + timedelta(days=1)  # type: ignore[union-attr]


# One code


def reveals(console: Client, code: Code, reason: str = "caller lost it") -> Any:
    return console.post(f"{LIST}{code.pk}/reveal/", {"reason": reason}, follow=True)


def test_a_whole_code_is_revealed_with_a_reason_and_stands_in_the_trail(console: Client, launch: Launch) -> None:
    code = one(launch)
    answer = reveals(console, code)
    assert queries.text_of(code) in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert queries.text_of(code) not in answer.request["PATH_INFO"]
    event = Event.objects.get(kind="code.revealed")
    assert (event.subject, event.data) == (f"code:{code.pk}", {"reason": "caller lost it"})


def test_no_page_shows_a_whole_code_unasked(console: Client, launch: Launch) -> None:
    code = one(launch)
    pages = [LIST, f"{LIST}{code.pk}/change/", f"/admin/invites/coderun/{code.run_id}/change/"]
    assert not any(queries.text_of(code) in console.get(page).content.decode() for page in pages)
    assert "Say why" in reveals(console, code, "").content.decode()
    assert not Event.objects.filter(kind="code.revealed").exists()


def test_more_than_twenty_an_hour_are_not_revealed(console: Client, launch: Launch) -> None:
    code = one(launch)
    assert [reveals(console, code).status_code for _n in range(21)] == [200] * 20 + [429]
    assert Event.objects.filter(kind="code.revealed").count() == 20


def test_a_code_made_elsewhere_is_known_by_its_last_four_only(console: Client, launch: Launch) -> None:
    code = one(launch)
    Code.objects.update(digest=codes.digest("ELSEWHERE"))
    assert "only a keyed hash" in console.get(f"{LIST}{code.pk}/change/").content.decode()
    assert queries.text_of(code) not in reveals(console, code).content.decode()
    assert not Event.objects.filter(kind="code.revealed").exists()


@pytest.mark.parametrize(
    ("role", "path", "sent"),
    [
        ("viewer", "/admin/invites/code/generate/?what=batch", {}),
        ("viewer", "/admin/invites/code/{}/reveal/", {"reason": "x"}),
        ("moderator", "/admin/invites/code/{}/reveal/", {"reason": "x"}),
        ("viewer", "/admin/invites/code/{}/change/", {"act": "revoke", "reason": "x"}),
        ("viewer", "/admin/invites/code/{}/change/", {"act": "extend", "days": "7", "reason": "x"}),
        ("viewer", "/admin/invites/coderun/{run}/take/", {"how": "csv"}),
        ("viewer", "/admin/invites/coderun/{run}/print/", {"reason": "x"}),
        ("moderator", "/admin/invites/coderun/{run}/print/", {"reason": "x"}),
    ],
)
def test_who_has_not_the_permission_is_stopped_by_the_server(
    role: str, path: str, sent: dict[str, str], launch: Launch
) -> None:
    code = one(launch)
    answer = staff(role).post(path.format(code.pk, run=code.run_id), sent)
    assert answer.status_code == 403
    code.refresh_from_db()
    assert code.status == "active"
    assert not Event.objects.filter(kind__in=["code.revealed", "codes.taken", "codes.printed"]).exists()


def test_a_code_is_paused_resumed_and_revoked_on_its_own_page(console: Client, launch: Launch) -> None:
    code = one(launch)
    for act, status in (("pause", "paused"), ("resume", "active"), ("revoke", "revoked")):
        console.post(f"{LIST}{code.pk}/change/", {"act": act, "reason": "because"})
        code.refresh_from_db()
        assert code.status == status
    said = console.get(f"{LIST}{code.pk}/change/").content.decode()
    assert "because" in said and "A code was made useless for ever." in said
    assert 'value="resume"' not in said


def test_two_moderators_on_one_code_and_the_second_is_told(console: Client, launch: Launch) -> None:
    code = one(launch)
    changing.revoke(queries.Q(pk=code.pk), "leaked", by="staff:9")
    answer = console.post(f"{LIST}{code.pk}/change/", {"act": "pause", "reason": "x"}, follow=True)
    assert "Somebody was faster" in answer.content.decode()


def test_extending_never_goes_past_a_year_from_the_making_and_shortens_nothing(launch: Launch) -> None:
    code = one(launch, expires_at=timezone.now() + timedelta(days=340))
    alone = queries.Q(pk=code.pk)
    assert changing.extend(alone, 30, "more", by="staff:1") == 0
    assert changing.extend(alone, 20, "more", by="staff:1") == 1
    assert changing.extend(alone, -100, "less", by="staff:1") == 1
    code.refresh_from_db()
    assert code.created_at + timedelta(days=359) < code.expires_at <= code.created_at + timedelta(days=361)


def test_the_list_extends_the_chosen_and_says_which_it_could_not(console: Client, launch: Launch) -> None:
    short, long = one(launch), one(launch, expires_at=timezone.now() + timedelta(days=360), batch_id="y")
    chosen = {"action": "extend", "_selected_action": [short.pk, long.pk], "apply": "1", "reason": "r", "days": "30"}
    said = console.post(LIST, chosen, follow=True).content.decode()
    assert "1 changed. 1 stood where this cannot be done." in said
    assert Event.objects.get(kind="code.extended").data == {"days": 30, "reason": "r"}


def test_many_are_extended_in_the_background(console: Client) -> None:
    makes(console, count="120")
    chosen = {
        "action": "extend",
        "_selected_action": [1],
        "select_across": "1",
        "apply": "1",
        "reason": "r",
        "days": "7",
    }
    console.post(LIST, chosen)
    relay.drain()
    assert (Job.objects.get().name, Job.objects.get().changed) == ("invites.extend_code:7", 120)


def test_the_page_of_a_code_tells_who_came_in_and_for_whom_uses_are_kept(console: Client, launch: Launch) -> None:
    code = one(launch, max_uses=3, campaign="SPRING")
    redeeming.redeem(launch, redeeming.Ask(cast.contact("eve"), code=queries.text_of(code)), by="public")
    cast.ada(launch)
    redeeming.redeem(launch, redeeming.Ask(cast.contact("ada"), code=queries.text_of(code)), by="public")
    said = console.get(f"{LIST}{code.pk}/change/").content.decode()
    assert "eve@example.com" in said and "ada@example.com" in said
    masked = staff("viewer").get(f"{LIST}{code.pk}/change/").content.decode()
    assert "eve@example.com" not in masked and "ev…@ex…" in masked


def test_the_pages_ask_the_database_few_questions(
    console: Client, launch: Launch, django_assert_max_num_queries: Any
) -> None:
    code = one(launch, max_uses=30)
    for n in range(12):
        redeeming.redeem(launch, redeeming.Ask(cast.contact(f"p{n}"), code=queries.text_of(code)), by="public")
    with django_assert_max_num_queries(14):
        console.get(f"{LIST}{code.pk}/change/")
    with django_assert_max_num_queries(13):
        console.get(LIST)


# On paper


def prints(console: Client, run_id: int | None, **sent: str) -> Any:
    return console.post(f"/admin/invites/coderun/{run_id}/print/", {"reason": "meetup"} | sent)


def test_a_sheet_has_a_card_for_each_code_and_stands_in_the_trail(console: Client) -> None:
    makes(console, count="17")
    run = CodeRun.objects.get()
    answer = prints(console, run.pk)
    said = answer.content.decode()
    assert said.count("<svg") == 17 and said.count('class="page"') == 2
    assert all(text in said for text in queries.run_texts(run.pk))
    assert "no-store" in answer.headers["Cache-Control"]
    assert Event.objects.get(kind="codes.printed").data == {"first": 0, "count": 17, "reason": "meetup"}


def test_the_second_sheet_goes_on_where_the_first_ended(console: Client) -> None:
    makes(console, count="243")
    run = CodeRun.objects.get()
    texts = list(queries.run_texts(run.pk))
    said = prints(console, run.pk, sheet="2").content.decode()
    assert said.count("<svg") == 3 and texts[240] in said and texts[0] not in said


def test_a_sheet_of_a_number_beyond_all_numbers_is_the_first(console: Client) -> None:
    makes(console, "one")
    run = CodeRun.objects.get().pk
    assert "<svg" in prints(console, run, sheet="9" * 40).content.decode()


def test_who_made_codes_prints_them_for_a_quarter_of_an_hour(launch: Launch) -> None:
    moderator = staff("moderator")
    makes(moderator)
    run = CodeRun.objects.get()
    assert prints(moderator, run.pk).status_code == 200
    CodeRun.objects.update(ready_at=timezone.now() - timedelta(minutes=16))
    assert prints(moderator, run.pk).status_code == 403
    assert prints(staff("owner"), run.pk).status_code == 200


def test_a_run_that_was_brought_in_has_nothing_to_take_or_print(console: Client, launch: Launch) -> None:
    run = CodeRun.objects.create(launch=launch, batch_id="from elsewhere", asked={"imported": True}, by="staff:1")
    code = one(launch)
    Code.objects.update(run=run, format="imported", digest=codes.digest("ELSEWHERE"))
    for page in ("", f"{run.pk}/change/"):
        assert console.get(f"/admin/invites/coderun/{page}").status_code == 200
    assert "<svg" not in prints(console, run.pk).content.decode()
    assert "That was done" in takes(console, run)
    assert queries.whole_text(Code.objects.get(pk=code.pk)) is None
