"""Pauses are exact; and whatever dies or is deployed before the resume, no recipient is skipped and none gets it twice."""

import asyncio
import random
import sys
from collections.abc import Callable, Iterator
from time import monotonic

import psutil
import pytest

from tests.eventually import aeventually
from tests.soak.agency import Agency
from tests.soak.conftest import started
from tests.soak.deployed import PATCH
from tests.soak.mailserver import MailServer
from tests.soak.sizes import pick
from tests.stack import Stack

SEED = 20261122
PEOPLE = pick(short=200, full=600)
PAUSES = pick(short=3, full=25)
RATE = pick(short=2_400, full=1_500)
"""A minute, and so about 5 s of messages in the short soak and 24 s in the full one, pauses left out."""
WATCHED = 2.0
"""Seconds after a pause in which no message may begin, beyond the first one."""
GRACE = 1.0
"""Seconds after the answer in which one that is under way may still begin at the mail server."""
ANSWER_TAKES = 0.1
ENDED_WITHIN = 400.0
MOVES_WITHIN = 180.0
"""Seconds until messages go out again after a kill: the dead batch is missed after 10 s, and two cores are busy."""


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("pauses")
    yield from started(Stack(directory, workers=2, environment=mail_server.settings()))


@pytest.fixture
async def agency(own_stack: Stack, mail_server: MailServer) -> Agency:
    mail_server.takes = ANSWER_TAKES
    return await Agency(own_stack, mail_server).connect()


class Sending:
    """One campaign, and what the mail server saw of it."""

    def __init__(self, agency: Agency, group: str) -> None:
        self.agency, self.group = agency, group
        self.numbers = iter(range(1_000))
        self.campaign_id = ""

    async def launch(self, **limits: int) -> None:
        more = "".join(f", {name}={value}" for name, value in limits.items())
        self.agency.inside(f"mailings.settle(None{more}); mailings.people('{self.group}', {PEOPLE})")
        launched = await asyncio.to_thread(self.agency.launch, self.group[0], 1, self.group, rate_per_minute=RATE)
        self.campaign_id = launched[0]
        await self.moves()

    @property
    def begun(self) -> list[float]:
        """When its messages began, by the mail server."""
        group = self.group.lower() + "-"
        return [at for at, address in list(self.agency.mails.begun) if address.startswith(group)]

    async def moves(self, by: int = 1) -> None:
        """Until so many messages more have begun, or none is left."""
        seen = len(self.begun)
        await aeventually(lambda: len(self.begun) >= min(seen + by, PEOPLE - 1), timeout=MOVES_WITHIN)

    async def pause(self) -> float:
        """When its answer was there."""
        await self.act("pause")
        return monotonic()

    async def act(self, update: str) -> None:
        await self.agency.act(self.campaign_id, update, key=f"{update}-{next(self.numbers)}")

    async def check_and_end(self, unknown_at_most: int) -> int:
        """Everybody got it once, or it is unknown. How many are unknown."""
        await self.agency.until_ended([self.campaign_id], ENDED_WITHIN)
        (row,) = self.agency.campaign_rows([self.campaign_id])
        assert row["status"] == "completed", row
        assert "paused_by_itself" not in row["timeline"], row
        self.agency.check_lines([self.campaign_id], PEOPLE)
        self.agency.check_mails([self.campaign_id])
        counts = row["counts"]
        assert counts["sent"] + counts["unknown"] == PEOPLE, row
        assert counts["unknown"] <= unknown_at_most, row
        return int(counts["unknown"])


class TestPauses:
    @pytest.mark.timeout(900)
    async def test_nothing_begins_after_the_answer(self, agency: Agency, say: Callable[[str], None]) -> None:
        dice, sending = random.Random(SEED), Sending(agency, "PAUSED")
        await sending.launch(batch_size=20)
        paused: list[tuple[float, float]] = []
        for _ in range(PAUSES):
            await sending.moves(dice.randint(1, max(1, PEOPLE // PAUSES - 12)))
            answered = await sending.pause()
            await asyncio.sleep(WATCHED)
            paused.append((answered, monotonic()))
            await sending.act("resume")
        unknown = await sending.check_and_end(unknown_at_most=0)
        late = [began - answered for answered, until in paused for began in sending.begun if answered < began < until]
        say(
            f"{PAUSES} pauses, {unknown} unknown; messages after the answer: {len(late)}, the last {max(late, default=0):.2f} s"
        )
        assert max(late, default=0.0) <= GRACE
        assert len(sending.begun) == PEOPLE

    @pytest.mark.timeout(900)
    async def test_after_kills_and_a_deploy_everybody_gets_it_once(
        self, agency: Agency, say: Callable[[str], None]
    ) -> None:
        stack, sending = agency.stack, Sending(agency, "RESUMED")
        share = PEOPLE // 12
        await sending.launch(batch_size=20)
        await sending.moves(share)
        # Both workers, so that whichever had the batch is dead; the resume comes before anybody has missed it.
        for number in range(2):
            stack.kill_worker(number)
        for number in range(2):
            stack.start_worker(number)
        await sending.pause()
        await sending.act("resume")
        await sending.moves(share)
        await sending.pause()
        _kill_temporal(stack)
        stack.start_temporal()
        await sending.act("resume")
        await sending.moves(share)
        _kill_temporal(stack)  # in the middle, too
        stack.start_temporal()
        await sending.moves(share)
        await sending.pause()
        assert len(sending.begun) < PEOPLE - share, "Too few are left for the new code."
        _deploy(stack)
        await sending.act("resume")
        await sending.moves(share)
        unknown = await sending.check_and_end(unknown_at_most=3 * 8)
        patched = await _patched(agency, sending.campaign_id)
        say(f"{PEOPLE} recipients, 2 workers and 2 servers killed, 1 deploy: {unknown} unknown, {patched} runs patched")
        assert patched >= 2, "The deploy changed neither the campaign nor a shard of it."


def _kill_temporal(stack: Stack) -> None:
    """``kill -9``; its file stays."""
    assert stack.temporal.pid is not None
    psutil.Process(stack.temporal.pid).kill()
    stack.stop_temporal()


def _deploy(stack: Stack) -> None:
    """The old workers drain, and the new ones start."""
    for number, worker in enumerate(stack.workers):
        stack.stop_worker(number)
        worker.command[:] = [sys.executable, "-m", "tests.soak.deployed_worker"]
        stack.start_worker(number)


async def _patched(agency: Agency, campaign_id: str) -> int:
    """How many of a campaign's runs – its own and its shards' – have the new code's mark in their history."""
    found = 0
    async for one in agency.temporal.list_workflows(f"WorkflowId STARTS_WITH 'campaign-{campaign_id}'"):
        history = await agency.temporal.get_workflow_handle(one.id, run_id=one.run_id).fetch_history()
        marks = (event.marker_recorded_event_attributes.details for event in history.events)
        found += any(
            PATCH.encode() in part.data for details in marks for one in details.values() for part in one.payloads
        )
    return found
