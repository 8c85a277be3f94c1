"""Of each patch in workflow code both sides are recorded: a history with it, and one that had come to its place without it."""

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from temporalio import workflow
from temporalio.client import WorkflowHistory

from approvals.workflows import ApprovalWorkflow
from campaigns.audience_import import AudienceImportWorkflow
from campaigns.shard import CampaignShardWorkflow
from campaigns.stopping import StopEverythingWorkflow
from campaigns.user_actor import UserActorWorkflow
from campaigns.welcome import WelcomeWorkflow
from campaigns.workflows import CampaignWorkflow
from orders.workflows import OrderWorkflow
from temporal_worker.workers import build_replayer

HISTORIES = Path(__file__).parent
WORKFLOWS: dict[str, list[type]] = {
    "orders": [OrderWorkflow],
    "approvals": [ApprovalWorkflow],
    "campaigns": [UserActorWorkflow],
    "imports": [AudienceImportWorkflow, WelcomeWorkflow],
    "launches": [CampaignWorkflow, CampaignShardWorkflow],
    "late": [CampaignWorkflow],
    "stops": [StopEverythingWorkflow],
}
AREAS = ("temporal_worker", "orders", "approvals", "campaigns")
SAVES = "save-each-version-at-once"
NEWEST = "the-newest-count-stands"
WITHOUT = [
    ("recommend-products", "orders/0.1.0-first/delivered"),
    ("large-orders-are-released", "orders/0.1.0-third/released"),
    ("an-order-has-one-currency", "orders/0.1.0-sixth/in_two_currencies"),
    ("what-goes-on-beside-is-answered", "orders/0.1.0-fourth/refunded_beside"),
    ("what-is-parked-is-kept", "orders/0.1.0-fifth/two_refunds_stopped"),
    ("a-refund-may-be-of-a-part", "orders/0.1.0-fifth/refunded_in_part"),
    (SAVES, "orders/0.1.0-second/delivered"),
    (SAVES, "approvals/0.1.0-first/two_rounds"),
    ("who-covers-is-told-of-escalations", "approvals/0.1.0-second/escalated_to_who_covers"),
    ("who-covers-is-told-when-it-begins", "approvals/0.1.0-second/handed_over_ahead"),
    (SAVES, "imports/0.1.0-first/imported"),
    (SAVES, "launches/0.1.0-first/approved_paused_and_resumed"),
    (NEWEST, "late/0.1.0-first/counted_before_the_end"),
    (NEWEST, "late/0.1.0-first/counting_at_the_end"),
    ("resumed-has-seen-the-failures-before", "late/0.1.0-first/resumed_while_failures_are_counted"),
    ("the-gate-is-written-at-once", "late/0.1.0-second/cancelled_while_its_gate_is_written"),
    ("shards-are-told-last", "launches/0.1.0-second/approved_paused_and_resumed"),
    ("what-others-say-is-written-down", "campaigns/0.1.0-first/wishes_running"),
    ("what-is-long-past-stays", "campaigns/0.1.0-second/released_long_after"),
    ("pause-recurring", "stops/0.1.0-first/stopped"),
    ("those-that-start-are-held", "stops/0.1.0-second/stopped"),
    ("what-was-stopped-pauses-nothing", "late/0.1.0-first/found_dead_after_the_resume"),
    ("the-latest-failures-pause-it", "late/0.1.0-third/failing_after_it_went_well"),
    ("a-gate-that-is-found-open-is-written-again", "late/0.1.0-fourth/found_open_after_a_restore"),
]
"""Histories from before a patch that lead to its place, in each area that has it."""


def in_the_code() -> set[str]:
    sources = [path.read_text() for area in AREAS for path in (settings.BASE_DIR / area).rglob("*.py")]
    names = {name.strip() for source in sources for name in re.findall(r"workflow\.patched\(([^)]*)\)", source)}
    constants = dict(found for source in sources for found in re.findall(r'^([A-Z_]+) = ("[^"]+")$', source, re.M))
    return {json.loads(constants.get(name, name)) for name in names}


def marks_of(history: Any) -> Iterator[str]:
    for event in history["events"]:
        for detail in event.get("markerRecordedEventAttributes", {}).get("details", {}).values():
            for payload in detail["payloads"]:
                said = json.loads(b64decode(payload["data"]))
                if isinstance(said, dict) and "id" in said:
                    yield said["id"]


def test_each_patch_has_a_history_without_it() -> None:
    assert in_the_code() == {patch for patch, _ in WITHOUT}


@pytest.mark.parametrize(("patch", "area"), sorted({(patch, path.partition("/")[0]) for patch, path in WITHOUT}))
def test_each_patch_has_a_history_with_it(patch: str, area: str) -> None:
    histories = [json.loads(path.read_text()) for path in (HISTORIES / area).rglob("*.json")]
    assert any(patch in marks_of(history) for history in histories)


@pytest.mark.parametrize(("patch", "name"), WITHOUT)
async def test_a_history_without_it_needs_the_old_branch(
    patch: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It replays as it is (the replay tests), and no more once the old branch is gone."""
    patched = workflow.patched
    monkeypatch.setattr(workflow, "patched", lambda one: one == patch or patched(one))
    text = (HISTORIES / f"{name}.json").read_text()
    assert patch not in marks_of(json.loads(text))
    with pytest.raises(Exception, match=r"[Nn]ondeterminism"):
        await build_replayer(WORKFLOWS[name.partition("/")[0]]).replay_workflow(WorkflowHistory.from_json("old", text))
