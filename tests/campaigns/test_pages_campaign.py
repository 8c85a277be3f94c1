"""A campaign's page on the projection, without Temporal: who sees what, what is drawn, what can be done."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from campaigns import gateway
from campaigns.contract import LaunchApproval
from campaigns.live_list import frame_of
from campaigns.models import Campaign, CampaignRecipient, SendLog
from dashboard import health_watch
from dashboard.health_watch import Health, Sign
from dashboard.templatetags.ui import moment
from temporal_worker import client as temporal
from tests.campaigns.pages import CID, HTMX, PAGE, client_of, draft, key_in, saved, view_of

pytestmark = pytest.mark.django_db
NO_TEMPORAL = "a page asks the projection, never Temporal"


@pytest.fixture(autouse=True)
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked for the top bar's health."""
    monkeypatch.setattr(health_watch, "look", lambda: Health((Sign("ok", "Temporal"),)))


@pytest.fixture
def no_temporal(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError(NO_TEMPORAL)

    monkeypatch.setattr(temporal, "call", refuse)


class TestGraveOnes:
    """What cannot be taken back has to be named once more, in the form's own field."""

    @pytest.mark.parametrize("status", ["running", "paused"])
    def test_a_running_campaign_is_cancelled_by_who_types_the_end_of_its_id(
        self, monkeypatch: pytest.MonkeyPatch, status: str
    ) -> None:
        saved(status=status)
        view, done = view_of(status=status), []
        monkeypatch.setattr(
            gateway, "read_campaign", lambda *args: gateway.CampaignReading(view, "temporal", timezone.now())
        )
        monkeypatch.setattr(gateway, "cancel", lambda *args, **more: done.append(args) or view)
        marketer, address = client_of("marketer"), f"{PAGE}cancellation/"
        assertContains(marketer.get(address), f"Type {CID[-4:]}, the last four characters of its id")
        for typed in ("", "nope"):
            page = marketer.post(address, {"reason": "Wrong prices", "typed": typed})
            assertContains(page, 'id="f-typed-error"', status_code=422)
            assertContains(page, "Wrong prices", status_code=422)
        assert done == []
        assert marketer.post(address, {"reason": "Wrong prices", "typed": CID[-4:]}).status_code == 302
        assert len(done) == 1

    def test_one_that_has_not_begun_is_cancelled_without(self, monkeypatch: pytest.MonkeyPatch) -> None:
        saved(status="scheduled")
        view = view_of(status="scheduled")
        monkeypatch.setattr(
            gateway, "read_campaign", lambda *args: gateway.CampaignReading(view, "temporal", timezone.now())
        )
        monkeypatch.setattr(gateway, "cancel", lambda *args, **more: view)
        marketer = client_of("marketer")
        assertContains(marketer.get(f"{PAGE}cancellation/"), '<input type="hidden" name="typed"')
        assert marketer.post(f"{PAGE}cancellation/", {}).status_code == 302

    def test_everything_is_stopped_by_who_types_the_word(self, monkeypatch: pytest.MonkeyPatch) -> None:
        done = []
        monkeypatch.setattr(gateway, "stop_everything", lambda **more: done.append(more) or "STOP-1")
        marketer = client_of("marketer")
        assertContains(marketer.get("/campaigns/stop/"), "Type stop")
        for typed in ("", "go"):
            page = marketer.post("/campaigns/stop/", {"reason": "Wrong prices", "typed": typed})
            assertContains(page, 'id="f-typed-error"', status_code=422)
            assertContains(page, "Wrong prices", status_code=422)
        assert done == []
        answer = marketer.post("/campaigns/stop/", {"reason": "Wrong prices", "typed": " Stop"})
        assert answer.headers["Location"] == "/campaigns/stop/STOP-1/"


class TestRights:
    @pytest.mark.parametrize("path", ["", "actions/", "trial/", "preview/", "log/", "edit/", "launch/", "pause/"])
    def test_who_has_no_business_there_finds_nothing(self, path: str) -> None:
        draft()
        assert client_of("staff").get(f"{PAGE}{path}").status_code == 404

    @pytest.mark.parametrize("path", ["/campaigns/", "/campaigns/new/", PAGE, f"{PAGE}log/", "/campaigns/stop/"])
    def test_who_is_not_logged_in_logs_in_first(self, path: str) -> None:
        draft()
        assert Client().get(path).headers["Location"].startswith("/accounts/login/")

    @pytest.mark.parametrize(
        ("who", "path", "status"),
        [
            ("writer", f"{PAGE}edit/", 200),
            ("writer", f"{PAGE}launch/", 403),
            ("writer", f"{PAGE}pause/", 403),
            ("writer", "/campaigns/new/", 200),
            ("writer", "/campaigns/stop/", 403),
            ("writer", f"{PAGE}log/export/", 403),
            ("admin", "/campaigns/new/", 403),
            ("admin", f"{PAGE}edit/", 403),
            ("admin", f"{PAGE}cancellation/", 403),
            ("admin", "/campaigns/stop/", 200),
            ("admin", f"{PAGE}log/export/", 200),
            ("marketer", f"{PAGE}test/", 200),
            ("marketer", f"{PAGE}log/export/", 200),
            ("staff", "/campaigns/", 404),
            ("staff", "/campaigns/new/", 404),
            ("staff", "/campaigns/stop/", 404),
        ],
    )
    def test_each_role(self, who: str, path: str, status: int) -> None:
        draft()
        assert client_of(who).get(path).status_code == status

    def test_what_may_not_be_done_is_not_done_by_posting_either(self) -> None:
        saved()
        for noun in ("pause", "resumption", "cancellation", "rate", "launch", "test"):
            assert client_of("writer").post(f"{PAGE}{noun}/", {"reason": "x"}).status_code == 403
            assert client_of("staff").post(f"{PAGE}{noun}/", {"reason": "x"}).status_code == 404

    def test_a_closed_account_is_logged_out(self) -> None:
        draft()
        client = client_of("marketer")
        User.objects.update(is_active=False)
        assert client.get(PAGE).status_code == 302

    def test_no_such_campaign(self) -> None:
        for path in ("CMP-20260101-000000-ffff/", "nothing/", "CMP-20260101-000000-ffff/log/"):
            assert client_of("marketer").get(f"/campaigns/{path}").status_code == 404

    def test_the_navigation_is_for_who_may_see(self) -> None:
        saved()
        badge = '<span class="count" id="badge-campaigns" hx-swap-oob="true"><span class="visually-hidden">running: </span>1'
        assertContains(client_of("marketer").get("/campaigns/"), badge)
        assertNotContains(client_of("staff").get("/orders/"), "badge-campaigns")


class TestPage:
    def test_the_line_adds_up_and_the_tab_says_how_far(self, no_temporal: None) -> None:
        saved()
        page = client_of("marketer").get(PAGE)
        assertContains(page, "<title>50.0 % Sending · Spring · Callboard</title>")
        assertContains(page, "Sent 4, deferred 0, denied 1, failed 0, unknown 0, pending 5 of 10")
        assertContains(page, "The sum holds.")
        assertContains(page, 'href="/campaigns/CMP-20261121-101500-a1b2/log/?state=denied&amp;reason=opted_out"')
        assertContains(page, "60 a minute")
        assertContains(page, "It began to send.")

    def test_a_sum_that_does_not_hold_is_said(self) -> None:
        saved(counts={"audience": 11, "sent": 4, "deferred": 0, "denied": 1, "failed": 0, "unknown": 0, "pending": 5})
        Campaign.objects.update(
            snapshot={**Campaign.objects.get().snapshot, "counts": {**view_of().counts, "audience": 11}}
        )
        assertContains(client_of("marketer").get(PAGE), "The sum does not hold.")

    def test_deferred_ones_and_when(self) -> None:
        row = saved(counts={**view_of().counts, "deferred": 2, "sent": 2})
        for number, hours in ((1, 3), (2, 9)):
            at = timezone.now() + timedelta(hours=hours)
            CampaignRecipient.objects.create(
                campaign=row, position=number, user_id=f"U-{number}", state="deferred", code="quiet_hours", next_at=at
            )
        page = client_of("marketer").get(PAGE)
        assertContains(page, "Night where they are")
        assertContains(page, "Tried again from")
        assertContains(page, "Two people get theirs later, the last ")

    def test_charts_come_from_what_was_saved(self) -> None:
        for version, sent in enumerate((1, 2, 4), start=5):
            saved(
                version=version,
                started_at=timezone.now() - timedelta(seconds=700 - version * 90),
                counts={**view_of().counts, "sent": sent, "pending": 9 - sent},
            )
        page = client_of("marketer").get(PAGE)
        assertContains(page, "Messages per minute")
        assertContains(page, 'class="fill-sent" d="M')
        assertContains(page, "The audience by state over time")

    def test_an_approval_that_is_waited_for(self) -> None:
        saved(status="awaiting_approval", phase="approval", approval=LaunchApproval("REQ-20261121-101500-c3d4"))
        page = client_of("marketer").get(PAGE)
        assertContains(page, 'id="to-approval" href="/approvals/REQ-20261121-101500-c3d4/"')
        assertContains(page, "It waits for an approval.")

    def test_the_other_times_of_a_recurring_one(self) -> None:
        first = saved(row={"recurs": "0 9 * * 1"}, status="completed", closed_at=timezone.now())
        saved(f"{CID}-2", row={"recurs": "0 9 * * 1", "first": first, "occurrence": 2}, series_id=CID, occurrence=2)
        assertContains(client_of("marketer").get(PAGE), f'href="{PAGE[:-1]}-2/" id="oc-{CID}-2">Time 2</a>')
        page = client_of("marketer").get(f"{PAGE[:-1]}-2/")
        assertContains(page, "The first of them")
        assertContains(page, "Every Monday at 09:00")

    def test_a_recurring_one_between_two_times_says_when_it_comes_again(self, no_temporal: None) -> None:
        now = timezone.now()
        until = now + timedelta(days=40)
        counts = {**view_of().counts, "sent": 9, "pending": 0}
        own = {"recurs": "0 9 * * 1", "planned_at": now, "ends_at": now + timedelta(days=7), "times_until": until}
        row = saved(row=own, status="completed", phase="closed", closed_at=now, counts=counts)
        more = {"recurs": "0 9 * * 1", "first": row, "occurrence": 2}
        saved(f"{CID}-2", row=more, series_id=CID, occurrence=2)
        Campaign.objects.filter(pk=row.pk).update(next_time_at=now + timedelta(days=3))
        marketer = client_of("marketer")
        page = marketer.get(PAGE)
        for words in (
            "Waits for its next time",
            "It goes out every Monday at 09:00.",
            "Its next time is",
            "The first time nine people got it, one other did not.",
            "Its first time ended",
            "<dt>Next time</dt>",
            "<dt>This time ends</dt>",
            'href="/campaigns/CMP-20261121-101500-a1b2/pause/"',
            "Its first time is over; each later time has a page of its own.",
        ):
            assertContains(page, words)
        assertContains(page, f"<dt>Ends</dt><dd>{moment(until, 'clock')}</dd>")
        for words in ("It is done", "nothing is left to send", ">Completed<"):
            assertNotContains(page, words)
        assert not frame_of(CID).is_settled  # type: ignore[union-attr]
        # Among the times of another one it is its own time alone.
        assertContains(marketer.get(f"{PAGE[:-1]}-2/"), '<span class="status status--ok">Completed</span>')

        Campaign.objects.filter(pk=row.pk).update(times_paused_at=now, times_paused_why="Wrong prices.")
        page = marketer.get(PAGE)
        assertContains(page, "Its times are paused: Wrong prices.")
        assertContains(page, 'id="do-resume" href')
        assertNotContains(page, "<dt>Next time</dt>")
        assertContains(marketer.get(f"{PAGE}resumption/", headers=HTMX), "Its times come again.")

    def test_a_recurring_one_whose_first_time_was_skipped(self, no_temporal: None) -> None:
        nobody = dict.fromkeys(view_of().counts, 0)
        row = saved(row={"recurs": "0 9 * * 1"}, status="cancelled", reason="It was late.", counts=nobody)
        Campaign.objects.filter(pk=row.pk).update(next_time_at=timezone.now() + timedelta(days=3))
        page = client_of("marketer").get(PAGE)
        assertContains(page, "Its first time was cancelled, and nobody got it: It was late.")
        form = client_of("marketer").get(f"{PAGE}pause/", headers=HTMX)
        assertContains(form, "None of its times begins anything")
        assertContains(form, "A time that is under way goes on; pause it on its own page.")

    def test_what_is_typed_never_becomes_markup(self) -> None:
        saved(row={"name": "<script>alert(1)</script>"}, name="<b>x</b>", reason="<img src=x>", status="paused")
        html = client_of("marketer").get(PAGE).content.decode()
        for bad in ("<script>alert", "<b>x</b>", "<img src=x>"):
            assert bad not in html

    def test_nobody_is_there_to_go_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bad = Health((Sign("bad", "No worker is running"),), workers=False)
        monkeypatch.setattr(health_watch, "current", lambda: bad)
        saved()
        assertContains(client_of("marketer").get(PAGE), "Temporal or its workers do not answer")

    def test_it_costs_the_same_however_much_has_happened(self, no_temporal: None) -> None:
        row = saved()
        client = client_of("marketer")
        client.get(PAGE)
        with CaptureQueriesContext(connection) as few:
            client.get(PAGE)
        for number in range(60):
            SendLog.objects.create(grant_id=f"g{number}", campaign_id=CID, user_id=f"U-{number}", outcome="sent")
            CampaignRecipient.objects.create(campaign=row, position=number + 1, user_id=f"U-{number}", state="sent")
        with CaptureQueriesContext(connection) as many:
            client.get(PAGE)
        assert len(many) == len(few) <= 16


class TestActions:
    def test_a_no_is_a_sentence_in_its_place(self) -> None:
        saved(status="completed", phase="closed", closed_at=timezone.now())
        page = client_of("marketer").get(PAGE)
        assertContains(page, 'id="do-pause" type="button" aria-disabled="true" aria-describedby="why-pause"')
        assertContains(page, "It is completed: nothing is left to send.")
        assertContains(page, f"/campaigns/new/?like={CID}")

    def test_who_may_only_look_is_told_once(self) -> None:
        saved()
        page = client_of("writer").get(PAGE)
        assertContains(page, "You may look at campaigns; launching and stopping them takes a right", count=1)
        assertNotContains(page, f'href="{PAGE}pause/"')

    def test_a_paused_one_can_be_resumed(self) -> None:
        saved(status="paused", reason="A typo.")
        page = client_of("marketer").get(PAGE)
        assertContains(page, 'id="do-resume"')
        assertContains(page, "It is paused: A typo.")
        assertContains(client_of("marketer").get(f"{PAGE}resumption/", headers=HTMX), "goes on with five recipients")

    def test_pausing_draws_the_page_from_the_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        saved()
        calls: list[dict[str, Any]] = []

        def pause(campaign_id: str, **asked: Any) -> Any:
            calls.append(asked)
            return view_of(version=6, status="paused", reason=asked["reason"], actions_version=2)

        monkeypatch.setattr(gateway, "pause", pause)
        marketer = client_of("marketer")
        key = key_in(marketer.get(f"{PAGE}pause/", headers=HTMX).content.decode())
        for _ in range(2):
            answer = marketer.post(f"{PAGE}pause/", {"reason": "A typo", "idempotency_key": key}, headers=HTMX)
        assertContains(answer, 'id="campaign-head" hx-swap-oob="true" data-version="6"')
        assertContains(answer, 'id="do-resume"')
        assert [(one["reason"], one["key"], one["door"]) for one in calls] == [("A typo", key, "web")] * 2
        assert marketer.post(f"{PAGE}pause/", {"reason": "A typo"}).status_code == 302

    @pytest.mark.parametrize(
        ("was", "told"), [("paused", "Nothing is sent any more"), ("completed", "None of its times begins anything")]
    )
    def test_what_a_pause_says_that_it_did(self, monkeypatch: pytest.MonkeyPatch, was: str, told: str) -> None:
        """Of a recurring one between two times, a later one of which may be under way, only its times are paused."""
        saved()
        monkeypatch.setattr(gateway, "pause", lambda *_, **asked: view_of(version=6, status=was))
        answer = client_of("marketer").post(f"{PAGE}pause/", {"reason": "A typo"}, follow=True)
        assertContains(answer, f"Paused. {told}")

    @pytest.mark.parametrize(
        ("problem", "status"),
        [
            (gateway.CampaignRefused("already_paused", "It is paused already: A typo."), 409),
            (gateway.NotPermitted("no_right", "You may not."), 403),
            (gateway.Unavailable("Temporal is out of reach.", 3), 503),
            (gateway.InvalidRequest("reason", "must be shorter"), 422),
        ],
    )
    def test_a_no_keeps_what_was_typed(
        self, monkeypatch: pytest.MonkeyPatch, problem: gateway.CampaignProblem, status: int
    ) -> None:
        saved()

        def refuse(*args: Any, **kwargs: Any) -> Any:
            raise problem

        monkeypatch.setattr(gateway, "pause", refuse)
        answer = client_of("marketer").post(f"{PAGE}pause/", {"reason": "Well thought"}, headers=HTMX)
        assert answer.status_code == status
        if status != 403:
            assertContains(answer, "Well thought", status_code=status)

    @pytest.mark.parametrize("rate", ["", "0", "-3", "many", "9999999", "1.5"])
    def test_no_rate(self, rate: str) -> None:
        saved()
        answer = client_of("marketer").post(f"{PAGE}rate/", {"per_minute": rate}, headers=HTMX)
        assertContains(answer, 'id="f-per_minute-error"', status_code=422)
