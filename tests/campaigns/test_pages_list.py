"""The list of campaigns and a campaign's send log: whatever the query string, and at a constant cost."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from campaigns.counts import list_counts
from campaigns.listing import PAGE_SIZE, TABS, Listing, page_of
from campaigns.log_listing import LogListing
from campaigns.models import Campaign, CampaignRecipient, SendLog
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.templatetags.ui import iso
from tests.campaigns.pages import CID, PAGE, client_of, draft, saved

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


def cid(number: int) -> str:
    return f"CMP-20261121-1015{number // 100:02}-{number:04}"


class TestList:
    def test_an_empty_one_says_what_will_be_there(self) -> None:
        assertContains(client_of("marketer").get("/campaigns/"), "Write the first campaign")
        assertNotContains(client_of("admin").get("/campaigns/"), "Write the first campaign")

    def test_an_empty_one_has_a_place_for_whatever_comes(self) -> None:
        page = client_of("marketer").get("/campaigns/")
        for name in ("campaigns-new", "campaigns-lede", "count-all", "count-running"):
            assertContains(page, f'id="{name}"', count=1)

    def test_each_state_in_its_tab_with_what_happens_next(self) -> None:
        draft(cid(1), name="A draft")
        saved(cid(2), row={"name": "Going out"}, finishes_at=timezone.now() + timedelta(minutes=5))
        saved(cid(3), row={"name": "Held back"}, status="paused", reason="A typo.")
        saved(cid(4), row={"name": "Large"}, status="awaiting_approval")
        saved(cid(5), row={"name": "Through"}, status="completed", closed_at=timezone.now())
        draft(cid(6), name="Weekly", status="scheduled", launched_at=timezone.now(), recurs="0 9 * * 1")
        client = client_of("marketer")
        page = client.get("/campaigns/")
        assertContains(page, "One campaign is sending.")
        assertContains(page, "One is paused, one waits for an approval, one is scheduled, one is a draft.")
        for words in ("Done at about", "A typo", "10 recipients wait for a yes", "Every Monday at 09:00"):
            assertContains(page, words)
        for tab, name in (
            ("draft", "A draft"),
            ("running", "Going out"),
            ("paused", "Held back"),
            ("waiting", "Weekly"),
            ("completed", "Through"),
        ):
            shown = client.get(f"/campaigns/?tab={tab}")
            assertContains(shown, name)
            assert shown.content.count(b'<tr role="row" id="row-') == (2 if tab == "waiting" else 1)
        assertContains(client.get("/campaigns/?tab=cancelled"), "No campaign here")

    @pytest.mark.parametrize("status", ["completed", "cancelled"])
    def test_one_that_comes_again_waits_between_two_of_its_times(self, status: str) -> None:
        """Whatever became of the first; its times paused, it is paused; over it is when no more of them come."""
        saved(cid(1), row={"name": "Weekly", "recurs": "0 9 * * 1"}, status=status, closed_at=timezone.now())
        client = client_of("marketer")

        def shown(**now: Any) -> dict[str, bool]:
            Campaign.objects.update(**now)
            return {tab: b"Weekly" in client.get(f"/campaigns/?tab={tab}").content for tab in TABS if tab != "all"}

        next_time_at = timezone.now() + timedelta(days=3)
        found = shown(planned_at=timezone.now(), next_time_at=next_time_at)
        assert [tab for tab, is_there in found.items() if is_there] == ["waiting"]
        assert (list_counts().waiting, list_counts().completed, list_counts().cancelled) == (1, 0, 0)
        page = client.get("/campaigns/")
        for words in ("Waits for its next time", "Every Monday at 09:00, next", iso(next_time_at), "One is scheduled."):
            assertContains(page, words)
        assertNotContains(page, "Ended")

        found = shown(times_paused_at=timezone.now(), times_paused_why="Wrong prices.")
        assert [tab for tab, is_there in found.items() if is_there] == ["paused"]
        page = client.get("/campaigns/")
        assertContains(page, 'status--warn">Paused')
        assertContains(page, "Wrong prices")
        assertContains(page, "One is paused.")

        found = shown(times_paused_at=None, next_time_at=None)
        assert [tab for tab, is_there in found.items() if is_there] == [status]

    def test_every_word_has_to_be_found(self) -> None:
        draft(cid(1), name="Autumn letter")
        draft(cid(2), name="Autumn sale")
        page = client_of("marketer").get("/campaigns/?q=autumn+sale")
        assertContains(page, "Autumn sale")
        assertNotContains(page, "Autumn letter")
        assertContains(client_of("marketer").get("/campaigns/?q=<b>"), "Nothing matches “&lt;b&gt;”")

    def test_who_may_do_what(self) -> None:
        draft()
        assertContains(client_of("marketer").get("/campaigns/"), 'id="do-stop"')
        assertNotContains(client_of("writer").get("/campaigns/"), 'id="do-stop"')
        assertNotContains(client_of("admin").get("/campaigns/"), "New campaign")

    def test_pages_by_a_cursor(self) -> None:
        for number in range(PAGE_SIZE * 2 + 3):
            draft(cid(number))
        first = page_of(Listing())
        second = page_of(Listing.read(_query(first.next)))
        third = page_of(Listing.read(_query(second.next)))
        ids = [row.campaign_id for page in (first, second, third) for row in page.campaigns]
        assert ids == [cid(number) for number in reversed(range(PAGE_SIZE * 2 + 3))]
        assert (first.previous, third.next) == ("", "")
        draft(cid(900))  # what comes meanwhile moves no page
        assert [row.pk for row in page_of(Listing.read(_query(third.previous))).campaigns] == [
            row.pk for row in second.campaigns
        ]

    @pytest.mark.parametrize("query", ["tab=x&before=-1&after=abc", "before=99999999999999999999", "q=%00", "after=1"])
    def test_any_query_string_is_a_list(self, query: str) -> None:
        draft()
        assert client_of("marketer").get(f"/campaigns/?{query}").status_code == 200

    def test_as_many_queries_for_many_as_for_one(self) -> None:
        client = client_of("marketer")
        saved(cid(0))
        client.get("/campaigns/")
        with CaptureQueriesContext(connection) as few:
            client.get("/campaigns/")
        for number in range(1, 20):
            saved(cid(number))
        with CaptureQueriesContext(connection) as many:
            client.get("/campaigns/")
        assert len(many) == len(few) <= 12


def _query(url: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in url.removeprefix("?").split("&"))


class TestSendLog:
    @pytest.fixture(autouse=True)
    def _log(self) -> None:
        row = saved(status="cancelled", closed_at=timezone.now())
        for number, (outcome, code) in enumerate(
            [("sent", ""), ("denied", "opted_out"), ("deferred", "cap_day"), ("failed", "bounce")], start=1
        ):
            SendLog.objects.create(
                grant_id=f"{CID}:1:U-{number}", campaign_id=CID, user_id=f"U-{number}", outcome=outcome, code=code
            )
        SendLog.objects.create(grant_id="test", campaign_id=CID, user_id="U-1", outcome="sent", is_test=True)
        SendLog.objects.create(grant_id="other", campaign_id="CMP-other", user_id="U-9", outcome="sent")
        CampaignRecipient.objects.create(
            campaign=row, position=5, user_id="U-5", state="denied", code="campaign_cancelled"
        )

    def test_filters(self) -> None:
        client = client_of("marketer")
        page = client.get(f"{PAGE}log/")
        assert page.content.count(b'id="who-log-') == 4
        assertNotContains(page, "U-9")
        denied = client.get(f"{PAGE}log/?state=denied&reason=opted_out")
        assertContains(denied, "U-2")
        assertNotContains(denied, "U-3")
        assertContains(client.get(f"{PAGE}log/?user_id=U-4"), "bounce")
        assertContains(client.get(f"{PAGE}log/?user_id=nobody"), "Nothing here")

    def test_who_was_never_asked_is_found_by_the_reason(self) -> None:
        page = client_of("marketer").get(f"{PAGE}log/?state=denied&reason=campaign_cancelled")
        assertContains(page, "U-5")
        assertContains(page, "For these nothing was asked.")

    @pytest.mark.parametrize("query", ["state=x&before=y", "reason=%00&user_id=%00", "before=99999999999999999999"])
    def test_any_query_string_is_a_list(self, query: str) -> None:
        assert client_of("marketer").get(f"{PAGE}log/?{query}").status_code == 200

    def test_pages_go_on_where_the_one_before_ended(self) -> None:
        SendLog.objects.bulk_create(
            SendLog(grant_id=f"more-{number}", campaign_id=CID, user_id=f"V-{number}", outcome="sent")
            for number in range(120)
        )
        client, seen, url = client_of("marketer"), 0, "?"
        while url:
            page = client.get(f"{PAGE}log/{url}")
            seen += page.content.count(b'id="who-log-')
            url = page.context["page"].next
        assert seen == 124

    def test_the_export_adds_up_and_holds_no_formula(self) -> None:
        SendLog.objects.filter(user_id="U-4").update(detail='=HYPERLINK("http://evil")', provider_reference="@x")
        Campaign.objects.update(category="+marketing")
        answer = client_of("marketer").get(f"{PAGE}log/export/")
        assert answer["Content-Disposition"].startswith('attachment; filename="send-log-CMP-')
        text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["user_id"] for row in rows] == ["U-1", "U-2", "U-3", "U-4", "U-5"]
        assert rows[3]["detail"] == '\'=HYPERLINK("http://evil")'
        assert rows[3]["provider_reference"] == "'@x"
        assert rows[4]["code"] == "campaign_cancelled"
        assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())

    def test_the_export_is_filtered_as_the_page_is(self) -> None:
        answer = client_of("admin").get(f"{PAGE}log/export/?state=denied&reason=campaign_cancelled")
        rows = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
        assert len(rows) == 2

    def test_links_keep_the_other_filters(self) -> None:
        listing = LogListing(state="denied", reason="opted_out", user_id="U-1", before=7)
        assert listing.url(reason="") == "?state=denied&user_id=U-1"
