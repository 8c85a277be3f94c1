"""Every history of an import or a welcome that was ever recorded replays with today's code."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from campaigns.audience_import import AudienceImportWorkflow
from campaigns.welcome import WelcomeWorkflow
from temporal_worker.workers import build_replayer

WORKFLOWS = [AudienceImportWorkflow, WelcomeWorkflow]
RECORDED = sorted((Path(__file__).parent / "imports").rglob("*.json"))


def test_there_are_finished_and_running_ones() -> None:
    assert {"imported", "failed", "cancelled", "greeted"} <= {path.stem for path in RECORDED}
    assert sum(path.stem.endswith("_running") for path in RECORDED) >= 2


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_replays(path: Path) -> None:
    await build_replayer(WORKFLOWS).replay_workflow(WorkflowHistory.from_json(path.stem, path.read_text()))


@pytest.mark.parametrize(("name", "activity"), [("imported", "finalise_import"), ("greeted", "fetch_contact_wishes")])
async def test_a_changed_story_would_be_found(name: str, activity: str) -> None:
    """The replay test can fail: a history in which an activity has another name is refused."""
    path = next(path for path in RECORDED if path.stem == name)
    history = WorkflowHistory.from_json("changed", path.read_text().replace(activity, "another_activity"))
    with pytest.raises(Exception, match=r"[Nn]ondeterminism"):
        await build_replayer(WORKFLOWS).replay_workflow(history)
