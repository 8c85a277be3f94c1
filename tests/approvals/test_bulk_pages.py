"""Deciding many: each is listed before it counts, pressing twice is one job, each says how it ended."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from approvals.gateway import bulk as gateway_bulk
from approvals.models import BulkItemRow, BulkJob, RefusedAttempt
from tests.approvals.requests_of import Desk, cover, level

FIRST, SECOND, OTHERS = (f"REQ-20261117-09154{number}-aaaa" for number in (1, 2, 3))


@pytest.fixture
def manager(people: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(gateway_bulk, "start_job", lambda job: BulkJob.objects.filter(pk=job.pk).update(started=True))
    now = timezone.now()
    Desk(request_id=FIRST, at=now, title="First", amount_cents=10_000).save()
    Desk(request_id=SECOND, at=now, title="Second", amount_cents=20_000).save()
    Desk(level("Lead", "manager"), level("HR", "hr"), request_id=OTHERS, at=now, title="Third").decide("manager").save()
    client = Client()
    client.force_login(people["manager"])
    return client


def selected(*items: str, **more: str) -> dict[str, Any]:
    return {"item": list(items), "decision": "approve", **more}


def key_in(html: str) -> str:
    return re.search(r'name="idempotency_key" value="([^"]+)"', html).group(1)  # type: ignore[union-attr]


def start(client: Client, decision: str = "approve", comment: str = "") -> Any:
    fields = selected(f"{FIRST}:1", f"{SECOND}:1", confirmed="1", comment=comment, idempotency_key="the-key-of-it")
    return client.post("/approvals/bulk/", {**fields, "decision": decision})


class TestConfirming:
    def test_each_is_listed_and_nothing_counts_yet(self, manager: Client) -> None:
        page = manager.post("/approvals/bulk/", selected(f"{FIRST}:1", f"{SECOND}:1", f"{OTHERS}:1"))
        assertContains(page, "Approve 2 requests")
        assertContains(page, "Together $300.00.")
        assertContains(page, "Left out")
        assertContains(page, f'name="item" value="{FIRST}:1"')
        assertNotContains(page, f'name="item" value="{OTHERS}')
        assert not BulkJob.objects.exists()

    @pytest.mark.parametrize("item", ["", "x", "REQ-20261117-091541-aaaa", f"{FIRST}:-1"])
    def test_nonsense_selects_nothing(self, manager: Client, item: str) -> None:
        assertContains(manager.post("/approvals/bulk/", selected(item)), "Nothing is left to decide.")

    def test_nobody_elses_requests(self, people: dict[str, User], manager: Client) -> None:
        outsider = Client()
        outsider.force_login(people["outsider"])
        before = RefusedAttempt.objects.count()
        page = outsider.post("/approvals/bulk/", selected(f"{FIRST}:1"))
        assertNotContains(page, "First", status_code=404)
        assert RefusedAttempt.objects.count() == before + 1

    def test_one_that_is_not_theirs_ends_the_whole_as_one_that_is_not_there_does(
        self, people: dict[str, User], manager: Client
    ) -> None:
        hidden = "REQ-20261117-091544-aaaa"
        Desk(level("VP", "vp"), request_id=hidden, at=timezone.now(), requester="hr", title="Hidden").save()
        for other in (hidden, "REQ-20991231-000000-zzzz"):
            for more in ({}, {"confirmed": "1", "idempotency_key": "the-key-of-it"}):
                page = manager.post("/approvals/bulk/", selected(f"{FIRST}:1", f"{other}:1", **more))
                assertNotContains(page, "Hidden", status_code=404)
        assert not BulkJob.objects.exists()

    def test_a_cover_sees_nothing_before_their_first_day(self, people: dict[str, User], manager: Client) -> None:
        now = timezone.now()
        covers = [cover("manager", "bo", since=now + timedelta(days=2))]
        Desk(request_id=FIRST[:-4] + "bbbb", at=now, title="Not yet", covers=covers).save()
        bo = Client()
        bo.force_login(people["bo"])
        page = bo.post("/approvals/bulk/", selected(f"{FIRST[:-4]}bbbb:1"))
        assertNotContains(page, "Not yet", status_code=404)


class TestStarting:
    def test_pressing_twice_is_one_job(self, manager: Client) -> None:
        first, second = start(manager), start(manager)
        job = BulkJob.objects.get()
        assertRedirects(first, f"/approvals/bulk/{job.job_id}/")
        assertRedirects(second, f"/approvals/bulk/{job.job_id}/")
        assert [row.state_version for row in job.items.all()] == [1, 1]

    def test_a_rejection_needs_a_reason(self, manager: Client) -> None:
        assertContains(start(manager, "reject"), "A rejection needs a reason.", status_code=422)
        assert not BulkJob.objects.exists()
        assert start(manager, "reject", "Not this year.").status_code == 302

    def test_another_selection_under_the_same_key_is_refused(self, manager: Client) -> None:
        start(manager)
        fields = selected(f"{FIRST}:1", confirmed="1", idempotency_key="the-key-of-it")
        assertContains(manager.post("/approvals/bulk/", fields), "It was not started", status_code=409)

    def test_nothing_selected(self, manager: Client) -> None:
        assert manager.post("/approvals/bulk/", selected(confirmed="1")).status_code == 422


class TestProgress:
    def test_until_all_have_ended(self, manager: Client) -> None:
        start(manager)
        job = BulkJob.objects.get()
        BulkJob.objects.update(created_at=timezone.now() - timedelta(seconds=2))
        first, second = job.items.all()
        first.outcome = BulkItemRow.Outcome.DONE
        first.save()
        page = manager.get(f"/approvals/bulk/{job.job_id}/progress/")
        assertContains(page, "1 of 2 are through.")
        assertContains(manager.get(f"/approvals/bulk/{job.job_id}/"), f'href="/technical/bulk-decision-{job.job_id}/"')
        assertContains(page, "a second, about")
        assertContains(page, "every 1s")
        second.outcome, second.detail = BulkItemRow.Outcome.REFUSED, "Bo Nyman approved it before you."
        second.save()
        page = manager.get(f"/approvals/bulk/{job.job_id}/")
        assertContains(page, "1 of 2 approved.")
        assertContains(page, "Bo Nyman approved it before you.")
        assertNotContains(page, "every 1s")

    def test_is_only_its_authors(self, manager: Client, people: dict[str, User]) -> None:
        start(manager)
        other = Client()
        other.force_login(people["hr"])
        address = f"/approvals/bulk/{BulkJob.objects.get().job_id}/"
        assert other.get(address).status_code == 404
        assert other.get(f"{address}progress/").status_code == 404
