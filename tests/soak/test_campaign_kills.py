"""Fifty campaigns at once to the same people, and workers that die over them: nobody gets more than their cap."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from tests.eventually import aeventually
from tests.soak.agency import Agency
from tests.soak.conftest import started
from tests.soak.mailserver import MailServer
from tests.soak.sizes import pick
from tests.stack import Stack

SEED = 20261121
CAP = 3
CAMPAIGNS = pick(short=10, full=50)
PEOPLE = pick(short=60, full=200)
KILLS = pick(short=3, full=10)
GAP = pick(short=4.0, full=10.0)
"""Seconds from one kill to the next."""
ANSWER_TAKES = 0.15
"""Seconds that the mail server has a mail before it says so: kills fall into them."""
ENDED_WITHIN = pick(short=300.0, full=1_100.0)
"""Seconds after the last kill: a batch of a dead worker is taken up after 10 s."""


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer) -> Iterator[Stack]:
    """Two workers, which are killed in turns as the dice say."""
    directory = tmp_path_factory.mktemp("campaigns")
    yield from started(Stack(directory, workers=2, environment=mail_server.settings()))


@pytest.fixture
async def agency(own_stack: Stack, mail_server: MailServer) -> Agency:
    return await Agency(own_stack, mail_server).connect()


class TestTheCapHolds:
    @pytest.mark.timeout(1_500)
    async def test_whoever_dies(self, agency: Agency, say: Callable[[str], None]) -> None:
        mails = agency.mails
        agency.inside(f"mailings.settle({CAP}, batch_size=25); mailings.people('KILLED', {PEOPLE})")
        mails.takes = ANSWER_TAKES
        try:
            start = monotonic()
            campaigns = await asyncio.to_thread(agency.launch, "K", CAMPAIGNS, "KILLED")
            last_kill = await _kill_workers(agency, campaigns, random.Random(SEED))
            await agency.until_ended(campaigns, ENDED_WITHIN)
        finally:
            mails.takes = 0.0
        say(
            f"{CAMPAIGNS} campaigns to {PEOPLE} people, {KILLS} kills (seed {SEED}) in {last_kill - start:.0f} s; "
            f"ended {monotonic() - last_kill:.0f} s after the last; {_summary(agency, campaigns)}"
        )
        _holds(agency, campaigns)

    @pytest.mark.timeout(1_300)
    async def test_a_mail_server_that_hangs_up(self, agency: Agency, say: Callable[[str], None]) -> None:
        """It takes every third mail and hangs up instead of saying so: whatever is unknown keeps its slot."""
        mails, count = agency.mails, max(CAP + 2, CAMPAIGNS // 5)
        agency.inside(f"mailings.settle({CAP}); mailings.people('DROPPED', {PEOPLE})")
        mails.drops_some = random.Random(SEED)
        try:
            campaigns = await asyncio.to_thread(agency.launch, "D", count, "DROPPED")
            await agency.until_ended(campaigns, ENDED_WITHIN)
        finally:
            mails.drops_some = None
        say(f"{count} campaigns, mails dropped: {_summary(agency, campaigns)}")
        _holds(agency, campaigns)
        unknown = {row[:2] for row in agency.logged(campaigns, "unknown")}
        assert len(unknown) > PEOPLE * CAP // 10
        assert unknown <= set(agency.received(campaigns)), "The server had taken each of them."


class TestKnownOptOuts:
    @pytest.mark.timeout(600)
    async def test_a_thousand_of_them_start_no_actor(self, agency: Agency) -> None:
        agency.inside(f"mailings.settle({CAP}); mailings.people('OUT', 1_000, opted_out=True)")
        campaigns = await asyncio.to_thread(agency.launch, "O", 1, "OUT")
        await agency.until_ended(campaigns, ENDED_WITHIN)
        (row,) = agency.campaign_rows(campaigns)
        assert row["counts"]["denied"] == 1_000
        agency.check_lines(campaigns, 1_000)
        started = agency.temporal.list_workflows("WorkflowId STARTS_WITH 'user-actor-OUT-'")
        assert [one.id async for one in started] == []
        assert agency.received(campaigns) == []


def _summary(agency: Agency, campaigns: list[str]) -> str:
    outcomes = Counter(row[2] for row in agency.logged(campaigns))
    return ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()))


async def _kill_workers(agency: Agency, campaigns: list[str], dice: random.Random) -> float:
    """``kill -9`` of one of the two every ``GAP`` seconds or so, while mails go out; returns when the last one was."""
    stack, began, killed_at = agency.stack, len(agency.mails.taken), 0.0
    await aeventually(lambda: len(agency.mails.taken) > began, timeout=60)
    for kill in range(KILLS):
        number = dice.randrange(2)
        await asyncio.sleep(dice.uniform(0.7, 1.0) * GAP if kill else dice.uniform(0.0, 1.0))
        assert not all(row["over"] for row in agency.campaign_rows(campaigns)), f"All was over after {kill} kills."
        stack.kill_worker(number)
        killed_at = monotonic()
        stack.start_worker(number)
    return killed_at


def _holds(agency: Agency, campaigns: list[str]) -> None:
    agency.check_mails(campaigns)
    agency.check_lines(campaigns, PEOPLE)
    got = Counter(user for _, user in agency.received(campaigns))
    assert max(got.values()) <= CAP
    # Each has exactly their cap: what is unknown counts as sent.
    counted = Counter(user for _, user, _ in agency.logged(campaigns, "sent", "unknown"))
    assert len(counted) == PEOPLE
    assert set(counted.values()) == {CAP}, {user: number for user, number in counted.items() if number != CAP}
    unsure = {user for _, user, _ in agency.logged(campaigns, "unknown")}
    assert {number for user, number in got.items() if user not in unsure} == {CAP}
    failed = agency.logged(campaigns, "failed")
    assert not failed, failed[:3]
