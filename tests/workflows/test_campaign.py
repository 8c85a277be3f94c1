"""A campaign from its launch to its end, under a clock that skips, with an agency in memory."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import ANY

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from campaigns.contract import TASK_QUEUE, DashboardData, StopReport, campaign_workflow_id
from temporal_worker.connection import connect
from temporal_worker.devserver import DevServer
from tests.servers import start_time_skipping_server
from tests.workflows.agency import (
    CampaignDesk,
    FakeAgency,
    Refusal,
    RunningCampaign,
    adds_up,
    open_campaign_desk,
    whats,
)


@pytest.fixture
def agency() -> FakeAgency:
    return FakeAgency()


@pytest.fixture
async def desk(agency: FakeAgency) -> AsyncIterator[CampaignDesk]:
    """A server of its own: its clock skips while somebody waits for a result, or the test says so."""
    async with await start_time_skipping_server() as env, open_campaign_desk(env, agency) as desk:
        yield desk


@pytest.fixture
async def real_desk(temporal_server: DevServer, agency: FakeAgency) -> AsyncIterator[CampaignDesk]:
    """On the real server: the one that skips leaves messages unanswered that meet the end of a run."""
    env = WorkflowEnvironment.from_client(await connect())
    async with open_campaign_desk(env, agency) as desk:
        yield desk


async def test_everybody_gets_it_once_and_the_line_adds_up(desk: CampaignDesk, agency: FakeAgency) -> None:
    agency.audience, agency.opted_out, agency.fails = 25, {3, 14}, {7}
    campaign = await desk.launch()
    result = await campaign.result()
    assert result.status == "completed"
    assert result.counts == {
        "audience": 25, "pending": 0, "sent": 22, "deferred": 0, "denied": 2, "failed": 1, "unknown": 0
    }  # fmt: skip
    assert result.denied_by_reason == {"opted_out": 2}
    assert (agency.sends, agency.most_to_one) == (23, 1)
    saved = agency.saved[campaign.campaign_id]
    assert (saved.status, saved.counts, saved.phase) == ("completed", result.counts, "closed")
    assert whats(saved) == ["launched", "audience_fixed", "started", "completed"]
    assert all(adds_up(view.counts) for view in agency.saves)
    ranges = {(batch.positions.last, batch.limit) for batch in agency.batches}
    assert ranges == {(10, 4), (20, 4), (25, 4)}


async def test_dashboard_data_of_a_running_campaign(desk: CampaignDesk, agency: FakeAgency) -> None:
    """One shard of 30 in batches of 4, a message a second: which batch it is at, and not how many shards have begun."""
    agency.audience, agency.opted_out, agency.fails = 30, {2, 3}, {4}
    campaign = await desk.launch(rate_per_minute=60, shard_size=30, starts_at=await desk.now() + timedelta(hours=1))
    await campaign.until_status("scheduled")
    assert (await _dashboard(campaign)).current_batch == 0
    await desk.skip(hours=1)
    async with asyncio.timeout(15):
        while (view := await campaign.view()).counts["pending"] > 18 or view.counts["audience"] == 0:
            await desk.skip(seconds=0.5)
    counts = None
    while counts != view.counts:  # none came between the two questions
        counts, data, view = view.counts, await _dashboard(campaign), await campaign.view()
    assert view.status == "running"
    decided = view.counts["audience"] - view.counts["pending"]
    assert (data.total_processed, data.total_failed) == (decided, 1)
    assert data.current_batch == decided // 4 + 1 >= 4
    assert len({batch.positions.last for batch in agency.batches}) == 1, "one shard all the time"
    assert data.average_processing_time is not None
    assert 0.3 < data.average_processing_time < 1.5
    assert data.estimated_completion is not None
    assert abs((data.estimated_completion - await desk.now()).total_seconds() - view.counts["pending"]) < 8
    await campaign.result()
    assert await _dashboard(campaign) == replace(
        data, total_processed=30, current_batch=8, average_processing_time=ANY, estimated_completion=ANY
    )


async def _dashboard(campaign: RunningCampaign) -> DashboardData:
    return await campaign.handle.query("get_dashboard_data", result_type=DashboardData)


async def test_nobody_to_send_to(desk: CampaignDesk, agency: FakeAgency) -> None:
    agency.audience = 0
    assert (await (await desk.launch()).result()).status == "completed"


async def test_it_waits_for_its_time(desk: CampaignDesk, agency: FakeAgency) -> None:
    starts_at = await desk.now() + timedelta(days=2)
    campaign = await desk.launch(starts_at=starts_at)
    assert (await campaign.until_status("scheduled")).counts["audience"] == 0
    assert agency.people == {}
    assert (await campaign.result()).status == "completed"
    assert all(starts_at <= at < starts_at + timedelta(seconds=5) for _, at in agency.sent_at)


async def test_a_missed_occurrence_is_skipped_and_says_so(desk: CampaignDesk, agency: FakeAgency) -> None:
    due = await desk.now() - timedelta(hours=1)
    result = await (await desk.launch(planned_at=due, late_seconds=600)).result()
    assert result.status == "cancelled"
    assert "could not begin within 600 seconds" in result.reason
    assert agency.sends == 0
    due = await desk.now() - timedelta(hours=1)
    assert (await (await desk.launch(planned_at=due, late_seconds=7_200)).result()).status == "completed"


async def test_one_whose_time_was_missed_is_left_out_if_it_may_not_be_so_late(
    desk: CampaignDesk, agency: FakeAgency
) -> None:
    due = await desk.now() - timedelta(hours=1)
    result = await (await desk.launch(starts_at=due, late_seconds=600)).result()
    assert (result.status, agency.sends) == ("cancelled", 0)
    assert "could not begin within 600 seconds" in result.reason
    due = await desk.now() - timedelta(hours=1)
    assert (await (await desk.launch(starts_at=due, late_seconds=7_200)).result()).status == "completed"
    due = await desk.now() + timedelta(days=1)
    assert (await (await desk.launch(starts_at=due, late_seconds=60)).result()).status == "completed"


async def test_one_that_was_held_is_sent_however_late_it_is_let_go_on(desk: CampaignDesk, agency: FakeAgency) -> None:
    campaign = await desk.launch(starts_at=await desk.now() + timedelta(days=1), late_seconds=600)
    await campaign.until_status("scheduled")
    await campaign.act("pause")
    await desk.skip(days=3)
    await campaign.act("resume")
    assert (await campaign.result()).counts["sent"] == 10


# ── Approval ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def decision(status: str, request_id: str = "REQ-1", comment: str = "") -> dict[str, Any]:
    return {"request_id": request_id, "status": status, "decided_by": ["director"], "comment": comment}


async def test_a_large_audience_is_approved_first(desk: CampaignDesk, agency: FakeAgency) -> None:
    campaign = await desk.launch(approval_above=9)
    view = await campaign.until(lambda view: view.approval is not None)
    assert view.status == "awaiting_approval"
    assert agency.sends == 0
    assert (agency.asked[0].audience, agency.asked[0].username) == (10, "marketer")
    assert agency.asked[0].workflow_id == campaign.handle.id
    await campaign.handle.signal("approval_decided", decision("approved", "REQ-of-another"))
    await campaign.handle.signal("approval_decided", decision("perhaps"))
    await campaign.handle.signal("approval_decided", None)
    assert (await campaign.view()).status == "awaiting_approval"
    await campaign.handle.signal("approval_decided", decision("approved"))
    assert (await campaign.result()).counts["sent"] == 10
    assert whats(agency.saved[campaign.campaign_id]).count("message_refused") == 3
    assert agency.withdrawn == []


@pytest.mark.parametrize("status", ["rejected", "expired", "withdrawn"])
async def test_without_approval_nothing_is_sent(desk: CampaignDesk, agency: FakeAgency, status: str) -> None:
    campaign = await desk.launch(approval_above=9)
    await campaign.until(lambda view: view.approval is not None)
    await campaign.handle.signal("approval_decided", decision(status, comment="Too many."))
    result = await campaign.result()
    assert result.status == "cancelled"
    assert status in result.reason
    assert "Too many." in result.reason
    assert (result.counts["denied"], result.denied_by_reason) == (10, {"campaign_cancelled": 10})
    assert agency.sends == 0
    assert agency.withdrawn == []


async def test_an_approval_that_cannot_be_asked_for_pauses(desk: CampaignDesk, agency: FakeAgency) -> None:
    agency.breaks = ["ask_launch_approval:NoPolicy"]
    campaign = await desk.launch(approval_above=9)
    assert "could not be asked for" in (await campaign.until_status("paused")).reason
    await campaign.act("resume")
    await campaign.until_status("awaiting_approval")
    await campaign.until(lambda view: view.approval is not None)
    await campaign.act("cancel", reason="Never mind")
    assert (await campaign.result()).status == "cancelled"
    assert agency.withdrawn == ["REQ-1"]


# ── People at work ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_pause_and_resume_in_the_middle(desk: CampaignDesk, agency: FakeAgency) -> None:
    agency.audience, agency.slow = 30, asyncio.Event()
    campaign = await desk.launch(shards_at_once=2)
    await campaign.until(lambda view: view.shards_running == 2)
    paused = await campaign.act("pause", reason="A typo")
    assert (paused.status, paused.reason) == ("paused", "A typo")
    # The gate was written before the answer: whatever is let go now sends nothing.
    assert agency.gates[campaign.campaign_id] == 1
    before = agency.sends
    agency.slow.set()
    await campaign.until(lambda view: view.shards_running == 0)
    assert agency.sends == before
    with pytest.raises(Refusal, match="paused already: A typo") as no:
        await campaign.act("pause")
    assert no.value.code == "already_paused"
    assert (await campaign.act("resume", reason="Corrected")).status == "running"
    assert (await campaign.result()).counts["sent"] == 30
    assert agency.most_to_one == 1
    assert whats(agency.saved[campaign.campaign_id])[-3:] == ["paused", "resumed", "completed"]


@pytest.mark.parametrize("stage", ["scheduled", "awaiting_approval", "running", "paused", "deferred"])
async def test_cancel_at_every_stage(desk: CampaignDesk, agency: FakeAgency, stage: str) -> None:
    more: dict[str, Any] = {}
    if stage == "scheduled":
        more["starts_at"] = await desk.now() + timedelta(days=1)
    if stage == "awaiting_approval":
        more["approval_above"] = 5
    if stage in ("running", "paused"):
        agency.slow = asyncio.Event()
    if stage == "deferred":
        agency.deferred = {position: [timedelta(days=1)] for position in range(1, 11)}
    campaign = await desk.launch(**more)
    if stage == "deferred":
        await campaign.until(lambda view: view.phase == "deferred")
    elif stage in ("running", "paused"):
        await campaign.until(lambda view: view.shards_running > 0)
        if stage == "paused":
            await campaign.act("pause")
    else:
        await campaign.until_status(stage)
    assert (await campaign.act("cancel", reason="No")).status == "cancelled"
    if agency.slow is not None:
        agency.slow.set()
    result = await campaign.result()
    assert (result.status, agency.sends) == ("cancelled", 0)
    # Who was never written down is no recipient.
    assert result.denied_by_reason == ({} if stage == "scheduled" else {"campaign_cancelled": 10})


async def test_nobody_is_waited_for_who_has_opted_out_meanwhile(desk: CampaignDesk, agency: FakeAgency) -> None:
    agency.deferred = {1: [timedelta(days=1)], 2: [timedelta(days=2)]}
    campaign = await desk.launch()
    await campaign.until(lambda view: view.phase == "deferred")
    await campaign.handle.signal("recount", None)
    for position, left in ((2, 1), (1, 0)):
        assert (await campaign.view()).counts["deferred"] == left + 1
        one = agency.people[campaign.campaign_id][position]
        one.state, one.code, one.next_at = "denied", "opted_out", None
        await campaign.handle.signal("recount", {})
        await campaign.until(lambda view, left=left: view.counts["deferred"] == left)
    await campaign.until_status("completed")
    result = await campaign.handle.result()
    assert (result.counts["sent"], result.denied_by_reason) == (8, {"opted_out": 2})


@pytest.mark.parametrize("stage", ["scheduled", "awaiting_approval", "deferred"])
async def test_pause_at_every_stage_and_go_on(desk: CampaignDesk, agency: FakeAgency, stage: str) -> None:
    more: dict[str, Any] = {}
    if stage == "scheduled":
        more["starts_at"] = await desk.now() + timedelta(days=1)
    if stage == "awaiting_approval":
        more["approval_above"] = 5
    if stage == "deferred":
        agency.deferred = {1: [timedelta(days=1)]}
    campaign = await desk.launch(**more)
    await campaign.until(lambda view: stage in (view.status, view.phase))
    if stage == "awaiting_approval":
        await campaign.until(lambda view: view.approval is not None)
    assert (await campaign.act("pause")).status == "paused"
    if stage == "awaiting_approval":
        await campaign.handle.signal("approval_decided", decision("approved"))
    await desk.skip(days=3)
    assert (await campaign.view()).status == "paused"
    assert agency.sends == (9 if stage == "deferred" else 0)
    await campaign.act("resume")
    assert (await campaign.result()).counts["sent"] == 10


async def test_what_is_over_refuses(desk: CampaignDesk) -> None:
    campaign = await desk.launch(starts_at=await desk.now() + timedelta(days=1))
    with pytest.raises(Refusal) as no:
        await campaign.act("resume")
    assert (no.value.code, str(no.value)) == ("not_paused", "It is not paused; it is scheduled.")
    first = await campaign.act("pause", id="key-1")
    await campaign.act("resume", id="key-2")
    assert (await campaign.act("pause", id="key-1")).version == first.version  # the server's own answer
    assert (await campaign.act("set_rate", per_minute=7)).rate_per_minute == 7
    with pytest.raises(Refusal, match="per_minute"):
        await campaign.act("set_rate", per_minute=0)


async def test_cancelled_in_temporal(desk: CampaignDesk, agency: FakeAgency) -> None:
    agency.slow = asyncio.Event()
    campaign = await desk.launch()
    await campaign.until(lambda view: view.shards_running > 0)
    await campaign.handle.cancel()
    await campaign.until_status("cancelled")
    await campaign.until(lambda _: agency.gates[campaign.campaign_id] == 1)
    agency.slow.set()
    result = await campaign.result()
    assert (result.status, result.reason) == ("cancelled", "Cancelled in Temporal.")
    assert agency.sends == 0
    assert result.denied_by_reason == {"campaign_cancelled": 10}


async def test_the_rate_is_kept_and_changed_while_it_runs(desk: CampaignDesk, agency: FakeAgency) -> None:
    agency.audience = 8
    began = await desk.now()
    campaign = await desk.launch(rate_per_minute=1, shard_size=4, shards_at_once=4)
    await campaign.until(lambda view: view.shards_running == 1)
    await desk.skip(minutes=3, seconds=30)
    assert agency.sends in (4, 5)
    assert (await campaign.act("set_rate", per_minute=6_000)).rate_per_minute == 6_000
    assert (await campaign.result()).counts["sent"] == 8
    assert agency.sent_at[-1][1] - began < timedelta(minutes=4, seconds=40)


# ── Trouble ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_too_many_failures_pause_it(desk: CampaignDesk, agency: FakeAgency) -> None:
    agency.audience, agency.fails = 40, set(range(1, 21))
    campaign = await desk.launch(pause_error_percent=50, pause_error_least=3, shards_at_once=1)
    paused = await campaign.until_status("paused")
    assert "failed" in paused.reason
    assert "paused_by_itself" in whats(paused)
    assert agency.sends < 40
    agency.fails = set()
    await campaign.act("resume")
    result = await campaign.result()
    assert result.counts["pending"] == 0
    assert agency.most_to_one == 1


async def test_who_resumes_it_has_seen_the_failures_that_are_still_being_counted(
    desk: CampaignDesk, agency: FakeAgency
) -> None:
    agency.audience, agency.fails, agency.counts = 40, set(range(1, 21)), asyncio.Event()
    campaign = await desk.launch(pause_error_percent=50, pause_error_least=3, shards_at_once=1)
    await campaign.until_status("paused")
    agency.fails = set()
    await campaign.act("resume")
    agency.counts.set()
    assert (await campaign.result()).counts["sent"] == 37
    assert whats(agency.saved[campaign.campaign_id]).count("paused_by_itself") == 1


async def test_a_batch_that_breaks_off_repeats_only_what_is_left(desk: CampaignDesk, agency: FakeAgency) -> None:
    agency.dies_after = [2, 1, 0]
    assert (await (await desk.launch(shards_at_once=1)).result()).counts["sent"] == 10
    assert agency.most_to_one == 1


@pytest.mark.parametrize("broken", ["send_batch:ChannelOff", "snapshot_audience:AudienceTooLarge"])
async def test_what_cannot_work_pauses_with_the_reason(desk: CampaignDesk, agency: FakeAgency, broken: str) -> None:
    agency.breaks = [broken]
    campaign = await desk.launch()
    assert "it broke" in (await campaign.until_status("paused")).reason
    await campaign.act("resume")
    assert (await campaign.result()).counts["sent"] == 10


async def test_who_lacks_what_the_texts_need_is_named_before_anything_is_sent(
    desk: CampaignDesk, agency: FakeAgency
) -> None:
    agency.breaks = ["snapshot_audience:MissingVariables"]
    campaign = await desk.launch(planned_at=await desk.now())
    assert (await campaign.until_status("paused")).reason == "it broke"
    assert agency.sends == 0
    await campaign.act("resume")
    assert (await campaign.result()).counts["sent"] == 10


async def test_spent_retries_pause(desk: CampaignDesk, agency: FakeAgency) -> None:
    agency.breaks = ["send_batch:Outage"] * 2
    campaign = await desk.launch(batch_attempts=2)
    await desk.skip(seconds=5)
    assert (await campaign.until_status("paused")).reason == "A batch could not be sent: Outage: it broke"
    await campaign.act("resume")
    assert (await campaign.result()).status == "completed"


async def test_who_does_not_answer_is_asked_again_while_others_do(desk: CampaignDesk, agency: FakeAgency) -> None:
    """The first one of all for longest: no batch of many gets past them, and none of these uses the attempts up."""
    agency.audience = 30
    agency.silent.update({1: 6, 4: 2, 9: 1, 30: 1})
    campaign = await desk.launch(batch_attempts=2, batch_size=5, shard_size=30)
    result = await campaign.result()
    assert (result.status, result.counts["sent"], agency.most_to_one) == ("completed", 30, 1)
    assert "paused_by_itself" not in whats(agency.saved[campaign.campaign_id])


async def test_when_nobody_answers_any_more_it_pauses_and_goes_on_where_it_was(
    desk: CampaignDesk, agency: FakeAgency
) -> None:
    agency.audience = 20
    agency.silent.update(dict.fromkeys(range(8, 21), 100))
    campaign = await desk.launch(batch_attempts=2, batch_size=5, shard_size=20)
    await desk.skip(seconds=5)
    assert (await campaign.until_status("paused")).reason == "A batch could not be sent: Unavailable: nobody answers"
    assert agency.sends == 7
    agency.silent.clear()
    await campaign.act("resume")
    result = await campaign.result()
    assert (result.status, result.counts["sent"], agency.most_to_one) == ("completed", 20, 1)


async def test_no_message_sticks_it(desk: CampaignDesk) -> None:
    campaign = await desk.launch(starts_at=await desk.now() + timedelta(days=1))
    for message in (None, 7.5, "x", {"by": 5}, {"reason": 5}, {"reason": "a" * 501}, {"by": {"door": "window"}}):
        for name in ("pause", "cancel", "set_rate", "wait_for_progress"):
            with pytest.raises(WorkflowUpdateFailedError):
                await campaign.handle.execute_update(name, message)
        for signal in ("stop", "approval_decided"):
            await campaign.handle.signal(signal, message)
    view = await campaign.act("cancel")
    assert view.status == "cancelled"
    assert whats(view).count("message_refused") >= 10


# ── Later ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_deferred_ones_get_it_when_their_moment_comes(desk: CampaignDesk, agency: FakeAgency) -> None:
    hours, days = timedelta(hours=9, minutes=17), timedelta(days=2)
    agency.deferred = {2: [hours], 5: [hours, days], 9: [days]}
    began = await desk.now()
    result = await (await desk.launch()).result()
    assert result.counts["sent"] == 10
    late = {position: at - began for position, at in agency.sent_at if at - began > timedelta(minutes=1)}
    expected = {2: hours, 5: hours + days, 9: days}
    assert set(late) == set(expected)
    assert all(timedelta(0) <= late[one] - expected[one] < timedelta(seconds=10) for one in expected)


async def test_its_end_date_ends_it(desk: CampaignDesk, agency: FakeAgency) -> None:
    agency.deferred = {2: [timedelta(days=1)], 5: [timedelta(days=9)]}
    ends_at = await desk.now() + timedelta(days=3)
    campaign = await desk.launch(ends_at=ends_at)
    await campaign.until(lambda view: view.phase == "deferred")
    await campaign.act("pause")
    await desk.skip(days=4)
    result = await campaign.result()
    assert result.status == "completed"
    assert result.denied_by_reason == {"quiet_hours": 1, "expired": 1}


@pytest.mark.soak
async def test_continued_as_new_all_the_time(real_desk: CampaignDesk, agency: FakeAgency) -> None:
    agency.audience = 60
    agency.opted_out = {1, 2, 60}
    campaign = await real_desk.launch(renew_after=30, approval_above=10)
    first_run = (await campaign.handle.describe()).run_id
    await campaign.until(lambda view: view.approval is not None)
    for per_minute in (50_000, 40_000, 30_000, 20_000):
        await campaign.act("set_rate", per_minute=per_minute)
    await campaign.handle.signal("approval_decided", decision("approved"))
    result = await campaign.result()
    assert (result.counts["sent"], result.counts["denied"]) == (57, 3)
    assert agency.most_to_one == 1
    assert agency.sends == 57
    described = await campaign.handle.describe()
    assert described.run_id != first_run
    versions = [view.version for view in agency.saves]
    assert versions == sorted(versions)
    assert "launched" in whats(agency.saved[campaign.campaign_id])


# ── Several ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_stop_everything(desk: CampaignDesk, agency: FakeAgency) -> None:
    over = await desk.launch()
    await over.result()
    campaigns = [await desk.launch(starts_at=await desk.now() + timedelta(days=1)) for _ in range(3)]
    agency.running = [each.handle.id for each in (*campaigns, over)]
    stop = {"stop_id": "1", "reason": "Wrong prices", "by": {"username": "admin", "door": "web"}}
    handle = await desk.env.client.start_workflow("StopEverythingWorkflow", stop, id="stop-1", task_queue=TASK_QUEUE)
    async with asyncio.timeout(10):
        while not (report := await handle.query("get_report", result_type=StopReport)).is_done:
            await asyncio.sleep(0.02)
    assert [entry.state for entry in report.entries] == ["stopped"] * 3 + ["ended"]
    assert [(entry.workflow_id, entry.state) for entry in report.times] == [("campaign-weekly", "times_paused")]
    assert agency.paused_times == ["admin: Wrong prices"]
    for campaign in campaigns:
        view = await campaign.view()
        assert (view.status, view.reason, whats(view)[-1]) == ("paused", "Wrong prices", "stopped")
        assert agency.gates[campaign.campaign_id] == 1


async def test_stop_everything_holds_what_is_launched_and_has_not_started(
    desk: CampaignDesk, agency: FakeAgency
) -> None:
    """Whether its workflow is just being started, or its time comes while its series is being paused."""
    launched, due = desk.launched(), desk.launched(planned_at=await desk.now())
    agency.starting = {campaign_workflow_id(launched.mailing.campaign_id): launched}
    agency.comes_meanwhile = {campaign_workflow_id(due.mailing.campaign_id): due}
    ids = [*agency.starting, *agency.comes_meanwhile]
    agency.running = [ids[0]]
    stop = {"stop_id": "2", "reason": "Wrong prices", "by": {"username": "admin", "door": "web"}}
    handle = await desk.env.client.start_workflow("StopEverythingWorkflow", stop, id="stop-2", task_queue=TASK_QUEUE)
    desk.handles += [desk.campaign(each).handle for each in ids]
    async with asyncio.timeout(10):
        while not (report := await handle.query("get_report", result_type=StopReport)).is_done:
            await asyncio.sleep(0.02)
    assert [(entry.workflow_id, entry.state) for entry in report.entries] == [(each, "stopped") for each in ids]
    for campaign in map(desk.campaign, ids):
        view = await campaign.view()
        assert (view.status, view.reason, whats(view)) == ("paused", "Wrong prices", ["launched", "stopped"])
    assert agency.sends == 0
    await desk.campaign(ids[0]).act("resume")
    assert (await desk.campaign(ids[0]).result()).counts["sent"] == 10


async def test_an_occurrence_is_started_for_its_time(desk: CampaignDesk, agency: FakeAgency) -> None:
    with desk.env.auto_time_skipping_disabled():
        started = await desk.env.client.execute_workflow(
            "CampaignOccurrenceWorkflow", {"series_id": "CMP-1"}, id="occurrence-1", task_queue=TASK_QUEUE
        )
    assert started == "campaign-CMP-1-2"
    assert agency.occurrences[0].series_id == "CMP-1"
