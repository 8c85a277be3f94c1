"""A greeting that is tried again: on no old grant, and not a second time."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from temporalio.testing import ActivityEnvironment

from campaigns import greeting as greetings
from campaigns import preferences, welcome_activities
from campaigns.contract import (
    WELCOME,
    ActorView,
    By,
    DayPart,
    Door,
    GreetingRequest,
    GreetingResult,
    SendGrant,
    SendRequest,
)
from campaigns.models import SandboxMessage, SendLog
from campaigns.models.words import Outcome
from campaigns.policies import policy_for
from campaigns.send_log import Grant, commit_intent, record_unused
from temporal_worker import client
from tests.campaigns.batches import actor_of, begin, cap, person, uid

ASKED = timedelta(hours=3)


@pytest.fixture(autouse=True)
def _ids() -> None:
    begin()


def greeting(attempt: int = 1) -> GreetingRequest:
    return GreetingRequest(uid(), "push", "en", DayPart.MORNING, attempt, attempt)


def grant_id(attempt: int = 1) -> str:
    return f"welcome:1:{uid()}" + (f":{attempt}" if attempt > 1 else "")


def granted(age: timedelta = timedelta(0)) -> SendGrant:
    return SendGrant(grant_id(), "push", WELCOME, timezone.now() - age, 1, WELCOME)


def log() -> list[tuple[str, str, str]]:
    return list(SendLog.objects.order_by("pk").values_list("grant_id", "outcome", "code"))


def begun() -> None:
    commit_intent(Grant(grant_id(), uid(), "push", WELCOME, WELCOME))


@pytest.mark.django_db
class TestOldGrant:
    def test_is_not_used_but_given_back_and_asked_for_anew(self) -> None:
        person()
        for _ in range(2):  # also after a crash before the actor was told
            result = greetings.send(greeting(), granted(ASKED))
            assert (result.status, result.is_spent, result.code) == ("waiting", True, "grant_old")
            assert result.try_at is not None
            assert log() == [(grant_id(), "released", "grant_old")]
        assert SandboxMessage.objects.count() == 0

    def test_of_a_message_that_had_begun_keeps_its_slot(self) -> None:
        person()
        begun()
        result = greetings.send(greeting(), granted(ASKED))
        assert (result.status, result.is_spent) == ("unknown", False)
        assert log() == [(grant_id(), "unknown", "interrupted")]

    def test_a_fresh_one_is_used(self) -> None:
        person()
        assert greetings.send(greeting(), granted()).status == "sent"

    def test_one_that_somebody_else_has_given_back_is_asked_for_anew(self) -> None:
        person()
        record_unused(Grant(grant_id(), uid(), "push", WELCOME, WELCOME), 1, code="grant_old", detail="")
        result = greetings.send(greeting(), granted())
        assert (result.status, result.is_spent, result.code) == ("waiting", True, "given_back")
        assert SandboxMessage.objects.count() == 0


@pytest.mark.django_db
class TestBegunBefore:
    def test_is_found_before_their_wishes_and_their_actor_are_asked(self) -> None:
        person()
        begun()
        preferences.record_opt_out(uid(), by=By("", Door.MAIL))
        result = greetings.prepare(greeting())
        assert isinstance(result, GreetingResult)
        assert (result.status, result.is_spent) == ("unknown", False)
        assert log() == [(grant_id(), "unknown", "interrupted")]

    def test_and_sent_it_was_sent(self) -> None:
        person()
        greetings.send(greeting(), granted())
        assert greetings.prepare(greeting()) == GreetingResult("sent")
        assert log() == [(grant_id(), Outcome.SENT, "")]

    def test_nothing_was_and_the_actor_is_asked(self) -> None:
        contact = person()
        assert greetings.prepare(greeting()) == SendRequest(grant_id(), WELCOME, "push", WELCOME, policy_for(contact))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("worker")
def test_an_old_grants_slot_goes_back_to_the_actor_and_the_next_one_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cap(1)
    person()
    real: Callable[..., Any] = welcome_activities.request_send
    ages = iter([ASKED])

    async def asked(*args: Any) -> Any:
        answer = await real(*args)
        assert isinstance(answer, SendGrant)
        return replace(answer, granted_at=answer.granted_at - next(ages, timedelta(0)))

    monkeypatch.setattr(welcome_activities, "request_send", asked)

    def greet(attempt: int) -> GreetingResult:
        environment = ActivityEnvironment(client.get_client())
        return client.call(environment.run(welcome_activities.send_greeting, greeting(attempt)), timeout=30)

    def slots() -> list[str]:
        view: ActorView = client.call(client.query(actor_of(uid()), "get_state", result_type=ActorView))
        return [send.grant_id for send in view.sends_in_window]

    assert (greet(1).status, slots()) == ("waiting", [])
    assert (greet(2).status, slots()) == ("sent", [grant_id(2)])
    assert log() == [(grant_id(), "released", "grant_old"), (grant_id(2), "sent", "")]
