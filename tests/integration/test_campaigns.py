"""Campaigns and channels: what became of their codes, counted without touching how people come in; and partners' pages."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from invites import campaigns, queries, tokens
from invites.actions import counting, making, partnering, redeeming
from invites.actions.making import Spec
from invites.models import CampaignDay, Code, PartnerLink
from outbox.models import Event
from quality.actions.activities import hear
from tests import cast
from tests.integration.test_codes_console import staff
from tests.integration.test_console import console
from waitlist.actions import deciding, tuning
from waitlist.models import Entry, Launch

__all__ = ["console"]
pytestmark = pytest.mark.django_db
CAMPAIGNS, CAMPAIGN = "/admin/invites/campaigns/", "/admin/invites/campaigns/one/?name=SPRING"
CHANNELS, CHANNEL = "/admin/invites/channels/", "/admin/invites/channels/one/?name=Caf%C3%A9+Nord"


def makes(launch: Launch, count: int = 3, **said: Any) -> list[Code]:
    """Codes of the campaign SPRING that a café hands out."""
    named = {"campaign": "SPRING", "channel": "Café Nord", "batch_id": "spring"} | said
    spec = Spec(count=count, expires_at=timezone.now() + timedelta(days=20), **named)
    return list(queries.run_codes(making.generate(launch, spec, by="staff:1")[0].pk))


def comes(launch: Launch, name: str, code: Code) -> Entry:
    """Somebody comes in with that code."""
    ask = redeeming.Ask(cast.contact(name), code=queries.text_of(code), origin=cast.home(name))
    return cast.now(Entry(pk=redeeming.redeem(launch, ask, by="public").entry_id))


def counts(launch: Launch, axis: campaigns.Axis = "campaign", name: str = "SPRING") -> dict[str, int]:
    return campaigns.summed(campaigns.by_day(launch, axis, name))


def opens(client: Client, code: Code | str) -> None:
    """A person opens the link of a code, and moves: their browser tells."""
    client.get("/signup", {"code": code if isinstance(code, str) else queries.text_of(code)}, follow=True)
    assert client.post("/signup/opened").status_code == 204


def test_made_codes_count_at_once(launch: Launch) -> None:
    makes(launch)
    assert counts(launch)["issued"] == counts(launch, "channel", "Café Nord")["issued"] == 3
    counting.count_campaigns()
    assert counts(launch)["issued"] == 3


def test_what_became_of_a_campaign_is_counted(launch: Launch) -> None:
    first, second, third = makes(launch)
    eve, held = comes(launch, "eve", first), comes(launch, "fay", second)
    deciding.suspend([held.pk], "odd", by="staff:1")
    at = timezone.now().isoformat()
    hear(launch, [{"id": "1", "email": eve.contact, "kind": "engaged", "at": at}], timezone.now(), by="key:1")
    counting.count_campaigns()
    found = counts(launch)
    assert (found["redeemed"], found["registered"], found["active"], found["held"], found["came"]) == (2, 1, 1, 1, 2)
    assert third.uses == 0


def test_counting_again_changes_nothing_but_its_moment(launch: Launch) -> None:
    comes(launch, "eve", makes(launch)[0])
    counting.count_campaigns()
    before = campaigns.counted_at(launch)
    assert counting.count_campaigns() == 1
    later = campaigns.counted_at(launch)
    assert before and later and later > before


def test_who_was_erased_counts_no_more(launch: Launch) -> None:
    comes(launch, "eve", makes(launch)[0])
    counting.count_campaigns()
    Entry.objects.all().delete()
    counting.count_campaigns()
    assert counts(launch)["redeemed"] == 0


def test_days_are_the_launchs_own(launch: Launch) -> None:
    Launch.objects.update(time_zone="Pacific/Kiritimati")  # fourteen hours before UTC
    launch.refresh_from_db()
    makes(launch)
    Code.objects.update(created_at="2026-03-01T11:00Z")
    counting.count_campaigns()
    assert CampaignDay.objects.get(issued=3).date == date(2026, 3, 2)


def test_the_week_after_is_told_of_those_whose_week_is_over(launch: Launch) -> None:
    first, second, _third = makes(launch)
    stays, goes = comes(launch, "eve", first), comes(launch, "fay", second)
    began = timezone.now() - timedelta(days=9)
    Entry.objects.update(registered_at=began)
    for entry, days in ((stays, 8), (goes, 1)):
        at = (began + timedelta(days=days)).isoformat()
        hear(
            launch,
            [{"id": str(entry.pk), "email": entry.contact, "kind": "engaged", "at": at}],
            timezone.now(),
            by="key:1",
        )
    counting.count_campaigns()
    assert (counts(launch)["due_day7"], counts(launch)["retained_day7"]) == (2, 1)


# Opened


def test_a_person_who_moves_counts_and_a_link_scanner_does_not(client: Client, launch: Launch) -> None:
    code = makes(launch)[0]
    said = client.get("/signup", {"code": queries.text_of(code)}, follow=True).content.decode()
    assert 'data-to="/signup/opened"' in said
    assert counts(launch)["opened"] == 0
    opens(client, code)
    assert counts(launch)["opened"] == 1
    code.refresh_from_db()
    assert (code.uses, code.reserved) == (0, 0)
    assert client.get("/signup/opened").status_code == 405


def test_the_same_work_is_done_for_a_code_that_does_not_exist(
    client: Client, launch: Launch, django_assert_num_queries: Any
) -> None:
    known = queries.text_of(makes(launch)[0])
    rows = CampaignDay.objects.count()
    for text in (known, "VES-NONE-NONE-NONE"):
        client.get("/signup", {"code": text})
        client.post("/signup/opened")  # whatever is kept in memory is there now
        with django_assert_num_queries(2):  # a savepoint of the test's; looking up and counting is one statement beside
            assert client.post("/signup/opened").status_code == 204
    assert CampaignDay.objects.count() == rows + 1
    assert CampaignDay.objects.get(campaign="", channel="").opened == 2


def test_nothing_is_counted_without_a_code(client: Client, launch: Launch) -> None:
    assert "opened.js" not in client.get("/signup", follow=True).content.decode()
    assert client.post("/signup/opened").status_code == 204
    assert not CampaignDay.objects.exists()


# The console's pages


def test_the_list_tells_of_each_campaign_and_leads_to_it(console: Client, launch: Launch) -> None:
    comes(launch, "eve", makes(launch, 4)[0])
    counting.count_campaigns()
    said = console.get(CAMPAIGNS).content.decode()
    assert "SPRING" in said and "25%" in said
    assert "name=Caf%C3%A9+Nord" in console.get(CHANNELS).content.decode()


@pytest.mark.parametrize(("page", "told"), [(CAMPAIGNS, "No campaign yet."), (CHANNELS, "No channel yet.")])
def test_an_empty_list_says_how_to_begin(page: str, told: str, console: Client) -> None:
    assert told in console.get(page).content.decode()


@pytest.mark.parametrize("page", [CAMPAIGN, CHANNEL])
def test_a_page_has_its_numbers_its_days_and_who_came_in(page: str, console: Client, launch: Launch) -> None:
    comes(launch, "eve", makes(launch)[0])
    counting.count_campaigns()
    said = console.get(page).content.decode()
    assert "eve@example.com" in said and said.count("<rect") == 2
    assert "browser ran its script" in said
    assert not re.search(
        r"<svg[^>]*style=|https?://(?!testserver|127)", said.partition('class="funnel"')[2].partition("</figure>")[0]
    )
    assert "ev…@ex…" in staff("viewer").get(page).content.decode()


@pytest.mark.parametrize("page", [f"{CAMPAIGN}X", f"{CAMPAIGN}&launch=none", "/admin/invites/campaigns/one/"])
def test_what_does_not_exist_has_no_page(page: str, console: Client, launch: Launch) -> None:
    makes(launch)
    assert console.get(page).status_code == 404


def test_launches_are_told_apart(console: Client, launch: Launch) -> None:
    makes(launch)
    other = tuning.make_launch("other", "Other product", by="staff:1")
    makes(other, 2, campaign="AUTUMN", channel="")
    said = console.get(CAMPAIGNS, {"launch": "other"}).content.decode()
    assert "AUTUMN" in said and "SPRING" not in said


def test_lists_and_pages_ask_the_database_few_questions(
    console: Client, launch: Launch, django_assert_max_num_queries: Any
) -> None:
    for n in range(30):
        makes(launch, 1, campaign=f"C{n}", batch_id=f"c{n}")
    for n, code in enumerate(makes(launch, 12)):
        comes(launch, f"p{n}", code)
    for page in (CAMPAIGNS, CHANNELS, CAMPAIGN, CHANNEL):
        with django_assert_max_num_queries(13):
            assert console.get(page).status_code == 200


# A partner's page


def gives(console: Client, days: int = 30) -> str:
    """A partner is given the page of the café; its link."""
    said = console.post(CHANNEL, {"partner": "The café", "days": days}).content.decode()
    found = re.search(r'value="[^"]*(/partner\?token=[^"]+)"', said)
    assert found, said
    return found[1].replace("&amp;", "&")


def test_a_partner_reads_their_channel_without_names(console: Client, client: Client, launch: Launch) -> None:
    for n, code in enumerate(makes(launch, 9)[:6]):
        comes(launch, f"person{n}", code)
    counting.count_campaigns()
    answer = client.get(gives(console), follow=True)
    said = answer.content.decode()
    assert answer.status_code == 200 and answer.request["PATH_INFO"] == "/partner"
    assert "token" not in answer.request["QUERY_STRING"]
    assert "Café Nord" in said and "<td>9</td>" in said and "<td>6</td>" in said
    assert not re.search(r"person\d|@example|The café|SPRING", said)
    assert 'content="noindex"' in said and answer.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_number_below_five_people_is_hidden(console: Client, client: Client, launch: Launch) -> None:
    for n, code in enumerate(makes(launch, 9)[:4]):
        comes(launch, f"person{n}", code)
    counting.count_campaigns()
    said = client.get(gives(console), follow=True).content.decode()
    assert "<td>9</td>" in said and "<td>few</td>" in said and "<td>4</td>" not in said


def test_the_link_is_shown_once_and_stands_in_the_trail(console: Client, launch: Launch) -> None:
    makes(launch)
    token = gives(console).partition("token=")[2]
    said = console.get(CHANNEL).content.decode()
    assert "The café" in said and token not in said
    event = Event.objects.get(kind="partner.linked")
    assert event.data == {"launch": launch.pk, "channel": "Café Nord", "days": 30}


def test_a_link_that_was_taken_back_leads_nowhere(console: Client, client: Client, launch: Launch) -> None:
    makes(launch)
    client.get(gives(console), follow=True)
    link = PartnerLink.objects.get()
    said = console.post(CHANNEL, {"revoke": link.pk, "reason": "contract over"}, follow=True).content.decode()
    assert "leads nowhere from now on" in said
    assert client.get("/partner").status_code == 404
    assert Event.objects.get(kind="partner.unlinked").data == {"reason": "contract over"}
    again = console.post(CHANNEL, {"revoke": link.pk, "reason": "twice"}, follow=True).content.decode()
    assert "taken back already" in again


@pytest.mark.parametrize("token", ["", "nonsense", "W10:x", "a" * 5000])
def test_no_other_token_opens_a_page(token: str, client: Client, launch: Launch) -> None:
    assert client.get("/partner", {"token": token}, follow=True).status_code == 404


def test_a_link_ends_by_itself(client: Client, launch: Launch) -> None:
    makes(launch)
    link = partnering.give_page(launch, "Café Nord", "The café", 30, by="staff:1")
    PartnerLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(tokens.partner_url(link).partition("8000")[2] or "/partner", follow=True).status_code == 404


def test_a_partner_only_reads_and_not_without_end(console: Client, client: Client, launch: Launch) -> None:
    makes(launch)
    link = gives(console)
    assert client.post("/partner").status_code == 405
    client.get(link)
    found = [client.get("/partner").status_code for _n in range(61)]
    assert found[0] == 200 and found[-1] == 429


@pytest.mark.parametrize("role", ["viewer", "moderator"])
def test_only_who_may_gives_a_partner_a_page(role: str, launch: Launch) -> None:
    makes(launch)
    somebody = staff(role)
    assert somebody.post(CHANNEL, {"partner": "x", "days": 3}).status_code == 403
    assert "A page for a partner" not in somebody.get(CHANNEL).content.decode()
    assert not PartnerLink.objects.exists()


def test_a_campaign_has_no_partner(console: Client, launch: Launch) -> None:
    makes(launch)
    assert console.post(CAMPAIGN, {"partner": "x", "days": 3}).status_code == 403
