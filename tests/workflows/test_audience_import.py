"""An import's way through its stages, and every word that comes at the wrong time, twice, or makes no sense."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from campaigns.contract import TASK_QUEUE, By
from tests.eventually import aeventually
from tests.servers import start_time_skipping_server
from tests.workflows.marketing import Desk, FakeMarketing, Running, open_desk

FILE = {"location": "imports/contacts.csv", "size": 9_000}


@pytest.fixture(autouse=True)
def _heard_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An activity hears by its heartbeats that it is cancelled, of which the SDK holds back most: for 5 s, where 6 may pass."""
    soon = partial(Worker, max_heartbeat_throttle_interval=timedelta(milliseconds=100))
    monkeypatch.setattr("temporal_worker.workers.Worker", soon)


@pytest.fixture
def marketing() -> FakeMarketing:
    return FakeMarketing()


@pytest.fixture(scope="module")
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """A server of this file's own: what is ended here in the middle of an activity would keep others from skipping."""
    async with await start_time_skipping_server() as env:
        yield env


@pytest.fixture
async def desk(env: WorkflowEnvironment, marketing: FakeMarketing) -> AsyncIterator[Desk]:
    async with open_desk(env, marketing) as desk:
        yield desk


@pytest.fixture
async def skipping_desk(marketing: FakeMarketing) -> AsyncIterator[Desk]:
    """With a server of its own: one that has seen a failing or cancelled activity may not skip time any more."""
    async with await start_time_skipping_server() as env, open_desk(env, marketing) as desk:
        yield desk


async def uploaded(running: Running) -> Running:
    await running.handle.signal("notify_upload_complete", FILE)
    return running


class TestStages:
    async def test_each_waits_for_its_word(self, desk: Desk, marketing: FakeMarketing) -> None:
        running = await desk.bring_in(name="contacts.csv")
        view = await running.view()
        assert (view.status, view.stage, view.is_waiting) == ("running", "upload", True)
        await uploaded(running)
        view = await running.until_waiting("validate")
        assert (view.rows_total, view.rows_done, view.rows_rejected) == (1_200, 1_197, 3)
        assert (view.location, view.told) == ("imports/contacts.csv", ["upload"])
        await running.handle.signal("notify_validation_complete")
        view = await running.until_waiting("transform")
        assert view.actions == {"create": 1_197, "update": 0, "unchanged": 0}
        assert marketing.applied == set()
        await running.handle.signal("notify_transform_complete", {"by": {"username": "ann", "door": "web"}})
        result = await running.handle.result()
        assert (result.status, result.rows_done, len(marketing.applied)) == ("completed", 1_197, 1_197)
        view = await running.view()
        assert (view.status, view.stage, view.rows_done + view.rows_rejected) == ("completed", "done", view.rows_total)
        assert [tidy.keep_problems for tidy in marketing.tidied] == [True]
        assert marketing.saved[view.import_id] == view

    async def test_progress_has_the_fields_of_the_contract(self, desk: Desk) -> None:
        running = await desk.bring_in()
        progress = await running.handle.query("get_progress")
        assert {"status", "stage", "version", "rows_total", "rows_done", "rows_rejected"} <= set(progress)

    async def test_an_unattended_one_goes_through(self, desk: Desk) -> None:
        running = await uploaded(await desk.bring_in(unattended=True))
        assert (await running.handle.result()).status == "completed"

    async def test_who_is_new_is_greeted_when_all_are_written(self, desk: Desk, marketing: FakeMarketing) -> None:
        running = await uploaded(await desk.bring_in(unattended=True, greets=True, by=By("ann", "web")))
        assert (await running.handle.result()).status == "completed"
        view = await running.view()
        assert (view.greeted, view.problem, len(marketing.applied)) == (1_197, "", 1_197)
        assert [(one.import_id, one.by.username) for one in marketing.greeted] == [(view.import_id, "ann")]

    async def test_contacts_stay_written_when_they_cannot_be_greeted(
        self, desk: Desk, marketing: FakeMarketing
    ) -> None:
        marketing.greeting_problem = "No welcome could be started."
        running = await uploaded(await desk.bring_in(unattended=True, greets=True))
        assert (await running.handle.result()).status == "completed"
        assert "not all new ones are greeted: No welcome could be started" in (await running.view()).problem

    async def test_nobody_is_greeted_unasked(self, desk: Desk, marketing: FakeMarketing) -> None:
        await (await uploaded(await desk.bring_in(unattended=True))).handle.result()
        assert marketing.greeted == []

    async def test_words_that_come_early_are_remembered(self, desk: Desk, marketing: FakeMarketing) -> None:
        running = await desk.bring_in()
        await running.handle.signal("notify_transform_complete", {})
        await running.handle.signal("notify_validation_complete", None)
        await uploaded(running)
        assert (await running.handle.result()).status == "completed"
        assert [stage for stage, _ in marketing.began] == ["validate", "transform"]

    async def test_words_that_come_twice_change_nothing(self, desk: Desk, marketing: FakeMarketing) -> None:
        running = await uploaded(await desk.bring_in())
        await running.handle.signal("notify_upload_complete", {"location": "imports/other.csv"})
        await running.until_waiting("validate")
        for _ in range(3):
            await running.handle.signal("notify_validation_complete", {})
        view = await running.until_waiting("transform")
        version = view.version
        await running.handle.signal("notify_upload_complete", {"location": "imports/other.csv"})
        await running.handle.signal("notify_validation_complete", {})
        view = await running.view()
        assert (view.location, view.version) == ("imports/contacts.csv", version)
        await running.handle.signal("notify_transform_complete", {})
        assert (await running.handle.result()).status == "completed"
        assert [stage for stage, _ in marketing.began] == ["validate", "transform"]

    async def test_malformed_ones_are_dropped_and_told_of(self, desk: Desk) -> None:
        running = await desk.bring_in()
        for message in (None, {}, {"location": 7}, {"location": " "}, "imports/a.csv", {"location": "a", "size": -1}):
            await running.handle.signal("notify_upload_complete", message)
        for message in ("go", 7, {"by": "ann"}):
            await running.handle.signal("notify_validation_complete", message)
        await running.handle.signal("note_progress", {"stage": "nonsense", "rows_done": 1})
        view = await running.view()
        assert (view.stage, view.told, len(view.dropped)) == ("upload", [], 10)
        await uploaded(running)
        assert (await running.until_waiting("validate")).rows_done == 1_197

    async def test_a_note_of_another_stage_or_of_an_older_attempt_counts_for_nothing(
        self, desk: Desk, marketing: FakeMarketing
    ) -> None:
        marketing.stands_still = {"validate"}
        running = await uploaded(await desk.bring_in())
        await running.until(lambda view: view.stage == "validate")
        note = {"stage": "validate", "rows_done": 500, "rows_rejected": 7, "bytes_done": 4_000, "attempt": 2}
        await running.handle.signal("note_progress", note)
        await running.handle.signal("note_progress", {**note, "rows_done": 9, "attempt": 1})
        await running.handle.signal("note_progress", {**note, "rows_done": 9, "stage": "transform"})
        view = await running.view()
        assert (view.rows_total, view.rows_done, view.bytes_done, view.bytes_total) == (507, 500, 4_000, 9_000)


class TestEnds:
    async def test_a_file_that_cannot_be_used_fails_it_in_words(self, desk: Desk, marketing: FakeMarketing) -> None:
        marketing.file_problem = "The file has no header: its first line names the columns."
        running = await uploaded(await desk.bring_in())
        result = await running.handle.result()
        assert (result.status, result.problem) == ("failed", marketing.file_problem)
        assert marketing.applied == set()
        assert marketing.tidied[0].keep_problems

    @pytest.mark.parametrize(
        ("rows", "words"), [(0, "The file has no rows."), (3, "None of the file's rows can be taken.")]
    )
    async def test_a_file_of_nothing_fails_it(
        self, desk: Desk, marketing: FakeMarketing, rows: int, words: str
    ) -> None:
        marketing.rows, marketing.rejected = rows, rows
        result = await (await uploaded(await desk.bring_in(unattended=True))).handle.result()
        assert (result.status, result.problem) == ("failed", words)

    async def test_killed_in_a_stage_it_goes_on(self, desk: Desk, marketing: FakeMarketing) -> None:
        marketing.dies_after = {"validate": 500, "transform": 500, "finalise": 500}
        result = await (await uploaded(await desk.bring_in(unattended=True))).handle.result()
        assert (result.status, result.rows_done, len(marketing.applied)) == ("completed", 1_197, 1_197)
        assert marketing.began == [("validate", 1), ("validate", 2), ("transform", 1), ("transform", 2)]

    @pytest.mark.parametrize("stage", ["upload", "validate"])
    async def test_nobody_goes_on_and_it_ends(self, skipping_desk: Desk, marketing: FakeMarketing, stage: str) -> None:
        running = await skipping_desk.bring_in(waits_seconds=3_600)
        if stage == "validate":
            await uploaded(running)
        result = await running.handle.result()
        assert (result.status, result.problem) == ("cancelled", f"Nobody went on from the stage {stage}.")
        assert [tidy.keep_problems for tidy in marketing.tidied] == [False]


class TestCancelling:
    async def test_while_it_works_the_work_is_stopped_first(self, desk: Desk, marketing: FakeMarketing) -> None:
        marketing.stands_still = {"validate"}
        running = await uploaded(await desk.bring_in(unattended=True))
        await aeventually(lambda: marketing.began)
        view = await running.update("cancel", {"reason": "The wrong file.", "by": {"username": "ann", "door": "web"}})
        assert (view["status"], view["problem"]) == ("cancelled", "ann cancelled it: The wrong file.")
        result = await running.handle.result()
        assert (result.status, marketing.cancelled, marketing.applied) == ("cancelled", ["validate"], set())
        assert [tidy.keep_problems for tidy in marketing.tidied] == [False]

    @pytest.mark.parametrize("stage", ["upload", "validate", "transform"])
    async def test_while_it_waits(self, desk: Desk, marketing: FakeMarketing, stage: str) -> None:
        running = await desk.bring_in()
        if stage != "upload":
            await uploaded(running)
        if stage == "transform":
            await running.handle.signal("notify_validation_complete")
        await running.until_waiting(stage)
        await running.update("cancel", {})
        assert (await running.handle.result()).status == "cancelled"
        assert marketing.applied == set()

    async def test_in_temporal_it_tidies_up_too(self, desk: Desk, marketing: FakeMarketing) -> None:
        running = await uploaded(await desk.bring_in())
        await running.until_waiting("validate")
        await running.handle.cancel()
        result = await running.handle.result()
        assert (result.status, result.problem) == ("cancelled", "It was cancelled in Temporal.")
        assert len(marketing.tidied) == 1

    async def test_too_late_it_is_refused(self, desk: Desk, marketing: FakeMarketing) -> None:
        marketing.dies_after = {"finalise": 500}  # so that it is finalising for a while: until its next attempt
        running = await uploaded(await desk.bring_in(unattended=True))
        await running.until(lambda view: view.stage == "finalise")
        with pytest.raises(ApplicationError) as refusal:
            await running.update("cancel", {})
        assert refusal.value.type == "finalising"
        await running.handle.cancel()
        assert (await running.handle.result()).status == "completed"
        assert len(marketing.applied) == 1_197


@pytest.mark.parametrize("start", [{"import_id": ""}, {"import_id": "I", "mapping": []}, {"import_id": None}, {}, 7])
async def test_a_start_that_makes_no_sense_fails(env: WorkflowEnvironment, desk: Desk, start: Any) -> None:
    handle = await env.client.start_workflow("AudienceImportWorkflow", start, id="import-x", task_queue=TASK_QUEUE)
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == "ValidationError"


async def test_it_can_be_replayed_at_every_task(env: WorkflowEnvironment, marketing: FakeMarketing) -> None:
    """Without a cache each task replays all that was before it."""
    async with open_desk(env, marketing, max_cached_workflows=0) as desk:
        running = await uploaded(await desk.bring_in())
        await running.until_waiting("validate")
        await running.handle.signal("notify_validation_complete")
        await running.handle.signal("notify_transform_complete")
        assert (await running.handle.result()).status == "completed"
