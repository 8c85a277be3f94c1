"""Before a launch while Temporal or the worker is away, and tests to oneself that say what they are."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains

from campaigns import gateway, preferences
from campaigns.actor_seed import seed_for_actor, seeds_to_judge
from campaigns.contract import TASK_QUEUE, By, Door
from campaigns.gateway import trying
from campaigns.models import Campaign, Contact, SandboxMessage, SendLog
from campaigns.models.words import Outcome
from campaigns.send_log import Grant, commit_intent, record_outcome
from temporal_worker import client
from tests.campaigns.batches import actor_of, begin, cap, people, person, uid
from tests.campaigns.contacts_of import contact
from tests.campaigns.pages import PAGE, client_of, draft, user_with_role

FROM_LOG = "From the send log; the actors could not be asked."
PEOPLE = 30


@pytest.fixture
def marketer(db: None) -> User:
    return user_with_role("marketer")


def _have_had_one(user_ids: list[str]) -> None:
    for user_id in user_ids:
        grant = Grant(f"CMP-0:1:{user_id}", user_id, "push", "marketing", "CMP-0")
        commit_intent(grant)
        record_outcome(grant, Outcome.SENT)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which workflows have been asked."""
    asked, query = [], client.query

    async def counted(workflow_id: str, *args: Any, **more: Any) -> Any:
        asked.append(workflow_id)
        return await query(workflow_id, *args, **more)

    monkeypatch.setattr(client, "query", counted)
    return asked


@pytest.mark.django_db(transaction=True)
class TestWithoutWorker:
    @pytest.fixture(autouse=True)
    def _actors(self, temporal_server: Any) -> Iterator[None]:
        """Of people who have had their message of today. Nobody works for them."""
        begin()
        cap(1)
        _have_had_one(people(PEOPLE))
        people_of_today = [uid(number) for number in range(1, PEOPLE + 1)]
        client.call(_start(people_of_today), timeout=30)
        person(PEOPLE + 1)  # who has had nothing
        yield
        client.call(_end(people_of_today), timeout=30)

    def test_a_dry_run_waits_once_and_goes_by_the_log(self, marketer: User, asked: list[str], monkeypatch: Any) -> None:
        monkeypatch.setattr(trying, "PIECE", 10)
        row = draft()
        run = gateway.dry_run(row.campaign_id, user=marketer)
        # Each waits a second and a half, these at once.
        assert 0 < len(asked) <= trying.QUERIES_AT_ONCE
        assert (run.audience, run.now, run.deferred, run.is_from_log) == (PEOPLE + 1, 1, PEOPLE, True)
        assert list(run.deferred_by_reason) == ["cap_day"]

    @pytest.mark.parametrize("path", ["trial/", "launch/"])
    def test_its_page_and_the_launch_say_so(self, marketer: User, asked: list[str], path: str) -> None:
        draft()
        page = client_of("marketer").get(f"{PAGE}{path}")
        assertContains(page, FROM_LOG)
        assertContains(page, f"<b>1</b> now · <b>{PEOPLE}</b> deferred")
        assert len(asked) <= trying.QUERIES_AT_ONCE


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker")
def test_with_a_worker_everybody_who_had_messages_is_asked(marketer: User, asked: list[str]) -> None:
    begin()
    cap(1)
    _have_had_one(people(3))
    gateway.request_send(uid(1), user=marketer, channel="push", grant_id="a")
    draft()
    assertNotContains(client_of("marketer").get(f"{PAGE}trial/"), FROM_LOG)
    assert {*asked} >= {actor_of(uid(number)) for number in (1, 2, 3)}


@pytest.mark.django_db
def test_without_temporal_nobody_waits_for_each_one(marketer: User, monkeypatch: Any) -> None:
    asked: list[str] = []

    async def away(workflow_id: str, *args: Any, **more: Any) -> Any:
        asked.append(workflow_id)
        raise client.TemporalUnavailable("away")

    monkeypatch.setattr(client, "query", away)
    begin()
    cap(1)
    _have_had_one(people(20))
    run = gateway.dry_run(draft().campaign_id, user=marketer)
    assert (run.deferred, run.is_from_log, len(asked)) == (20, True, 1)


async def _start(user_ids: list[str]) -> None:
    for user_id in user_ids:
        await client.start_workflow(
            "UserActorWorkflow", {"user_id": user_id}, id=actor_of(user_id), task_queue=TASK_QUEUE
        )


async def _end(user_ids: list[str]) -> None:
    server = await client.aget_client()
    for user_id in user_ids:
        await server.get_workflow_handle(actor_of(user_id)).terminate()


@pytest.mark.django_db
def test_many_are_judged_by_what_each_one_s_actor_would_start_from(django_assert_num_queries: Any) -> None:
    now = timezone.now()
    logs: dict[str, list[tuple[float, dict[str, Any]]]] = {
        "USER-001": [
            (1, {}),
            (30, {"transactional": True}),
            (47, {}),
            (49, {}),
            (60, {"transactional": True}),
            (90, {}),
        ],
        "USER-002": [
            (50, {"outcome": Outcome.FAILED}),
            (51, {"is_test": True}),
            (70, {}),
            (70, {"outcome": "unknown"}),
        ],
        "USER-003": [(2, {"outcome": Outcome.INTENT}), (60, {"transactional": True})],
        "USER-004": [],
    }
    for user_id, rows in logs.items():
        contact(user_id)
        for number, (hours, fields) in enumerate(rows):
            row = SendLog(grant_id=f"{user_id}:{number}", user_id=user_id, campaign_id=f"CMP-{number}")
            for name, value in {"channel": "push", "category": "marketing", "outcome": "sent", **fields}.items():
                setattr(row, name, value)
            row.save()
            SendLog.objects.filter(pk=row.pk).update(at=now - timedelta(hours=hours))
    preferences.record_opt_out("USER-002", "sms", by=By("", Door.MAIL))
    contacts = list(Contact.objects.order_by("user_id"))
    with django_assert_num_queries(4):
        seeds = seeds_to_judge(contacts, {}, now=now)
    assert seeds == {one: replace(seed_for_actor(one, now=now), used_grant_ids=[]) for one in logs}
    assert [len(seed.sends) for seed in seeds.values()] == [5, 1, 2, 0]


@pytest.mark.django_db(transaction=True)
class TestATestToOneself:
    @pytest.fixture(autouse=True)
    def _mine(self, marketer: User) -> None:
        begin()
        cap(1)
        person(1)
        person(2, email=marketer.email)

    def test_a_text_message_is_marked_where_it_begins(self, marketer: User) -> None:
        assert self.sent(marketer, body_text="Dear {{ name }}") == ("", "[Test] Dear Amara Okafor")

    def test_it_is_not_longer_than_a_text_message_may_be(self, marketer: User) -> None:
        _, text = self.sent(marketer, body_text="x" * 1_000)
        assert text == f"[Test] {'x' * 993}"

    def test_a_push_message_is_marked_in_its_title(self, marketer: User) -> None:
        sent = self.sent(marketer, channel="push", subject="Hello {{ first_name }}")
        assert sent == ("[Test] Hello Amara", "Dear Amara Okafor")

    def sent(self, marketer: User, **fields: Any) -> tuple[str, str]:
        row: Campaign = draft(**{"channel": "sms", "subject": "", **fields})
        gateway.test_send(row.campaign_id, user=marketer, user_id=uid(1), key="t1")
        message = SandboxMessage.objects.get()
        return message.subject, message.text
