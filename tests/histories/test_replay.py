"""Every history that was ever recorded replays with today's code."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from approvals.bulk_workflow import BulkDecisionWorkflow
from approvals.workflows import ApprovalWorkflow
from campaigns.user_actor import UserActorWorkflow
from orders.workflows import OrderWorkflow
from temporal_worker.workers import build_replayer

WORKFLOWS: dict[str, list[type]] = {
    "orders": [OrderWorkflow],
    "approvals": [ApprovalWorkflow, BulkDecisionWorkflow],
    "campaigns": [UserActorWorkflow],
}
RECORDED = [path for area in WORKFLOWS for path in sorted((Path(__file__).parent / area).rglob("*.json"))]


def area_of(path: Path) -> str:
    return path.parent.parent.name


def test_there_are_finished_and_running_ones() -> None:
    finished_ones = {
        "orders": {"delivered", "window_closed"},
        "approvals": {"approved", "two_rounds"},
        "campaigns": {"continued_after_a_release", "continued_by_its_bound"},
    }
    for area, finished in finished_ones.items():
        names = {path.stem for path in RECORDED if area_of(path) == area}
        assert any(name.endswith("_running") for name in names)
        assert finished <= names


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{area_of(path)}/{path.parent.name}/{path.stem}")
async def test_replays(path: Path) -> None:
    history = WorkflowHistory.from_json(f"{area_of(path)}-{path.stem}", path.read_text())
    await build_replayer(WORKFLOWS[area_of(path)]).replay_workflow(history)


@pytest.mark.parametrize(
    "path", [path for path in RECORDED if area_of(path) == "campaigns"], ids=lambda path: path.stem
)
async def test_an_actor_does_nothing_that_the_sandbox_forbids(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its module passes the sandbox; here it does not."""
    monkeypatch.setattr(UserActorWorkflow, "loaded_once", False)
    history = WorkflowHistory.from_json(f"whole-sandbox-{path.stem}", path.read_text())
    await build_replayer([UserActorWorkflow]).replay_workflow(history)


@pytest.mark.parametrize(
    ("name", "activity"),
    [("delivered", "hold_stock"), ("two_rounds", "send_approval_mail"), ("approved", "book_leave")],
)
async def test_a_changed_story_would_be_found(name: str, activity: str) -> None:
    """The replay test can fail: a history in which an activity has another name is refused."""
    path = next(path for path in RECORDED if path.stem == name)
    history = WorkflowHistory.from_json("changed", path.read_text().replace(activity, "another_activity"))
    with pytest.raises(Exception, match=r"[Nn]ondeterminism"):
        await build_replayer(WORKFLOWS[area_of(path)]).replay_workflow(history)
