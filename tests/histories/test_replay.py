"""Every history that was ever recorded replays with today's code."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from orders.workflows import OrderWorkflow
from temporal_worker.workers import build_replayer

RECORDED = sorted((Path(__file__).parent / "orders").rglob("*.json"))


def test_there_are_finished_and_running_ones() -> None:
    names = {path.stem for path in RECORDED}
    assert any(name.endswith("_running") for name in names)
    assert {"delivered", "declined_then_refunded", "window_closed"} <= names


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_replays(path: Path) -> None:
    history = WorkflowHistory.from_json(f"order-{path.stem}", path.read_text())
    await build_replayer([OrderWorkflow]).replay_workflow(history)


async def test_a_changed_story_would_be_found() -> None:
    """The replay test can fail: a history whose first activity has another name is refused."""
    path = next(path for path in RECORDED if path.stem == "delivered")
    history = WorkflowHistory.from_json("order-x", path.read_text().replace("hold_stock", "holt_stock"))
    with pytest.raises(Exception, match=r"[Nn]ondeterminism"):
        await build_replayer([OrderWorkflow]).replay_workflow(history)
