"""The messages of a campaign, to the letter: golden JSON, and what they refuse."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.converter import default, value_to_type

from campaigns.contract import (
    ApprovalAsk,
    ApprovalWithdrawal,
    BatchInput,
    BatchResult,
    By,
    CampaignEntry,
    CampaignInput,
    CampaignLimits,
    CampaignMemory,
    CampaignProgress,
    CampaignResult,
    CampaignView,
    CancelInput,
    CloseInput,
    DashboardData,
    Door,
    GateInput,
    Headway,
    HoldInput,
    InvalidField,
    LaunchApproval,
    Mailing,
    OccurrenceInput,
    OccurrenceRequest,
    PauseInput,
    Positions,
    RateInput,
    RecountInput,
    ResumeInput,
    ShardEnd,
    ShardInput,
    ShardPace,
    ShardResult,
    Stock,
    StopEntry,
    StopEverythingInput,
    StopInput,
    StoppedReply,
    StopReport,
    Tried,
    campaign_workflow_id,
    occurrence_campaign_id,
    shard_workflow_id,
)
from temporal_worker.messages import check_json
from temporal_worker.snapshots import from_json

GOLDEN = json.loads((Path(__file__).parent / "golden_campaign_messages.json").read_text())
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ANN = By("ann", Door.WEB)
ID = "CMP-20261121-120000-7f3a"
MAILING = Mailing(ID, ID, "email", "marketing", 1, False, 3, True, LATER)
STOCK = Stock({"sent": 3, "deferred": 1, "denied": 2}, {"opted_out": 2}, AT, LATER, 1)
ENTRY = CampaignEntry(AT, "paused", "ann paused it: a typo.", ANN)
APPROVAL = LaunchApproval("REQ-20261121-120000-7f3a", "approved", ["director"], "Fine.")
COUNTS = {"audience": 6, "pending": 0, "sent": 3, "deferred": 1, "denied": 2, "failed": 0, "unknown": 0}
MEMORY = CampaignMemory(
    9, "sending", True, "", "", "a typo", 4, 2, 600, STOCK, 6, 5, [Positions(3, 4)], 2, AT, APPROVAL, AT, None, AT, 1.5,
    1, 2, [ENTRY], ["key-1"], 3, [Tried(30, 2)], Headway(1.5, 1.5, 3.0, 6.0, 3.5, 2.75),
)  # fmt: skip

MESSAGES: dict[str, Any] = {
    "CampaignInput": CampaignInput(MAILING, 600, "Autumn sale", CampaignLimits(), AT, AT, ANN, MEMORY),
    "PauseInput": PauseInput("a typo", ANN),
    "ResumeInput": ResumeInput("corrected", ANN),
    "CancelInput": CancelInput("no", ANN),
    "RateInput": RateInput(60, ANN),
    "StopInput": StopInput("wrong prices", "admin", "stop-everything-1"),
    "RecountInput": RecountInput(),
    "CampaignProgress": CampaignProgress("running", 9, COUNTS, {"opted_out": 2}),
    "DashboardData": DashboardData(5, 0, 1, 0.01, LATER),
    "CampaignView": CampaignView(
        ID, f"campaign-{ID}", "paused", 9, COUNTS, {"opted_out": 2}, 600, LATER, "sending", "Autumn sale", ID, 1, "email",
        "marketing", False, "a typo", AT, LATER, AT, None, AT, APPROVAL, ANN, 4, 0, [ENTRY], 120.0, LATER,
    ),
    "CampaignResult": CampaignResult(ID, "completed", COUNTS, {"opted_out": 2}, ""),
    "ShardInput": ShardInput(MAILING, 2, Positions(11, 20), 1, 300, next_send_at=AT),
    "ShardPace": ShardPace(300),
    "ShardEnd": ShardEnd(True),
    "ShardResult": ShardResult(15, "asked", "", 1),
    "BatchInput": BatchInput(MAILING, Positions(11, 20), 100, 1, 300, 10.0, LATER, AT, 10, 20),
    "BatchResult": BatchResult(15, "errors", "20 of 30 failed", 1, AT, 30, 20, 34),
    "Stock": STOCK,
    "GateInput": GateInput(ID, 2),
    "CloseInput": CloseInput(ID, "expired"),
    "ApprovalAsk": ApprovalAsk(ID, f"campaign-{ID}", "ann", 2_000, "Autumn sale", 1_000),
    "ApprovalWithdrawal": ApprovalWithdrawal("REQ-20261121-120000-7f3a", "ann", "It was cancelled."),
    "HoldInput": HoldInput(f"campaign-{ID}", StopInput("wrong prices", "admin", "stop-everything-1")),
    "OccurrenceInput": OccurrenceInput(ID),
    "OccurrenceRequest": OccurrenceRequest(ID, AT),
    "StopEverythingInput": StopEverythingInput("1", "wrong prices", ANN, 30),
    "StoppedReply": StoppedReply(f"campaign-{ID}", "paused", 3),
    "StopReport": StopReport(
        "1", "wrong prices", "ann", [StopEntry(f"campaign-{ID}", "stopped", "paused")], True,
        [StopEntry(f"campaign-{ID}", "times_paused")],
    ),
}  # fmt: skip


def to_json(value: Any) -> Any:
    return json.loads(default().payload_converter.to_payload(value).data)


@pytest.mark.parametrize("name", MESSAGES)
def test_golden(name: str) -> None:
    """Whoever changes this changes what foreign clients see: fields may be added, with defaults, and nothing else."""
    assert to_json(MESSAGES[name]) == GOLDEN[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_comes_back_as_it_went(name: str) -> None:
    message = MESSAGES[name]
    check_json(type(message), GOLDEN[name])
    assert value_to_type(type(message), GOLDEN[name]) == message
    assert from_json(type(message), GOLDEN[name]) == message


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (CampaignInput(MAILING, 0), "rate_per_minute"),
        (CampaignInput(MAILING, 1_000_001), "rate_per_minute"),
        (CampaignInput(replace(MAILING, campaign_id=" "), 1), "mailing.campaign_id"),
        (CampaignInput(replace(MAILING, occurrence=0), 1), "mailing.occurrence"),
        (CampaignInput(MAILING, 1, starts_at=LATER), "mailing.ends_at"),
        (CampaignInput(MAILING, 1, planned_at=datetime(2026, 1, 1)), "planned_at"),
        (CampaignInput(MAILING, 1, limits=CampaignLimits(shard_size=0)), "limits.shard_size"),
        (CampaignInput(MAILING, 1, limits=CampaignLimits(batch_size=1_001)), "limits.batch_size"),
        (CampaignInput(MAILING, 1, limits=CampaignLimits(late_seconds=-1)), "limits.late_seconds"),
        (PauseInput("x" * 501), "reason"),
        (ResumeInput(by=By("x", "window")), "by.door"),
        (CancelInput("a\0b"), "reason"),
        (RateInput(0), "per_minute"),
        (StopInput(requested_by="x" * 151), "requested_by"),
        (StopEverythingInput(""), "stop_id"),
        (StopEverythingInput("1", wait_seconds=601), "wait_seconds"),
        (OccurrenceInput(""), "series_id"),
    ],
)
def test_refuses_and_names_the_field(message: Any, field: str) -> None:
    with pytest.raises(InvalidField) as problem:
        message.check()
    assert problem.value.field == field


def test_ids() -> None:
    assert campaign_workflow_id(ID) == f"campaign-{ID}"
    assert shard_workflow_id(ID, 3) == f"campaign-{ID}-shard-3"
    assert [occurrence_campaign_id(ID, number) for number in (1, 2)] == [ID, f"{ID}-2"]
