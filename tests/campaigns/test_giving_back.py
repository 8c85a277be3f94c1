"""The slot of a message that has definitely not gone out becomes free, also when its actor could not be told at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from campaigns import preferences, reconciler
from campaigns.contract import ActorView, By, Door
from campaigns.gateway import giving_back
from campaigns.models import SendLog
from campaigns.models.words import Outcome
from campaigns.send_log import Grant, commit_intent, record_handed_out, record_outcome
from campaigns.sending import asking
from temporal_worker import client
from tests.campaigns.batches import actor_of, begin, campaign, cap, person, send, states, uid
from tests.campaigns.contacts_of import contact

PERSON = By("", Door.MAIL)


def held() -> list[str]:
    return list(SendLog.objects.filter(holds_slot=True).values_list("grant_id", flat=True))


def grant(number: int) -> Grant:
    return Grant(f"G{number}", "USER-001", "email", "marketing", f"CMP-{number}")


def long_ago(span: timedelta = timedelta(minutes=1)) -> None:
    SendLog.objects.update(settled_at=timezone.now() - span)


@pytest.mark.django_db
def test_is_held_with_what_was_not_sent_and_with_nothing_else() -> None:
    contact()
    for number, outcome in enumerate((Outcome.SENT, Outcome.UNKNOWN, Outcome.FAILED)):
        commit_intent(grant(number))
        record_outcome(grant(number), outcome)
    assert held() == ["G2"]
    preferences.record_opt_out("USER-001", by=PERSON)
    commit_intent(grant(3))
    record_handed_out(grant(4))
    assert sorted(held()) == ["G2", "G3", "G4"]


@pytest.mark.django_db(transaction=True)
class TestRelease:
    @pytest.fixture(autouse=True)
    def _one_message_that_fails(self, worker: None) -> None:
        begin()
        cap(1)
        person(1, push_token="bounce-1")

    def sends(self) -> int:
        view: ActorView = client.call(client.query(actor_of(uid()), "get_state", result_type=ActorView, timeout=10))
        return view.count

    def test_at_once(self) -> None:
        row = campaign()
        send(row)
        assert (states(row), held(), self.sends()) == ({"failed": 1}, [], 0)

    def test_by_the_reconciler_when_the_actor_was_out_of_reach(self, monkeypatch: pytest.MonkeyPatch) -> None:
        release = asking.release

        async def away(*args: Any) -> None:
            raise client.TemporalUnavailable("away")

        monkeypatch.setattr(asking, "release", away)
        row = campaign()
        send(row)
        assert (states(row), len(held()), self.sends()) == ({"failed": 1}, 1, 1)
        long_ago()
        reconciler.give_back_slots()
        assert (len(held()), self.sends()) == (1, 1), "still away"
        monkeypatch.setattr(asking, "release", release)
        long_ago(timedelta(seconds=5))
        reconciler.give_back_slots()
        assert (len(held()), self.sends()) == (1, 1), "whoever sent it may be telling it just now"
        long_ago()
        reconciler.give_back_slots()
        assert (held(), self.sends()) == ([], 0)
        assert giving_back.give_back_slots() == 0

    def test_what_is_old_is_left_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def never(*args: Any) -> None:
            raise AssertionError("it counts in no window any more")

        monkeypatch.setattr(asking, "release", never)
        SendLog.objects.create(
            grant_id="old",
            user_id=uid(),
            channel="push",
            outcome="failed",
            holds_slot=True,
            at=timezone.now() - timedelta(hours=49),
            settled_at=timezone.now() - timedelta(hours=49),
        )
        assert giving_back.give_back_slots() == 0
        assert held() == []
