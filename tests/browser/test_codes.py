"""A campaign from the form to the cut cards, and a leaked code revoked, as a new moderator does it."""

import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from invites import campaigns, queries
from invites.actions import counting, making, redeeming
from invites.models import CampaignDay, Code
from outbox import actions, relay
from outbox.models import Event, Job
from tests import cast
from tests.browser.conftest import Visitor
from waitlist.models import Launch

pytestmark = pytest.mark.django_db(transaction=True)
Moderator = Callable[..., Visitor]
Shoot = Callable[[Visitor, str], None]


def make_campaign(launch: Launch, name: str = "SPRING", channel: str = "Café Nord", count: int = 40) -> list[Code]:
    """Codes of a campaign."""
    spec = making.Spec(count, timezone.now() + timedelta(days=20), name, campaign=name, channel=channel, max_uses=2)
    return list(queries.run_codes(making.generate(launch, spec, by="staff:1")[0].pk))


def come_in(launch: Launch, code: Code, name: str) -> None:
    """Somebody uses it."""
    ask = redeeming.Ask(cast.contact(name), code=queries.text_of(code), origin=cast.home(name))
    redeeming.redeem(launch, ask, by="public")


def spread(days: int) -> None:
    """As if all that was counted had happened over some weeks."""
    now = timezone.now().date()
    for number, row in enumerate(list(CampaignDay.objects.exclude(campaign=""))):
        for back in range(1, days):
            n = (back * 7 + number * 3) % 11
            numbers = {"issued": 12 * n, "opened": 8 * n, "redeemed": 5 * n, "came": 5 * n, "registered": 4 * n}
            numbers |= {"active": 3 * n, "held": n, "due_day7": 3 * n, "retained_day7": 2 * n}
            CampaignDay.objects.create(
                launch=row.launch,
                campaign=row.campaign,
                channel=row.channel,
                date=now - timedelta(days=back),
                **numbers,
            )


def test_a_campaign_is_made_taken_away_printed_and_one_code_revoked_within_a_minute(
    moderator: Moderator, shoot: Shoot, launch: Launch
) -> None:
    dev = moderator()
    began = time.monotonic()
    page = dev.open("/admin/invites/code/")
    page.get_by_role("link", name="Make codes").click()
    page.get_by_role("link", name="A campaign", exact=True).click()
    page.locator("#id_campaign").fill("meetup")
    assert "MEETUP-" in page.locator(".of-format").inner_text()
    page.get_by_label("How many").fill("20")
    dev.press("Make the codes")
    assert "20 codes are ready." in dev.read()
    with page.expect_download() as download:
        dev.press("Download CSV")
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 21 and download.value.suggested_filename.startswith("codes-meetup-")
    with page.context.expect_page() as opened:
        dev.press("Open the print sheet")
    sheet = opened.value
    sheet.wait_for_load_state()
    assert sheet.locator("article").count() == 20
    assert lines[1].partition(",")[0] in sheet.locator("body").inner_text()
    last4 = Code.objects.order_by("pk")[3].last4
    page.goto(f"{dev.site}/admin/invites/code/?q={last4}")
    page.get_by_role("link", name=f"…{last4}").first.click()
    page.locator("#id_reason").fill("leaked")
    dev.press("Revoke for ever")
    assert "revoked for ever" in dev.read()
    assert time.monotonic() - began < 60
    assert Code.objects.filter(status="revoked").count() == 1
    kinds = set(Event.objects.values_list("kind", flat=True))
    assert kinds >= {"codes.made", "codes.taken", "codes.printed", "code.revoked"}


@pytest.mark.parametrize("what", ["one", "batch", "campaign"])
def test_the_form_is_read_on_a_phone_and_at_a_desk(what: str, moderator: Moderator, shoot: Shoot) -> None:
    dev = moderator()
    page = dev.open(f"/admin/invites/code/generate/?what={what}")
    shoot(dev, f"generate-{what}")
    if what == "batch":
        page.locator("input[value='plain-8']").check()
        page.get_by_label("Days of life").fill("90")
        dev.press("Make the codes")
        assert "can be guessed" in dev.read()
        shoot(dev, "generate-wrong")


def test_the_pages_of_a_run_and_of_a_code(moderator: Moderator, shoot: Shoot, launch: Launch) -> None:
    dev = moderator()
    page = dev.open("/admin/invites/code/generate/?what=batch")
    dev.press("Make the codes")
    shoot(dev, "run-ready")
    dev.press("Show on this page")
    shoot(dev, "run-shown")
    run_page = re.sub(r"take/$", "change/", page.url)
    page.goto(run_page)
    shoot(dev, "run-taken")
    code = make_campaign(launch)[0]
    come_in(launch, code, "eve")
    shoot_code = f"/admin/invites/code/{code.pk}/change/"
    page.goto(dev.site + shoot_code)
    page.locator("#reveal_reason").fill("she lost her mail")
    dev.press("Show the whole code")
    assert queries.text_of(code) in dev.read()
    assert page.evaluate("location.href").endswith("/reveal/")
    shoot(dev, "code")
    page.goto(dev.site + "/admin/invites/code/")
    shoot(dev, "codes")


def test_many_codes_are_watched_while_a_worker_makes_them(moderator: Moderator, shoot: Shoot, until: Any) -> None:
    dev = moderator()
    page = dev.open("/admin/invites/code/generate/?what=batch")
    page.get_by_label("How many").fill("1100")
    dev.press("Make the codes")
    actions.step_job(Job.objects.get().pk)
    page.get_by_text("500 of 1100 codes are made.").wait_for()
    shoot(dev, "run-made")
    relay.drain()
    page.get_by_text("1100 codes are ready. Take them away now.").wait_for()


def test_the_sheet_fits_its_paper(moderator: Moderator, shoot: Shoot, launch: Launch, tmp_path: Any) -> None:
    codes = make_campaign(launch, name="A-CAMPAIGN-WITH-A-VERY-LONG-NAME-INDEED", count=20)
    dev = moderator()
    page = dev.open(f"/admin/invites/coderun/{codes[0].run_id}/change/")
    with page.context.expect_page() as opened:
        dev.press("Open the print sheet")
    sheet = Visitor(opened.value, dev.site)
    sheet.page.wait_for_load_state()
    shoot(sheet, "sheet")
    boxes = sheet.page.evaluate("[...document.querySelectorAll('article')].map(a => [a.scrollHeight, a.clientHeight])")
    assert all(needed <= given + 1 for needed, given in boxes)
    pdf = sheet.page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 2


def test_campaigns_channels_and_a_partners_page(moderator: Moderator, visit: Any, shoot: Shoot, launch: Launch) -> None:
    for number, code in enumerate(make_campaign(launch)[:6]):
        come_in(launch, code, f"person{number}")
    make_campaign(launch, "PRODUCTHUNT", "producthunt", 10)
    counting.count_campaigns()
    dev = moderator()
    dev.open("/admin/invites/campaigns/")
    shoot(dev, "campaigns-young")
    spread(40)
    dev.open("/admin/invites/campaigns/")
    shoot(dev, "campaigns")
    page = dev.page
    page.get_by_role("link", name="SPRING").click()
    shoot(dev, "campaign")
    page.goto(dev.site + "/admin/invites/channels/one/?name=Caf%C3%A9+Nord")
    page.get_by_label("For whom").fill("The café")
    dev.press("Make a link")
    shoot(dev, "channel")
    link = page.locator(".given input").input_value()
    partner = visit()
    partner.open(link)
    assert partner.page.url == f"{partner.site}/partner"
    assert "Café Nord" in partner.read() and "person" not in partner.read().lower().replace("a person", "")
    shoot(partner, "partner")
    russian = visit(locale="ru-RU")
    russian.open(link)
    shoot(russian, "partner-ru")


def test_an_opening_counts_when_a_person_moves(visit: Any, launch: Launch, until: Any) -> None:
    code = make_campaign(launch)[0]
    eve = visit()
    page = eve.open(f"/signup?code={queries.text_of(code)}")
    page.wait_for_load_state("networkidle")
    assert campaigns.summed(campaigns.by_day(launch, "campaign", "SPRING"))["opened"] == 0
    page.mouse.move(40, 60)
    until(lambda: campaigns.summed(campaigns.by_day(launch, "campaign", "SPRING"))["opened"] == 1)
    page.reload()
    page.mouse.move(80, 90)
    page.wait_for_load_state("networkidle")
    assert campaigns.summed(campaigns.by_day(launch, "campaign", "SPRING"))["opened"] == 1
