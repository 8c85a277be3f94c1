"""Every history of a campaign that was ever recorded replays with today's code.

The scenarios: ``campaign_scenarios`` (``launches``), of what comes late ``late_scenarios`` (``late``), of the button that
stops everything ``stop_scenarios`` (``stops``).
"""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from campaigns.shard import CampaignShardWorkflow
from campaigns.stopping import CampaignOccurrenceWorkflow, StopEverythingWorkflow
from campaigns.workflows import CampaignWorkflow
from temporal_worker.workers import build_replayer

WORKFLOWS = [CampaignWorkflow, CampaignShardWorkflow, StopEverythingWorkflow, CampaignOccurrenceWorkflow]
RECORDED = [
    path for area in ("launches", "late", "stops") for path in sorted((Path(__file__).parent / area).rglob("*.json"))
]


def test_there_are_finished_and_running_ones() -> None:
    assert {"completed", "shard", "deferred_running", "stopped", "stopping", "held"} <= {path.stem for path in RECORDED}


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.parent.name}/{path.parent.name}/{path.stem}")
async def test_replays(path: Path) -> None:
    history = WorkflowHistory.from_json(f"campaign-{path.stem}", path.read_text())
    await build_replayer(WORKFLOWS).replay_workflow(history)


async def test_a_changed_story_would_be_found() -> None:
    path = next(path for path in RECORDED if path.stem == "completed")
    history = WorkflowHistory.from_json("changed", path.read_text().replace("snapshot_audience", "another_activity"))
    with pytest.raises(Exception, match=r"[Nn]ondeterminism"):
        await build_replayer(WORKFLOWS).replay_workflow(history)
