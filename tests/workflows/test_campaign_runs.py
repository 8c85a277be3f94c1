"""Campaigns on the real server: what comes late, what a run hands to the next, and storms of pauses."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from campaigns.contract import CampaignResult
from temporal_worker.connection import connect
from temporal_worker.devserver import DevServer
from tests.eventually import aeventually
from tests.workflows.agency import (
    CampaignDesk,
    Refusal,
    RunningCampaign,
    adds_up,
    open_campaign_desk,
    whats,
)
from tests.workflows.slow_agency import SlowAgency, has_pending_batch, until_counted

pytestmark = pytest.mark.soak

ENDED_WITHIN = 60.0


@pytest.fixture
def agency() -> SlowAgency:
    return SlowAgency()


@pytest.fixture
async def desk(temporal_server: DevServer, agency: SlowAgency) -> AsyncIterator[CampaignDesk]:
    env = WorkflowEnvironment.from_client(await connect())
    async with open_campaign_desk(env, agency) as desk:
        yield desk


async def ended(campaign: RunningCampaign) -> CampaignResult:
    async with asyncio.timeout(ENDED_WITHIN):
        result: CampaignResult = await campaign.handle.result()
    assert adds_up(result.counts)
    return result


class TestWhatComesLate:
    async def test_a_count_of_before_the_end_changes_nothing_at_the_end(
        self, desk: CampaignDesk, agency: SlowAgency
    ) -> None:
        agency.slow, agency.held_counts, agency.held_saves = asyncio.Event(), asyncio.Event(), asyncio.Event()
        campaign = await desk.launch()
        await aeventually(lambda: agency.counts_begun, timeout=30)
        await campaign.act("cancel", reason="Wrong prices")
        await asyncio.wait_for(agency.closed.wait(), 30)
        agency.held_counts.set()
        # Its answer reaches the workflow before the row is saved: an update comes after it in the history.
        await until_counted(campaign)
        agency.held_saves.set()
        result = await ended(campaign)
        assert result.counts["denied"] == 10
        assert agency.saved[campaign.campaign_id].counts == result.counts

    async def test_it_ends_with_nothing_under_way(self, desk: CampaignDesk, agency: SlowAgency) -> None:
        agency.slow, agency.held_counts = asyncio.Event(), asyncio.Event()
        campaign = await desk.launch()
        await aeventually(lambda: agency.counts_begun, timeout=30)
        await campaign.act("cancel")
        await aeventually(lambda: agency.saved[campaign.campaign_id].phase == "closed", timeout=30)
        result = asyncio.create_task(campaign.handle.result())
        done, _ = await asyncio.wait([result], timeout=1)
        assert not done, "It ended while a count was under way."
        agency.held_counts.set()
        await result
        begun, done = set(), set()
        for event in (await campaign.handle.fetch_history()).events:
            if event.HasField("activity_task_scheduled_event_attributes"):
                begun.add(event.event_id)
            done.add(event.activity_task_completed_event_attributes.scheduled_event_id)
        assert begun <= done

    async def test_a_batch_found_dead_after_the_resume_pauses_nothing(
        self, desk: CampaignDesk, agency: SlowAgency
    ) -> None:
        """Its worker was killed before the pause: it could not be told, and is missed when its heartbeat is overdue."""
        agency.dead_batches = asyncio.Event()
        campaign = await desk.launch()
        await campaign.until(lambda view: view.shards_running > 0)
        await aeventually(lambda: has_pending_batch(desk, campaign), timeout=30)
        await campaign.act("pause")
        assert (await campaign.act("resume")).status == "running"
        agency.dead_batches.set()
        result = await ended(campaign)
        assert (result.status, result.counts["sent"]) == ("completed", 10)
        assert "paused_by_itself" not in whats(agency.saved[campaign.campaign_id])


class TestRunsThatEnd:
    async def test_deferred_recipients_are_taken_along(self, desk: CampaignDesk, agency: SlowAgency) -> None:
        agency.audience = 40
        seconds = {2: [8], 21: [6, 3], 40: [10]}
        agency.deferred = {position: [timedelta(seconds=one) for one in spans] for position, spans in seconds.items()}
        campaign = await desk.launch(renew_after=25, shards_at_once=2)
        first_run = (await campaign.handle.describe()).run_id
        await aeventually(lambda: agency.sends == 37, timeout=30)
        await campaign.act("pause")
        await aeventually(lambda: _has_no_shard(campaign), timeout=30)
        # Each of these is an event or more: runs end while somebody waits for their moment.
        for per_minute in range(50_000, 50_012):
            await campaign.act("set_rate", per_minute=per_minute)
        view = await campaign.view()
        assert (view.counts["deferred"], view.next_deferred_at is not None) == (3, True)
        assert await _runs(campaign, first_run) > 2
        await campaign.act("resume")
        result = await ended(campaign)
        assert (result.counts["sent"], agency.sends, agency.most_to_one) == (40, 40, 1)

    async def test_an_action_that_was_answered_is_not_done_again_in_a_later_run(
        self, desk: CampaignDesk, agency: SlowAgency
    ) -> None:
        agency.slow = asyncio.Event()
        campaign = await desk.launch(renew_after=150)
        first_run = (await campaign.handle.describe()).run_id
        await campaign.until(lambda view: view.shards_running > 0)
        await campaign.act("pause", id="pause-1")
        await campaign.act("resume", id="resume-1")
        await campaign.act("set_rate", id="rate-1", per_minute=7_000)
        await campaign.act("pause", id="pause-2")
        # No run ends before its shards: a batch hears of its cancellation with its heartbeat, some seconds later.
        await aeventually(lambda: _has_no_shard(campaign), timeout=30)
        for per_minute in range(50_000, 50_025):
            await campaign.act("set_rate", per_minute=per_minute)
        assert await _runs(campaign, first_run) > 1
        # By a later run, in which the server does not know these ids: answered again, and not done again.
        assert (await campaign.act("resume", id="resume-1")).status == "paused"
        assert (await campaign.act("set_rate", id="rate-1", per_minute=7_000)).rate_per_minute == 50_024
        with pytest.raises(Refusal, match="paused already"):
            await campaign.act("pause", id="pause-3")
        await campaign.act("resume", id="resume-2")
        assert (await campaign.act("pause", id="pause-1")).status == "running"
        agency.slow.set()
        assert (await ended(campaign)).counts["sent"] == 10

    @pytest.mark.parametrize("raised_by", ["a count", "a stop"])
    async def test_a_gate_that_is_raised_as_a_run_ends_is_written(
        self, desk: CampaignDesk, agency: SlowAgency, raised_by: str
    ) -> None:
        agency.audience, agency.held_behind = 40, 20
        agency.held_counts, agency.counts_at_last = asyncio.Event(), True
        agency.fails = set(range(1, 21)) if raised_by == "a count" else set()
        # A batch of four is no reason to pause; twenty are.
        campaign = await desk.launch(
            renew_after=120, shard_size=20, shards_at_once=2, pause_error_percent=50, pause_error_least=10
        )
        first_run = (await campaign.handle.describe()).run_id
        await aeventually(lambda: agency.sends == 20, timeout=30)
        await aeventually(lambda: agency.counts_begun, timeout=30)
        for per_minute in range(50_000, 50_025):
            await campaign.act("set_rate", per_minute=per_minute)
        agency.held_behind = 0
        await aeventually(lambda: _has_no_shard(campaign), timeout=30)
        # All that the run still waits for is the count.
        assert (agency.gates[campaign.campaign_id], await _runs(campaign, first_run)) == (0, 1)
        if raised_by == "a stop":
            agency.breaks = ["close_gate:DatabaseError", "close_gate:DatabaseError"]
            await campaign.handle.signal("stop", {"requested_by": "admin", "reason": "Wrong prices"})
            await campaign.until_status("paused")
        agency.held_counts.set()
        await aeventually(lambda: _follows(campaign, first_run), timeout=30)
        assert (await campaign.view()).status == "paused"
        assert agency.gates[campaign.campaign_id] == 1
        await campaign.act("resume")
        result = await ended(campaign)
        assert (result.status, agency.sends, agency.most_to_one) == ("completed", 40, 1)
        assert len(agency.batches) < 30

    async def test_a_gate_that_is_found_open_is_written_again(self, desk: CampaignDesk, agency: SlowAgency) -> None:
        agency.slow = asyncio.Event()
        campaign = await desk.launch()
        await campaign.until(lambda view: view.shards_running > 0)
        await campaign.act("pause")
        # A batch hears of its cancellation with its heartbeat, some seconds later; until then it would go by the gate.
        await aeventually(lambda: _has_no_shard(campaign), timeout=30)
        agency.gates.clear()  # as of a database that was restored
        agency.slow.set()
        await campaign.act("resume")
        assert (await ended(campaign)).counts["sent"] == 10
        assert agency.most_to_one == 1
        assert len(agency.batches) < 10


async def _follows(campaign: RunningCampaign, first_run: str | None) -> bool:
    return await _runs(campaign, first_run) > 1


async def _has_no_shard(campaign: RunningCampaign) -> bool:
    return (await campaign.view()).shards_running == 0


async def _runs(campaign: RunningCampaign, first_run: str | None) -> int:
    """How many runs there are up to now."""
    number, run_id = 1, first_run
    while True:
        handle = campaign.env.client.get_workflow_handle(campaign.handle.id, run_id=run_id)
        events = [event async for event in handle.fetch_history_events()]
        following = events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        if not following:
            return number
        number, run_id = number + 1, following


async def storm(
    desk: CampaignDesk, agency: SlowAgency, seed: int, campaigns: int, actions: int, say: Callable[[str], None] = print
) -> None:
    """Pauses, resumes, rates and cancels at moments that hit batches as they are scheduled, running, and answered."""
    dice = random.Random(seed)
    agency.audience, agency.slow, agency.dice = 60, asyncio.Event(), random.Random(seed + 1)
    launched = [
        await desk.launch(renew_after=dice.choice([0, 60]), shards_at_once=2, batch_size=dice.choice([2, 5]))
        for _ in range(campaigns)
    ]
    late = await asyncio.gather(
        *(_harass(one, agency, random.Random(seed * 1_000 + n), actions) for n, one in enumerate(launched))
    )
    results = await asyncio.gather(*(ended(one) for one in launched))
    assert not sum(late), f"{sum(late)} messages after the answer to a pause"
    assert agency.most_to_one == 1
    cancelled = sum(result.status == "cancelled" for result in results)
    for one, result in zip(launched, results, strict=True):
        sent = sum(person.sends for person in agency.people[one.campaign_id].values())
        assert result.counts["sent"] == sent
        assert result.counts["audience"] == 60
        assert result.status == "cancelled" or sent == 60
    say(f"seed {seed}: {campaigns} campaigns, {actions} actions each, {cancelled} cancelled")


async def _harass(campaign: RunningCampaign, agency: SlowAgency, dice: random.Random, actions: int) -> int:
    """How many messages went out between the answer to a pause and the resume."""

    def sends() -> int:
        return sum(person.sends for person in agency.people.get(campaign.campaign_id, {}).values())

    late = 0
    with suppress(Refusal):  # it is over
        for _ in range(actions):
            await asyncio.sleep(dice.choice([0.0, 0.01, dice.uniform(0.0, 0.3)]))
            await campaign.act("pause")
            before = sends()
            await asyncio.sleep(dice.choice([0.0, 0.0, dice.uniform(0.0, 0.2)]))
            late += sends() - before
            await campaign.act("resume")
            if dice.random() < 0.2:
                await campaign.act("set_rate", per_minute=dice.choice([600, 6_000, 60_000]))
        if dice.random() < 0.3:
            await asyncio.sleep(dice.uniform(0.0, 0.1))
            await campaign.act("cancel")
            return late
        await campaign.act("set_rate", per_minute=60_000)
    return late


async def test_a_storm_of_pauses_leaves_no_shard_stuck(desk: CampaignDesk, agency: SlowAgency) -> None:
    await storm(desk, agency, seed=20261121, campaigns=6, actions=8)
