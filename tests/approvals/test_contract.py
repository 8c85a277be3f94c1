"""The approval area's messages, to the letter: golden JSON, what they refuse, and that nothing here knows Django."""

import json
import subprocess
import sys
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.converter import default, value_to_type

from approvals import contract
from approvals.contract import (
    ApprovalInput,
    ApprovalResult,
    ApprovalView,
    AttachmentInput,
    AttachmentView,
    AuditEntry,
    BulkDecision,
    BulkInput,
    BulkItem,
    BulkResult,
    By,
    Caller,
    Change,
    ChangesInput,
    CommentInput,
    Cover,
    DecisionInput,
    DecisionView,
    DelegationEndInput,
    DelegationInput,
    Door,
    InvalidField,
    LevelView,
    PolicyLevel,
    PolicySnapshot,
    ResubmitInput,
    RoundView,
    Seat,
    TrailEntry,
    WithdrawalInput,
    WorkingHours,
    approval_workflow_id,
    is_request_id,
    mentioned,
)
from temporal_worker.snapshots import from_json

GOLDEN_FILE = Path(__file__).parent / "golden_messages.json"
GOLDEN = json.loads(GOLDEN_FILE.read_text())
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
ANN = By("ann", Door.WEB)
LEVEL = PolicyLevel("Manager", [Seat("manager", "manager")])
POLICY = PolicySnapshot("3", "Leave", 2, [LEVEL])
COVER = Cover("out-of-office:1", "manager", "bo", AT, LATER, "on holiday")

MESSAGES: dict[str, Any] = {
    "ApprovalInput": ApprovalInput(
        "REQ-20261121-120000-7f3a",
        "leave",
        "Two weeks",
        "employee",
        POLICY,
        names={"employee": "Emil"},
        covers=[COVER],
        caller=Caller("order-1"),
        by=ANN,
    ),
    "DecisionInput": DecisionInput(True, 3, "Fine.", ANN, "manager"),
    "CommentInput": CommentInput("Hello @bo", ANN),
    "AttachmentInput": AttachmentInput("a1", "offer.pdf", 12, "ab" * 32, ANN),
    "ChangesInput": ChangesInput("Shorter.", 3, ANN),
    "ResubmitInput": ResubmitInput("One week", "", 1_000, ANN),
    "DelegationInput": DelegationInput("bo", LATER, "away", ANN),
    "DelegationEndInput": DelegationEndInput("seat:4", ANN),
    "WithdrawalInput": WithdrawalInput("Plans changed.", ANN),
    "ApprovalResult": ApprovalResult("REQ-20261121-120000-7f3a", "approved", ["manager"], "Fine."),
    "AuditEntry": AuditEntry(AT, "bo", "manager", "web", "approved", 4, "Bo approved.", "Fine.", 3),
    "BulkInput": BulkInput("1-key", "manager", True, "", [BulkItem("REQ-20261121-120000-7f3a", 1)]),
    "BulkDecision": BulkDecision("1-key", "manager", True, "", BulkItem("REQ-20261121-120000-7f3a", 1)),
    "BulkResult": BulkResult(1, 0),
    "ApprovalView": ApprovalView(
        request_id="REQ-20261121-120000-7f3a",
        workflow_id="approval-REQ-20261121-120000-7f3a",
        status="pending",
        version=4,
        state_version=2,
        kind="leave",
        title="Two weeks",
        amount_cents=None,
        requester="employee",
        round=1,
        level=1,
        levels=[
            LevelView(
                "Manager",
                "any",
                ["manager"],
                [DecisionView("bo", "manager", True, "Fine.", "web", AT)],
                seats=[Seat("manager", "manager")],
                opened_at=AT,
                escalate_at=LATER,
            )
        ],
        deadline_at=LATER,
        covers=[COVER],
        rounds=[RoundView(1, "Two weeks", "", None, "2027-05-03", "2027-05-14", AT, ANN, 1)],
        attachments=[AttachmentView("a1", "offer.pdf", 12, "ab" * 32, "employee", AT)],
        trail=[TrailEntry(1, AT, "employee", "", "web", "submitted", 1)],
        changes=[Change(1, "submitted", "employee", "", "web", AT, "It was asked.")],
        caller=Caller("order-1"),
    ),
}


def to_json(value: Any) -> Any:
    return json.loads(default().payload_converter.to_payload(value).data)


@pytest.mark.parametrize("name", MESSAGES)
def test_golden(name: str) -> None:
    """Whoever changes this changes what foreign clients see: fields may be added, with defaults, and nothing else."""
    assert to_json(MESSAGES[name]) == GOLDEN[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_comes_back_as_it_went(name: str) -> None:
    message = MESSAGES[name]
    assert value_to_type(type(message), GOLDEN[name]) == message
    assert from_json(type(message), GOLDEN[name]) == message


@pytest.mark.parametrize(
    ("cls", "least"),
    [
        (DecisionInput, {"approved": True, "state_version": 1}),
        (CommentInput, {"text": "Hello"}),
        (ChangesInput, {"comment": "Shorter", "state_version": 1}),
        (ResubmitInput, {"title": "One week", "description": ""}),
        (DelegationInput, {"to": "bo", "until": "2026-11-28T12:00:00Z"}),
        (WithdrawalInput, {}),
    ],
)
def test_the_fields_of_the_contract_are_enough(cls: type, least: dict[str, Any]) -> None:
    message = value_to_type(cls, least)
    message.check()
    assert message.by.door == Door.CLI


def request(**more: Any) -> ApprovalInput:
    return ApprovalInput(
        **{"request_id": "REQ-1", "kind": "leave", "title": "T", "requester": "employee", "policy": POLICY, **more}
    )


def policy(**more: Any) -> PolicySnapshot:
    return PolicySnapshot(**{"policy_id": "1", "name": "P", "version": 1, "levels": [LEVEL], **more})


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (DecisionInput(True, -1), "state_version"),
        (DecisionInput(True, 1, "x" * 4_001), "comment"),
        (DecisionInput(True, 1, "", By("x", "window")), "by.door"),
        (DecisionInput(True, 1, "", ANN, "a b"), "on_behalf_of"),
        (CommentInput(" "), "text"),
        (CommentInput("a\0b"), "text"),
        (ChangesInput("", 1), "comment"),
        (ResubmitInput("", ""), "title"),
        (ResubmitInput("T", "", 0), "amount_cents"),
        (ResubmitInput("T", "", starts_on="tomorrow"), "starts_on"),
        (ResubmitInput("T", "", starts_on="2027-05-14", ends_on="2027-05-03"), "ends_on"),
        (DelegationInput("b o", LATER), "to"),
        (DelegationInput("bo", datetime(2026, 1, 1)), "until"),
        (DelegationInput("bo", AT, starts_at=LATER), "until"),
        (AttachmentInput("a", "n", 0, "ab" * 32), "size"),
        (AttachmentInput("a", "n", 1, "../etc"), "sha256"),
        (request(title=""), "title"),
        (request(requester="some body"), "requester"),
        (request(currency="dollar"), "currency"),
        (request(requester="manager"), "policy.levels.0"),
        (request(policy=policy(levels=[])), "policy.levels"),
        (request(policy=policy(min_cents=100), amount_cents=99), "amount_cents"),
        (request(policy=policy(max_cents=100), amount_cents=100), "amount_cents"),
        (request(policy=policy(working_hours=WorkingHours(zone="Mars/Olympus"))), "working_hours.zone"),
        (request(policy=policy(levels=[PolicyLevel("L", [])])), "policy.levels.0.seats"),
        (request(policy=policy(levels=[PolicyLevel("L", [Seat("a"), Seat("a")])])), "policy.levels.0.seats"),
        (
            request(policy=policy(levels=[PolicyLevel("L", [Seat("a")], rule="n_of_m", needed=2)])),
            "policy.levels.0.needed",
        ),
        (
            request(policy=policy(levels=[PolicyLevel("L", [Seat("a")], at_expiry="escalate")])),
            "policy.levels.0.escalate_to",
        ),
        (BulkInput("j", "a", True, "", []), "items"),
    ],
)
def test_refuses_and_names_the_field(message: Any, field: str) -> None:
    with pytest.raises(InvalidField) as problem:
        message.check()
    assert problem.value.field == field


def test_annotations_are_types() -> None:
    """The converter reads them for each object that it decodes; as texts that took four times as long."""
    dataclasses = [value for value in vars(contract).values() if isinstance(value, type) and is_dataclass(value)]
    texts = {(cls.__name__, field.name) for cls in dataclasses for field in fields(cls) if isinstance(field.type, str)}
    assert texts == set()


def test_ids() -> None:
    assert approval_workflow_id("REQ-20261121-120000-7f3a") == "approval-REQ-20261121-120000-7f3a"
    assert is_request_id("REQ-20261121-120000-7f3a")
    assert not is_request_id("ORD-20261121-120000-7f3a")


def test_mentions() -> None:
    assert mentioned("@ann, ask @bo.ny and @ann! mail@example.com (@cy)") == ["ann", "bo.ny", "cy"]


@pytest.mark.parametrize(
    "module", ["approvals.contract", "approvals.workflows", "approvals.bulk_workflow", "temporal_worker.keeper"]
)
def test_imports_no_django(module: str) -> None:
    code = f"import sys; import {module}; sys.exit(any(m.split('.')[0] == 'django' for m in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)
