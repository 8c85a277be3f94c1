"""Batches with real actors: the cap holds, each message goes once, and what a crash or a pause leaves is right."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from temporalio.activity import ActivityCancellationDetails
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from campaigns import activities, preferences
from campaigns.actor_seed import seed_for_actor
from campaigns.contract import (
    ActorView,
    By,
    CampaignView,
    CloseInput,
    DecisionCode,
    Door,
    GateInput,
    SendDecision,
    SendGrant,
    SendRequest,
    campaign_workflow_id,
    counts_with_audience,
)
from campaigns.models import (
    Campaign,
    CampaignRecipient,
    CapPolicy,
    Contact,
    SandboxMessage,
    Segment,
    SendLog,
)
from campaigns.models.words import Outcome
from campaigns.policies import policy_for
from campaigns.send_log import Grant, commit_intent
from campaigns.sending import asking, audience, ledger
from campaigns.sending.granting import Granting, Turn
from campaigns.sending.stock import stock_of
from temporal_worker import client
from temporal_worker.errors import CallTimedOut
from temporal_worker.models import ChangeCounter
from tests.campaigns.batches import (
    Run,
    actor_of,
    actors_running,
    batch,
    begin,
    campaign,
    cap,
    cid,
    configure,
    people,
    person,
    send,
    states,
    uid,
)
from tests.eventually import eventually
from tests.orders.at_once import at_once
from tests.soak.mailserver import MailServer

pytestmark = [pytest.mark.django_db(transaction=True)]

PERSON = By("", Door.MAIL)


@pytest.fixture(autouse=True)
def _ids() -> None:
    begin()


def grant_id(person: int = 1, campaign: int = 1) -> str:
    return f"{cid(campaign)}:1:{uid(person)}"


def log_of(number: int = 1) -> list[tuple[str, str, str]]:
    rows = SendLog.objects.filter(user_id=uid(number)).order_by("pk")
    return list(rows.values_list("grant_id", "outcome", "code"))


def messages_begun() -> int:
    """Grants that were given back without one are in the log too."""
    return SendLog.objects.exclude(outcome="released").count()


def view_of(number: int = 1) -> ActorView:
    return client.call(client.query(actor_of(uid(number)), "get_state", result_type=ActorView, timeout=10))


def grant_as_a_batch() -> None:
    """What a batch does before the intent: and then it dies."""
    user_id = uid()
    policy = policy_for(Contact.objects.get(user_id=user_id))
    seed = seed_for_actor(user_id, policy=policy)
    request = SendRequest(grant_id(), cid(), "push", "marketing", policy)

    async def seeded() -> Any:
        return seed

    async def ask() -> None:
        await asking.request_send(await client.aget_client(), user_id, request, seeded)

    client.call(ask())


@pytest.mark.usefixtures("worker")
class TestCap:
    @pytest.mark.soak
    def test_ten_campaigns_at_once_reach_everybody_three_times(self) -> None:
        cap(3)
        users = people(20)
        rows = [campaign(number) for number in range(1, 11)]
        results = at_once(10, lambda n: send(rows[n]))
        assert [one.next_position for one in results] == [21] * 10
        sent = Counter(SandboxMessage.objects.values_list("user_id", flat=True))
        assert sent == dict.fromkeys(users, 3)
        assert SendLog.objects.filter(outcome=Outcome.SENT).count() == 60
        assert SendLog.objects.filter(outcome=Outcome.DENIED, code="cap_day").count() == 140
        for row in rows:
            assert sum(states(row).values()) == 20
        decision = SendLog.objects.filter(outcome=Outcome.DENIED).first()
        assert decision is not None
        assert (decision.rule, decision.limit, decision.count, len(decision.used_by)) == ("max_per_day", 3, 3, 3)
        assert decision.changes == [{"field": "max_per_day", "current": "3", "needed": "4"}]

    def test_the_same_batch_at_once_and_again_sends_once(self) -> None:
        cap(None)
        people(20)
        row = campaign()
        at_once(3, lambda n: send(row))
        send(row)
        assert Counter(SandboxMessage.objects.values_list("user_id", "calls")) == Counter(
            {(uid(n), 1): 1 for n in range(1, 21)}
        )
        assert states(row) == {"sent": 20}

    def test_who_is_due_is_taken_up_and_nobody_else(self) -> None:
        cap(None)
        people(3)
        row = campaign()
        row.recipients.filter(position=1).update(state="deferred", next_at=timezone.now(), attempts=1)
        row.recipients.filter(position=2).update(state="deferred", next_at=timezone.now() + timedelta(days=1))
        result = send(row, due_by=timezone.now())
        assert (result.next_position, result.attempted) == (4, 1)
        assert list(row.recipients.values_list("state", flat=True)) == ["sent", "deferred", "pending"]

    def test_deferred_until_the_window_opens_unless_the_campaign_ends_before(self) -> None:
        cap(1)
        people(1)
        first, second, third = campaign(1), campaign(2), campaign(3)
        send(first)
        send(second, defers=True, ends_at=timezone.now() + timedelta(days=3))
        send(third, defers=True, ends_at=timezone.now() + timedelta(hours=3))
        assert (states(first), states(second), states(third)) == ({"sent": 1}, {"deferred": 1}, {"denied": 1})
        waiting = second.recipients.get()
        sent = SendLog.objects.get(outcome=Outcome.SENT)
        assert (waiting.next_at, waiting.code, waiting.attempts) == (sent.at + timedelta(hours=24), "cap_day", 1)


@pytest.mark.usefixtures("worker")
class TestKnownRefusals:
    def test_two_hundred_known_opt_outs_start_no_actor(self) -> None:
        cap()
        for user_id in people(200):
            preferences.record_opt_out(user_id, "push", by=PERSON)
        row = campaign()
        result = send(row)
        assert (result.next_position, result.attempted) == (201, 0)
        assert actors_running() == set()
        assert states(row) == {"denied": 200}
        assert SendLog.objects.filter(code="opted_out", outcome=Outcome.DENIED).count() == 200

    def test_suppressed_and_without_an_address(self) -> None:
        cap()
        person(1, push_token="")
        person(2, suppressed_channels=["push"])
        row = campaign()
        person(3)
        CampaignRecipient.objects.create(campaign=row, position=3, user_id=uid(404))
        send(row)
        codes = dict(row.recipients.values_list("user_id", "code"))
        assert codes == {uid(1): "missing_address", uid(2): "suppressed", uid(404): "missing_address"}
        assert actors_running() == set()


@pytest.mark.usefixtures("worker")
class TestCrash:
    def test_between_intent_and_outcome_it_is_unknown_keeps_its_slot_and_is_not_sent_again(self) -> None:
        cap(1)
        people(1)
        row = campaign()
        grant_as_a_batch()
        recipient = row.recipients.get()
        commit_intent(Grant(grant_id(1, 1), uid(1), "push", "marketing", campaign_id=cid(1), recipient=recipient.pk))
        send(row)
        assert states(row) == {"unknown": 1}
        assert activities.count_recipients(row.campaign_id).crashed == 1
        assert SandboxMessage.objects.count() == 0
        assert (view_of().count, view_of().next_allowed_at["push"]) != (0, None)
        other = campaign(2)
        send(other)
        assert log_of()[-1] == (grant_id(1, 2), "denied", "cap_day")

    def test_after_the_grant_it_is_sent_by_the_same_grant(self) -> None:
        cap(1)
        people(1)
        row = campaign()
        grant_as_a_batch()
        send(row)
        assert log_of() == [(grant_id(1, 1), "sent", "")]
        assert view_of().count == 1

    def test_a_grant_that_has_grown_old_is_given_back_and_asked_for_anew(self, monkeypatch: Any) -> None:
        cap(1)
        people(1)
        row = campaign()
        grant_as_a_batch()
        real = Granting._ask
        ages = iter([timedelta(minutes=3)])

        async def ask(self: Granting, turn: Turn) -> SendGrant | SendDecision:
            answer = await real(self, turn)
            assert isinstance(answer, SendGrant)
            return replace(answer, granted_at=answer.granted_at - next(ages, timedelta(0)))

        monkeypatch.setattr(Granting, "_ask", ask)
        send(row)
        assert log_of() == [(grant_id(1, 1), "released", "grant_old"), (grant_id(1, 1) + ":2", "sent", "")]
        assert (view_of().count, SendLog.objects.filter(holds_slot=True).count()) == (1, 0)
        assert states(row) == {"sent": 1}
        released, sent = SendLog.objects.order_by("pk")
        assert released.detail.startswith("No message was begun")
        assert len(released.run_id) == len(sent.run_id) == 36
        assert released.run_id != sent.run_id, "what is given back ends the run that granted it"

    def test_a_grant_whose_campaign_stops_before_its_message_is_in_the_log_and_free_again(
        self, monkeypatch: Any
    ) -> None:
        cap(1)
        people(1)
        row = campaign()
        real = Granting._ask

        async def ask(self: Granting, turn: Turn) -> SendGrant | SendDecision:
            answer = await real(self, turn)
            await sync_to_async(activities.close_gate)(GateInput(cid(1), 1))
            return answer

        with monkeypatch.context() as closing:
            closing.setattr(Granting, "_ask", ask)
            assert send(row).stopped == "halted"
        assert log_of() == [(grant_id(1, 1), "released", "halted")]
        assert (states(row), view_of().count) == ({"pending": 1}, 0), "nobody is settled by it"
        assert send(row, gate=1).stopped == ""
        assert log_of()[1:] == [(grant_id(1, 1) + ":2", "sent", "")]
        assert stock_of(row.campaign_id).counts == {"sent": 1}


@pytest.mark.usefixtures("worker")
class TestHowSendsEnd:
    def test_an_opt_out_before_the_intent_is_honoured_and_the_slot_given_back(self, monkeypatch: Any) -> None:
        cap(1)
        people(1)
        row = campaign()
        real = ledger.commit_intents

        def opted_out_meanwhile(grants: Sequence[Grant], **more: Any) -> Any:
            preferences.record_opt_out(uid(1), "push", by=PERSON)
            return real(grants, **more)

        monkeypatch.setattr(ledger, "commit_intents", opted_out_meanwhile)
        result = send(row)
        assert (result.attempted, states(row), SandboxMessage.objects.count()) == (0, {"denied": 1}, 0)
        assert log_of() == [(grant_id(1, 1), "denied", "opted_out")]
        assert view_of().count == 0

    def test_a_definite_failure_is_counted_and_gives_the_slot_back(self) -> None:
        cap(1)
        person(1, push_token="bounce-1")
        row = campaign()
        result = send(row)
        assert (result.attempted, result.failed, states(row)) == (1, 1, {"failed": 1})
        assert log_of() == [(grant_id(1, 1), "failed", "refused")]
        assert view_of().count == 0

    def test_a_refusal_for_the_moment_is_tried_again_within_the_batch(self) -> None:
        cap(1)
        person(1, push_token="flaky-1")
        row = campaign()
        send(row)
        assert (states(row), SandboxMessage.objects.get().calls) == ({"sent": 1}, 3)

    def test_no_answer_is_unknown_and_keeps_its_slot(self) -> None:
        cap(1)
        person(1, push_token="lost-1")
        row = campaign()
        send(row)
        send(row)
        assert (states(row), SandboxMessage.objects.get().calls) == ({"unknown": 1}, 1)
        assert view_of().count == 1

    def test_who_lacks_a_variable_gets_nothing(self) -> None:
        cap(1)
        people(1, name="")
        row = campaign()
        send(row)
        assert log_of() == [(grant_id(1, 1), "failed", "missing_variable")]
        assert view_of().count == 0

    def test_mails_leave_by_few_connections_with_the_link_that_ends_them(self, settings: Any) -> None:
        cap(None)
        people(30)
        with MailServer() as mails:
            settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
            settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mails.port
            row = campaign(channel="email")
            send(row)
            assert states(row) == {"sent": 30}
            assert sorted(mail["To"] for mail in mails.taken) == [f"{uid(n).lower()}@example.com" for n in range(1, 31)]
            mail = mails.taken[0]
            assert mail["Subject"] == "Hello Amara"
            assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            mails.drops = True
            dropped = campaign(2, channel="email")
            send(dropped)
            assert states(dropped) == {"unknown": 30}


@pytest.mark.usefixtures("worker")
class TestStopping:
    def test_after_the_gate_is_closed_no_message_begins(self) -> None:
        cap(None)
        people(40)
        row = campaign()
        results: list[Any] = []
        slowly = 600  # so that some are left when the gate closes
        running = threading.Thread(target=lambda: results.append(send(row, rate_per_minute=slowly)))
        running.start()
        eventually(lambda: SendLog.objects.filter(outcome="sent").count() >= 5)
        assert activities.close_gate(GateInput(cid(1), 1)) == 1
        begun = messages_begun()
        running.join(30)
        assert (results[0].stopped, results[0].gate) == ("halted", 1)
        assert messages_begun() == begun < 40
        assert states(row) == {"sent": begun, "pending": 40 - begun}
        assert results[0].next_position == row.recipients.filter(state="pending").first().position  # type: ignore[union-attr]
        assert send(row, gate=1).stopped == ""
        assert states(row) == {"sent": 40}
        assert Counter(SandboxMessage.objects.values_list("calls", flat=True)) == {1: 40}

    def test_a_batch_for_another_gate_asks_nobody(self) -> None:
        people(2)
        row = campaign()
        activities.close_gate(GateInput(cid(1), 5))
        result = send(row)
        assert (result.stopped, result.gate, result.next_position) == ("halted", 5, 1)
        assert actors_running() == set()
        assert activities.close_gate(GateInput(cid(1), 3)) == 5

    def test_cancelled_it_answers_within_a_second(self) -> None:
        cap(None)
        people(3)
        row = campaign()
        run = Run()
        results: list[Any] = []
        slow = batch(row, rate_per_minute=6, seconds=60.0)
        running = threading.Thread(target=lambda: results.extend((run(slow), time.monotonic())))
        running.start()
        eventually(lambda: SendLog.objects.filter(outcome="sent").exists())
        began = time.monotonic()
        run.environment.cancel(ActivityCancellationDetails(cancel_requested=True))
        running.join(30)
        assert results[1] - began < 1
        assert (results[0].stopped, results[0].next_position, states(row)) == ("asked", 2, {"sent": 1, "pending": 2})

    def test_a_worker_that_goes_leaves_the_batch_to_another(self) -> None:
        cap(None)
        people(2)
        row = campaign()
        run = Run()
        failed: list[BaseException] = []

        def go() -> None:
            try:
                run(batch(row, rate_per_minute=6, seconds=60.0))
            except BaseException as error:
                failed.append(error)

        running = threading.Thread(target=go)
        running.start()
        eventually(lambda: SendLog.objects.filter(outcome="sent").exists())
        run.environment.cancel(ActivityCancellationDetails(worker_shutdown=True))
        running.join(10)
        assert len(failed) == 1

    def test_too_many_failures_end_it_with_their_reason(self) -> None:
        cap(None)
        for number in range(1, 101):
            person(number, push_token=f"bounce-{number}")
        row = campaign()
        result = send(row, pause_error_percent=10, pause_error_least=5)
        assert result.stopped == "errors"
        assert "The address does not exist." in result.reason
        assert states(row)["pending"] > 50

    def test_the_rate_is_kept_and_the_refused_take_no_turn(self) -> None:
        cap(None)
        for user_id in people(20)[:10]:
            CapPolicy.objects.create(name=user_id, user_id=user_id, max_per_day=0)
        row = campaign()
        began = timezone.now()
        # One in 0.25 s: 10 take 2.25 s; with the refused it would be 4.75.
        result = send(row, rate_per_minute=240, next_send_at=began)
        times = sorted(SandboxMessage.objects.values_list("created_at", flat=True))
        assert len(times) == 10
        assert 2.1 < (times[-1] - began).total_seconds() < 4.6
        assert result.next_send_at is not None
        assert result.next_send_at > began + timedelta(seconds=2.25)

    def test_rather_than_to_wait_long_for_its_turn_it_answers(self) -> None:
        cap(None)
        people(2)
        row = campaign()
        turn = timezone.now() + timedelta(minutes=5)
        result = send(row, next_send_at=turn)
        assert (result.stopped, result.next_position, result.next_send_at) == ("time", 1, turn)
        assert actors_running() == set()

    @pytest.mark.parametrize(
        ("spoil", "kind"),
        [
            ({"draft_version": 2}, "TextsChanged"),
            ({"body_text": "{{ nonsense }}"}, "ValidationError"),
            ({"campaign_id": "CMP-gone"}, "NotFound"),
        ],
    )
    def test_what_trying_again_does_not_mend(self, spoil: dict[str, Any], kind: str) -> None:
        people(1)
        row = campaign()
        work = batch(row)
        Campaign.objects.filter(pk=row.pk).update(**spoil)
        with pytest.raises(ApplicationError) as caught:
            Run()(work)
        assert (caught.value.type, caught.value.non_retryable) == (kind, True)

    def test_a_channel_that_is_switched_off(self) -> None:
        people(1)
        row = campaign()
        configure(push_on=False)
        with pytest.raises(ApplicationError, match="switched off"):
            send(row)


class Silent:
    """Actors of which some are asked and are not heard for so many times, as on a server that has too much to do: what they
    have granted they have granted. They are waited for until ``others`` of the rest have answered."""

    def __init__(self, monkeypatch: Any, times: dict[str, int], others: int) -> None:
        self.times, self.others, self.asked = times, others, 0
        self.others_answered = asyncio.Event()
        self.real = asking.request_send
        monkeypatch.setattr(asking, "request_send", self.request_send)

    async def request_send(self, worker: Client, user_id: str, *args: Any, **more: Any) -> SendGrant | SendDecision:
        self.asked += 1
        answer = await self.real(worker, user_id, *args, **more)
        if self.times.get(user_id, 0):
            self.times[user_id] -= 1
            await self.others_answered.wait()
            raise CallTimedOut(f"{user_id} did not answer")
        self.others -= 1
        if self.others <= 0:
            self.others_answered.set()
        return answer

    async def let_go(self) -> None:
        self.others_answered.set()


@pytest.mark.usefixtures("worker")
class TestActorsThatDoNotAnswer:
    def test_what_is_done_is_answered_and_the_next_batch_goes_on_with_them(self, monkeypatch: Any) -> None:
        cap(1)
        people(12)
        row = campaign()
        Silent(monkeypatch, {uid(1): 1, uid(4): 2, uid(5): 1, uid(9): 1}, others=8)
        results = [send(row) for _ in range(3)]
        assert [one.next_position for one in results] == [1, 4, 13]
        assert [(one.stopped, one.settled) for one in results] == [("unreached", 8), ("unreached", 3), ("", 1)]
        assert results[0].reason.endswith("did not answer")
        assert states(row) == {"sent": 12}
        assert Counter(SandboxMessage.objects.values_list("user_id", "calls")) == Counter(
            {(uid(n), 1): 1 for n in range(1, 13)}
        )
        assert (view_of(1).count, view_of(4).count, SendLog.objects.count()) == (1, 1, 12), "no slot was taken twice"

    def test_of_an_outage_in_the_middle_it_asks_few_and_only_the_next_one_fails(self, monkeypatch: Any) -> None:
        cap(1)
        users = people(80)
        row = campaign()
        silent = Silent(monkeypatch, dict.fromkeys(users[10:], 1_000), others=10)
        first = send(row)
        assert (first.stopped, first.settled, first.next_position) == ("unreached", 10, 11)
        assert silent.asked < 80
        with pytest.raises(ApplicationError) as caught:
            send(row)
        assert (caught.value.type, caught.value.non_retryable) == ("Unavailable", False)
        assert states(row) == {"sent": 10, "pending": 70}
        silent.times.clear()
        assert send(row).stopped == ""
        assert states(row) == {"sent": 80}
        assert set(SandboxMessage.objects.values_list("calls", flat=True)) == {1}

    def test_who_gets_no_grant_that_may_be_used_is_left_for_the_next_one(self, monkeypatch: Any) -> None:
        cap(1)
        people(3)
        row = campaign()
        real, spent = asking.request_send, SendDecision(False, DecisionCode.GRANT_SPENT, "spent", rule="grant_spent")
        asked: list[str] = []

        async def request_send(worker: Client, user_id: str, request: SendRequest, *args: Any, **more: Any) -> Any:
            if user_id == uid(2) and len(asked) < 4:
                asked.append(request.grant_id)
                return spent
            return await real(worker, user_id, request, *args, **more)

        monkeypatch.setattr(asking, "request_send", request_send)
        first, second = send(row), send(row)
        assert (first.stopped, first.settled, first.next_position) == ("unreached", 2, 2)
        assert first.reason == f"The actor of {uid(2)} gives no grant that could be used."
        assert (second.stopped, second.settled) == ("", 1)
        assert len(set(asked)) == 4, "no number is tried twice"
        assert states(row) == {"sent": 3}

    def test_when_its_time_is_over_and_nobody_is_settled_it_is_tried_again(self, monkeypatch: Any) -> None:
        """An answer would say that it made no headway, which ends the shard at once."""
        cap(1)
        people(2)
        row = campaign()
        client.call(Silent(monkeypatch, {uid(1): 1}, others=1).let_go())
        with pytest.raises(ApplicationError) as caught:
            send(row, rate_per_minute=6, seconds=1.0, next_send_at=timezone.now())
        assert (caught.value.type, states(row)) == ("Unavailable", {"pending": 2})

    def test_cancelled_meanwhile_it_answers(self, monkeypatch: Any) -> None:
        cap(1)
        people(1)
        row = campaign()
        silent = Silent(monkeypatch, {uid(1): 1}, others=1)
        run = Run()
        results: list[Any] = []
        running = threading.Thread(target=lambda: results.append(run(batch(row))))
        running.start()
        eventually(lambda: silent.asked == 1)
        run.environment.cancel(ActivityCancellationDetails(cancel_requested=True))
        client.call(silent.let_go())
        running.join(10)
        assert (results[0].stopped, results[0].next_position, states(row)) == ("asked", 1, {"pending": 1})


def test_out_of_reach_is_worth_another_try(temporal_server: Any, transactional_db: None, monkeypatch: Any) -> None:
    """There is no worker: no actor answers."""
    monkeypatch.setattr(asking, "ANSWER_WITHIN", 0.3)
    people(5)
    row = campaign()
    with pytest.raises(ApplicationError) as caught:
        send(row)
    assert (caught.value.type, caught.value.non_retryable) == ("Unavailable", False)
    assert states(row) == {"pending": 5}


class TestAudience:
    def test_is_written_once_in_order_and_goes_on_after_a_crash(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(audience, "PIECE", 7)
        monkeypatch.setattr(audience, "STRETCH", 7)
        people(30)
        beats: list[int] = []

        def die_in_the_third() -> None:
            beats.append(1)
            if len(beats) == 3:
                raise KeyboardInterrupt

        Campaign.objects.create(campaign_id=cid(1), idempotency_key="k", audience="all")
        with pytest.raises(KeyboardInterrupt):
            audience.snapshot(cid(1), die_in_the_third)
        assert CampaignRecipient.objects.count() == 21
        at_once(3, lambda n: audience.snapshot(cid(1), lambda: None))
        person(999)
        audience.snapshot(cid(1), lambda: None)
        rows = list(CampaignRecipient.objects.order_by("position").values_list("position", "user_id"))
        assert rows == [(n, uid(n)) for n in range(1, 31)]

    @pytest.mark.django_db
    def test_of_a_segment_that_few_are_in_everybody_is_found(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(audience, "PIECE", 3)
        monkeypatch.setattr(audience, "STRETCH", 4)
        monkeypatch.setattr(audience, "STRETCHES_AT_ONCE", 2)
        people(30)
        few = [uid(n) for n in (1, 13, 14, 15, 16, 28)]
        Segment.objects.create(name="few", filters={"filters": [{"field": "user_id", "op": "in", "value": few}]})
        row = campaign(audience={"segment": "few"})
        rows = CampaignRecipient.objects.filter(campaign=row).order_by("position")
        assert list(rows.values_list("position", "user_id")) == list(enumerate(few, start=1))

    @pytest.mark.django_db
    def test_named_people_are_found_by_their_names(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(audience, "PIECE", 2)
        monkeypatch.setattr(audience, "STRETCH", 2)
        people(30)
        with CaptureQueriesContext(connection) as asked:
            row = campaign(audience={"user_ids": [uid(29), uid(3), uid(30)]})
        rows = CampaignRecipient.objects.filter(campaign=row).order_by("position")
        assert list(rows.values_list("position", "user_id")) == [(1, uid(3)), (2, uid(29)), (3, uid(30))]
        looks = [
            one["sql"] for one in asked if one["sql"].startswith("SELECT") and 'FROM "campaigns_contact"' in one["sql"]
        ]
        assert len(looks) <= 3, "and not each stretch of all contacts"

    @pytest.mark.django_db
    def test_named_people_a_segment_and_one_too_large(self) -> None:
        people(5)
        Segment.objects.create(name="two", filters={"filters": [{"field": "user_id", "op": "in", "value": [uid(2)]}]})
        assert states(campaign(1, audience={"user_ids": [uid(4), uid(1), uid(404)]})) == {"pending": 2}
        assert states(campaign(2, audience={"segment": "two"})) == {"pending": 1}
        configure(max_audience=4)
        with pytest.raises(ApplicationError, match="larger than the 4"):
            campaign(3)
        with pytest.raises(ApplicationError, match="no segment"):
            campaign(4, audience={"segment": "gone"})


@pytest.mark.django_db
class TestTheEnd:
    def test_who_has_not_got_it_is_denied_and_of_whom_nobody_knows_is_unknown(self) -> None:
        people(4)
        row = campaign()
        states_of = ["pending", "deferred", "sent", "pending"]
        for position, state in enumerate(states_of, start=1):
            row.recipients.filter(position=position).update(state=state)
        commit_intent(Grant(grant_id(4, 1), uid(4), "push", "marketing", campaign_id=cid(1)))
        stock = activities.close_recipients(CloseInput(cid(1), "expired"))
        assert stock.counts == {"denied": 2, "sent": 1, "unknown": 1}
        assert stock.denied_by_reason == {"expired": 2}
        assert activities.close_recipients(CloseInput(cid(1), "expired")) == stock

    def test_a_stock_names_the_next_and_the_last_deferred(self) -> None:
        people(3)
        row = campaign()
        moments = [timezone.now() + timedelta(hours=hours) for hours in (5, 2)]
        for position, moment in enumerate(moments, start=1):
            row.recipients.filter(position=position).update(state="deferred", next_at=moment, code="min_gap")
        stock = activities.count_recipients(cid(1))
        assert stock.counts == {"deferred": 2, "pending": 1}
        assert (stock.next_deferred_at, stock.last_deferred_at) == (moments[1], moments[0])


@pytest.mark.django_db
class TestProjection:
    def test_only_newer_versions_are_saved_and_each_is_counted(self) -> None:
        people(2)
        row = campaign()
        view = CampaignView(
            cid(1),
            campaign_workflow_id(cid(1)),
            "running",
            5,
            counts_with_audience({"sent": 1, "pending": 1}),
            {},
            60,
            None,
        )
        activities.save_campaign(view)
        activities.close_gate(GateInput(cid(1), 2))
        activities.save_campaign(replace(view, version=4, status="paused"))
        row.refresh_from_db()
        assert (row.status, row.version, row.gate, row.counts["audience"], row.sent_count) == ("running", 5, 2, 2, 1)
        assert ChangeCounter.read()["campaigns"] == row.change == 1
        assert activities.list_running_campaigns() == [campaign_workflow_id(cid(1))]
