"""Grants that a crash has left behind: whose message had begun keep their slot, whose had not are given back, and nobody is
taken up for ever."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from campaigns import activities, preferences
from campaigns.actor_seed import seed_for_actor
from campaigns.contract import ActorView, By, Door, GateInput, SendDecision, SendGrant, SendRequest
from campaigns.models import Campaign, Contact, SandboxMessage, SendLog
from campaigns.models.words import Outcome
from campaigns.policies import policy_for
from campaigns.send_log import DUPLICATE, Grant, commit_intent, record_outcome, record_unused
from campaigns.sending import asking
from campaigns.sending.granting import Granting, Turn
from campaigns.sending.stock import stock_of
from temporal_worker import client
from tests.campaigns.batches import actor_of, begin, campaign, cap, cid, people, send, states, uid

OLD = timedelta(minutes=3)
LATER = ":2"


@pytest.fixture(autouse=True)
def _ids() -> None:
    begin()


def grant_id(campaign: int = 1) -> str:
    return f"{cid(campaign)}:1:{uid()}"


def grant_of(row: Campaign, suffix: str = "") -> Grant:
    recipient = row.recipients.get()
    name = f"{row.campaign_id}:1:{uid()}{suffix}"
    return Grant(name, uid(), "push", "marketing", campaign_id=row.campaign_id, recipient=recipient.pk)


def log() -> list[tuple[str, str, str]]:
    return list(SendLog.objects.order_by("pk").values_list("grant_id", "outcome", "code"))


def slots() -> int:
    view: ActorView = client.call(client.query(actor_of(uid()), "get_state", result_type=ActorView))
    return view.count


def granted_before() -> None:
    """What a round does before the intent."""
    policy = policy_for(Contact.objects.get(user_id=uid()))
    seed = seed_for_actor(uid(), policy=policy)
    request = SendRequest(grant_id(), cid(), "push", "marketing", policy)

    async def seeded() -> Any:
        return seed

    async def ask() -> None:
        await asking.request_send(await client.aget_client(), uid(), request, seeded)

    client.call(ask())


def deferred(row: Campaign) -> None:
    row.recipients.update(state="deferred", next_at=timezone.now(), attempts=1)


def due(row: Campaign, **more: Any) -> Any:
    return send(row, due_by=timezone.now(), **more)


@pytest.fixture
def aged(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The actor's first answer is ``OLD``; ``meanwhile`` is done before it is looked at."""

    def patch(meanwhile: Callable[[], object] = lambda: None, by: timedelta = OLD) -> None:
        real, ages = Granting._ask, iter([by])

        async def ask(self: Granting, turn: Turn) -> SendGrant | SendDecision:
            answer = await real(self, turn)
            if not isinstance(answer, SendGrant) or (age := next(ages, None)) is None:
                return answer
            await sync_to_async(meanwhile)()
            return replace(answer, granted_at=answer.granted_at - age)

        monkeypatch.setattr(Granting, "_ask", ask)

    return patch


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker")
class TestWhoWasPutOff:
    def test_an_intent_of_a_round_that_died_is_unknown_keeps_its_slot_and_is_not_asked_for_again(
        self, aged: Callable[..., None]
    ) -> None:
        cap(1)
        people(1)
        row = campaign()
        granted_before()
        deferred(row)
        commit_intent(grant_of(row))
        aged()
        due(row)
        assert log() == [(grant_id(), "unknown", "crashed")]
        assert (states(row), slots(), SandboxMessage.objects.count()) == ({"unknown": 1}, 1, 0)
        stock = stock_of(row.campaign_id)
        assert (stock.next_deferred_at, stock.crashed) == (None, 1), "no further round is begun for them"
        other = campaign(2)
        send(other)
        assert log()[-1] == (grant_id(2), "denied", "cap_day")

    def test_it_is_not_called_denied_because_they_have_opted_out_since(self) -> None:
        cap(1)
        people(1)
        row = campaign()
        deferred(row)
        commit_intent(grant_of(row))
        preferences.record_opt_out(uid(), "push", by=By("", Door.MAIL))
        due(row)
        assert (states(row), log()) == ({"unknown": 1}, [(grant_id(), "unknown", "crashed")])

    def test_a_grant_without_a_message_is_given_back_and_asked_for_anew(self, aged: Callable[..., None]) -> None:
        cap(1)
        people(1)
        row = campaign()
        granted_before()
        deferred(row)
        aged()
        due(row)
        assert log() == [(grant_id(), "released", "grant_old"), (grant_id() + LATER, "sent", "")]
        assert (states(row), slots()) == ({"sent": 1}, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker")
class TestBegunAfterItWasLookedAt:
    """By a batch that has lost its turn without knowing it."""

    def test_an_old_grant_keeps_its_slot(self, aged: Callable[..., None]) -> None:
        cap(1)
        people(1)
        row = campaign()
        granted_before()
        aged(lambda: commit_intent(grant_of(row)))
        send(row)
        assert log() == [(grant_id(), "unknown", "crashed")]
        assert (states(row), slots(), SandboxMessage.objects.count()) == ({"unknown": 1}, 1, 0)
        assert row.recipients.get().grant_attempt == 1

    def test_it_keeps_its_slot_when_the_campaign_stops(self, aged: Callable[..., None]) -> None:
        cap(1)
        people(1)
        row = campaign()

        def begun_and_stopped() -> None:
            commit_intent(grant_of(row))
            activities.close_gate(GateInput(cid(), 1))

        aged(begun_and_stopped, timedelta(0))
        assert send(row).stopped == "halted"
        assert (log(), slots()) == ([(grant_id(), "intent", "")], 1)
        assert send(row, gate=1).stopped == ""
        assert (states(row), slots()) == ({"unknown": 1}, 1)

    def test_by_the_grant_before_this_one_is_given_back_and_they_stand_where_that_message_does(
        self, aged: Callable[..., None]
    ) -> None:
        cap(2)
        people(1)
        row = campaign()
        granted_before()
        deferred(row)
        row.recipients.update(grant_attempt=2)
        aged(lambda: commit_intent(grant_of(row)), timedelta(0))
        due(row)
        assert log() == [(grant_id(), "unknown", "crashed")]
        assert (states(row), slots()) == ({"unknown": 1}, 1)
        assert stock_of(row.campaign_id).next_deferred_at is None


@pytest.mark.django_db
class TestTheLog:
    def row(self) -> Campaign:
        people(1)
        row = campaign()
        deferred(row)
        return row

    @pytest.mark.parametrize(
        ("outcome", "stands"), [(None, "unknown"), (Outcome.UNKNOWN, "unknown"), (Outcome.SENT, "sent")]
    )
    def test_who_was_reached_by_another_grant_stands_where_it_does(self, outcome: Outcome | None, stands: str) -> None:
        row = self.row()
        commit_intent(replace(grant_of(row), recipient=None))
        if outcome is not None:
            record_outcome(
                replace(grant_of(row), recipient=None), outcome, code="" if stands == "sent" else "no_answer"
            )
        assert commit_intent(grant_of(row, LATER)).code == DUPLICATE
        assert (states(row), row.recipients.get().next_at) == ({stands: 1}, None)
        assert [outcome for _, outcome, _ in log()] == [stands]

    @pytest.mark.parametrize("outcome", [None, Outcome.SENT, Outcome.UNKNOWN, Outcome.FAILED])
    def test_what_was_begun_is_not_written_down_as_unused(self, outcome: Outcome | None) -> None:
        row = self.row()
        commit_intent(grant_of(row))
        if outcome is not None:
            record_outcome(replace(grant_of(row), recipient=None), outcome)
        before = log()
        assert not record_unused(grant_of(row), 1, code="grant_old", detail="")
        assert (log(), row.recipients.get().grant_attempt) == (before, 1)

    def test_what_was_not_is_once(self) -> None:
        row = self.row()
        assert [record_unused(grant_of(row), 1, code="grant_old", detail="") for _ in range(2)] == [True, True]
        assert log() == [(grant_id(), "released", "grant_old")]
        assert row.recipients.get().grant_attempt == 2
