"""What a batch writes in one go: each message on its own merits, and nothing known is lost with what fails."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import OperationalError

from campaigns import preferences
from campaigns.contract import By, Door
from campaigns.models import CampaignRecipient, SendLog
from campaigns.models.words import Outcome
from campaigns.send_log import DUPLICATE, Ending, Grant, Intent, commit_intents
from campaigns.sending import ledger as ledgers
from campaigns.sending.desk import Desk
from campaigns.sending.gate import close_gate
from campaigns.sending.ledger import GateClosed, Ledger
from tests.campaigns.batches import begin, campaign, cid, people, states, uid

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _ids() -> None:
    begin()


def grants(*numbers: int, campaign: int = 1) -> list[Grant]:
    recipients = dict(_recipients(campaign))
    return [
        Grant(
            f"{cid(campaign)}:1:{uid(number)}",
            uid(number),
            "push",
            "marketing",
            campaign_id=cid(campaign),
            recipient=recipients.get(uid(number)),
        )
        for number in numbers
    ]


def _recipients(campaign: int) -> Any:
    return CampaignRecipient.objects.filter(campaign__campaign_id=cid(campaign)).values_list("user_id", "pk")


def outcomes() -> dict[str, str]:
    return dict(SendLog.objects.values_list("user_id", "outcome"))


def writing(*work: Any) -> list[Any]:
    """Runs ``work(ledger)``, all at once, at a desk that is closed afterwards; answers and exceptions."""

    async def run() -> list[Any]:
        desk = Desk("push", 2)
        ledger = Ledger(desk, cid(), 0)
        try:
            return await asyncio.gather(*(one(ledger) for one in work), return_exceptions=True)
        finally:
            await desk.close()

    return asyncio.run(run())


class TestTogether:
    def test_what_comes_at_once_is_one_transaction(self, monkeypatch: Any) -> None:
        people(10)
        row = campaign()
        written: list[int] = []

        def counted(grants: Sequence[Grant], **more: Any) -> list[Intent]:
            written.append(len(grants))
            return commit_intents(grants, **more)

        monkeypatch.setattr(ledgers, "commit_intents", counted)
        answers = writing(*(lambda ledger, grant=grant: ledger.begin(grant) for grant in grants(*range(1, 11))))
        assert [(one.is_new, one.contact.user_id) for one in answers] == [(True, uid(n)) for n in range(1, 11)]
        assert written == [10]
        ended = [lambda ledger, grant=grant: ledger.end(Ending(grant, Outcome.SENT)) for grant in grants(*range(1, 11))]
        assert writing(*ended) == [Outcome.SENT] * 10
        assert states(row) == {"sent": 10}

    def test_each_is_judged_on_its_own(self) -> None:
        people(4)
        row = campaign()
        preferences.record_opt_out(uid(2), "push", by=By("", Door.MAIL))
        commit_intents(grants(3))
        other = Grant(f"{cid()}:1:{uid(4)}:2", uid(4), "push", "marketing", campaign_id=cid())
        commit_intents(grants(4))
        answers = commit_intents([*grants(1, 2, 3), other])
        assert [(one.is_new, one.outcome, one.code) for one in answers] == [
            (True, Outcome.INTENT, ""),
            (False, Outcome.DENIED, "opted_out"),
            (False, Outcome.INTENT, ""),
            (False, Outcome.DENIED, DUPLICATE),
        ]
        assert states(row) == {"pending": 3, "denied": 1}

    def test_nobody_is_in_it_twice(self) -> None:
        people(1)
        campaign()
        with pytest.raises(AssertionError):
            commit_intents([*grants(1), *grants(1)])


class TestTrouble:
    def test_a_closed_gate_lets_nothing_begin_and_keeps_what_is_known(self) -> None:
        people(2)
        campaign()
        one, two = grants(1, 2)
        commit_intents([one])
        close_gate(cid(), 1)
        sent, refused = writing(lambda it: it.end(Ending(one, Outcome.SENT)), lambda it: it.begin(two))
        assert sent == Outcome.SENT
        assert isinstance(refused, GateClosed)
        assert refused.gate == 1
        assert outcomes() == {uid(1): "sent"}

    def test_a_database_that_takes_no_intents_loses_no_outcome(self, monkeypatch: Any) -> None:
        people(2)
        campaign()
        one, two = grants(1, 2)
        commit_intents([one])

        def broken(*_: Any, **more: Any) -> Any:
            raise OperationalError("database is locked")

        monkeypatch.setattr(ledgers, "commit_intents", broken)
        sent, refused = writing(lambda it: it.end(Ending(one, Outcome.SENT)), lambda it: it.begin(two))
        assert sent == Outcome.SENT
        assert isinstance(refused, OperationalError)
        assert outcomes() == {uid(1): "sent"}

    def test_outcomes_are_written_again_when_the_database_is_busy(self, monkeypatch: Any) -> None:
        people(1)
        row = campaign()
        (one,) = grants(1)
        commit_intents([one])
        real, problems = ledgers.record_outcomes, [OperationalError("busy"), OperationalError("busy")]

        def busy(endings: Sequence[Ending]) -> list[Outcome]:
            if problems:
                raise problems.pop()
            return real(endings)

        monkeypatch.setattr(ledgers, "record_outcomes", busy)
        assert writing(lambda it: it.end(Ending(one, Outcome.SENT))) == [Outcome.SENT]
        assert states(row) == {"sent": 1}

    def test_who_waits_is_told_when_there_is_no_thread_to_write_on(self) -> None:
        people(1)
        campaign()

        async def after_the_end() -> None:
            desk = Desk("push", 1)
            await desk.close()
            await Ledger(desk, cid(), 0).begin(grants_here[0])

        grants_here = grants(1)
        with pytest.raises(RuntimeError):
            asyncio.run(after_the_end())
        assert outcomes() == {}
