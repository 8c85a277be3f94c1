"""The campaign area's messages about one person, to the letter: golden JSON, what they refuse, and that none knows Django."""

import json
import subprocess
import sys
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.converter import default, value_to_type

from campaigns import contract
from campaigns.contract import (
    ActorMemory,
    ActorView,
    By,
    CapPolicy,
    Change,
    ChannelView,
    DecisionEntry,
    Door,
    FrequencyCapInput,
    InvalidField,
    MessageSentInput,
    OptOut,
    OptOutInput,
    Preferences,
    PreferencesInput,
    QuietHours,
    ReleaseInput,
    RunView,
    Said,
    SendDecision,
    SendGrant,
    SendRecord,
    SendRequest,
    UserActorInput,
    grant_id_for,
    user_actor_workflow_id,
)
from temporal_worker.messages import check_json
from temporal_worker.snapshots import from_json

GOLDEN_FILE = Path(__file__).parent / "golden_actor_messages.json"
GOLDEN = json.loads(GOLDEN_FILE.read_text())
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
ANN = By("ann", Door.WEB)
GRANT = "CMP-20261121-120000-7f3a:1:USER-001"
POLICY = CapPolicy(
    version=7,
    max_per_day=3,
    min_hours_between=2,
    window="calendar",
    per_channel={"sms": 1, "push": None},
    per_category={"news": 0},
    quiet_hours=QuietHours("21:00", "08:00"),
    count_transactional=True,
    time_zone="Europe/Berlin",
)
SEND = SendRecord(GRANT, "CMP-20261121-120000-7f3a", "email", AT, "marketing", False, 7)
OWN_QUIET, SAID_AT = QuietHours("22:00", "09:30"), {"locale": AT}
PREFERENCES = Preferences(
    "Europe/Berlin", "de", [OptOut("sms", "")], ["push"], LATER, AT, ANN, 168, OWN_QUIET, SAID_AT
)  # fmt: skip
DECISION = SendDecision(
    allowed=False,
    code="cap_day",
    reason="3 of 3 messages of this day are used up.",
    rule="max_per_day",
    limit=3,
    count=3,
    used_by=[GRANT],
    next_allowed_at=LATER,
    policy_version=7,
    also=["quiet_hours"],
    changes=[Change("max_per_day", "3", "4")],
    grant_id="G-2",
    channel="email",
    category="marketing",
    at=AT,
)
ENTRY = DecisionEntry(AT, "granted", "1 of 3.", GRANT, "CMP-20261121-120000-7f3a", "email", "marketing", False, True, 7)

MESSAGES: dict[str, Any] = {
    "SendRequest": SendRequest(GRANT, "CMP-20261121-120000-7f3a", "email", "marketing", POLICY, asked_at=AT),
    "SendDecision": DECISION,
    "SendGrant": SendGrant(GRANT, "email", "marketing", AT, 7, "CMP-20261121-120000-7f3a"),
    "ReleaseInput": ReleaseInput(GRANT, "The mail server refused it."),
    "MessageSentInput": MessageSentInput("shop-1", "email", "orders", AT, True),
    "PreferencesInput": PreferencesInput(
        "Europe/Berlin", "de", ["sms"], ["news"], LATER, ANN, [OptOut("sms", "")], ["push"], quiet_hours=OWN_QUIET, said_at=AT
    ),
    "FrequencyCapInput": FrequencyCapInput(version=1, max_per_day=1, by=ANN),
    "OptOut": OptOut("email", "marketing"),
    "OptOutInput": OptOutInput("email", "marketing", recorded=True),
    "Said": Said("USER-001", 9, AT, opt_out=OptOut("email", "marketing")),
    "UserActorInput": UserActorInput(
        "USER-001",
        PREFERENCES,
        [SEND],
        ["CMP-1:1:USER-001"],
        POLICY,
        POLICY,
        500,
        ActorMemory(9, PREFERENCES, POLICY, None, [SEND], "AAECAwQFBgc=", [ENTRY], ["key-1"], 3),
        version=9,
    ),
    "ActorView": ActorView(
        user_id="USER-001",
        workflow_id="user-actor-USER-001",
        version=9,
        cap=POLICY,
        sends_in_window=[SEND],
        opted_out_channels=["sms"],
        next_allowed_at={"email": LATER, "sms": None},
        decisions=[ENTRY],
        at=AT,
        preferences=PREFERENCES,
        policy=POLICY,
        count=1,
        window_starts_at=AT,
        window_ends_at=LATER,
        channels=[ChannelView("email", 1, 3, DECISION)],
        run=RunView(3, AT, 12, 500, 64, 9_000),
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


LEAST_REQUEST = {
    "grant_id": "G",
    "campaign_id": "C",
    "channel": "email",
    "category": "marketing",
    "transactional": False,
    "policy": {"version": 1, "max_per_day": 3, "min_hours_between": None, "window": "rolling", "per_channel": None,
               "per_category": None, "quiet_hours": {"start": "21:00", "end": "08:00"}, "count_transactional": True},
}  # fmt: skip


@pytest.mark.parametrize(
    ("cls", "least"),
    [
        (SendRequest, LEAST_REQUEST),
        (CapPolicy, {"version": 1}),
        (FrequencyCapInput, {"max_per_day": 1, "min_hours_between": 4}),
        (ReleaseInput, {"grant_id": "G", "reason": "bounced"}),
        (PreferencesInput, {"time_zone": "Europe/Berlin"}),
        (PreferencesInput, {"opted_out_channels": ["sms"], "paused_until": None}),
        (MessageSentInput, {"message_id": "m", "channel": "sms", "category": "x", "sent_at": "2026-11-21T12:00:00Z"}),
        (OptOut, {"channel": "email"}),
        (OptOut, {"channel": None, "category": "news"}),
        (OptOutInput, {"channel": "email"}),
        (UserActorInput, {"user_id": "USER-001"}),
    ],
)
def test_the_fields_of_the_contract_are_enough(cls: type, least: dict[str, Any]) -> None:
    check_json(cls, least)
    value_to_type(cls, least).check()


def test_a_pause_is_left_ended_or_set() -> None:
    left, ended, set_ = ({}, {"paused_until": None}, {"paused_until": "2026-11-22T07:00:00Z"})
    read = [value_to_type(PreferencesInput, message).paused_until for message in (left, ended, set_)]
    assert read == ["unchanged", None, LATER]


def request(**more: Any) -> SendRequest:
    return SendRequest(
        **{"grant_id": "G", "campaign_id": "C", "channel": "email", "category": "m", "policy": POLICY, **more}
    )


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (request(grant_id=""), "grant_id"),
        (request(grant_id="x" * 201), "grant_id"),
        (request(channel=" "), "channel"),
        (request(category=""), "category"),
        (request(asked_at=datetime(2026, 1, 1)), "asked_at"),
        (request(asked_at=datetime(1, 1, 1, tzinfo=UTC)), "asked_at"),
        (request(policy=CapPolicy(version=-1)), "policy.version"),
        (CapPolicy(1, max_per_day=-1), "max_per_day"),
        (CapPolicy(1, max_per_day=1_001), "max_per_day"),
        (CapPolicy(1, min_hours_between=-0.5), "min_hours_between"),
        (CapPolicy(1, min_hours_between=float("nan")), "min_hours_between"),
        (CapPolicy(1, window="weekly"), "window"),
        (CapPolicy(1, per_channel={"sms": -1}), "per_channel.sms"),
        (CapPolicy(1, per_category={"": 1}), "per_category"),
        (CapPolicy(1, quiet_hours=QuietHours("9", "17:00")), "quiet_hours.start"),
        (CapPolicy(1, quiet_hours=QuietHours("21:00", "24:00")), "quiet_hours.end"),
        (CapPolicy(1, quiet_hours=QuietHours("21:00", "21:00")), "quiet_hours.end"),
        (CapPolicy(1, time_zone="Mars/Olympus"), "time_zone"),
        (FrequencyCapInput(by=By("x", "window")), "by.door"),
        (ReleaseInput(""), "grant_id"),
        (MessageSentInput("", "sms", "x", AT), "message_id"),
        (MessageSentInput("m", "sms", "x", datetime(2026, 1, 1)), "sent_at"),
        (PreferencesInput(time_zone="Mars/Olympus"), "time_zone"),
        (PreferencesInput(time_zone="../etc/passwd"), "time_zone"),
        (PreferencesInput(opted_out_channels=[""]), "opted_out_channels"),
        (PreferencesInput(opted_out_categories=["x"] * 101), "opted_out_categories"),
        (PreferencesInput(paused_until=datetime(2026, 1, 1)), "paused_until"),
        (PreferencesInput(opt_outs=[OptOut("x" * 61)]), "opt_outs.channel"),
        (OptOut(category="a\0b"), "category"),
        (UserActorInput(""), "user_id"),
        (UserActorInput("U", renew_after=0), "renew_after"),
        (UserActorInput("U", sends=[SendRecord("", "", "sms", AT)]), "sends.0.grant_id"),
        (UserActorInput("U", preferences=Preferences("Nowhere")), "preferences.time_zone"),
        (UserActorInput("U", own_cap=CapPolicy(1, max_per_day=-1)), "own_cap.max_per_day"),
    ],
)
def test_refuses_and_names_the_field(message: Any, field: str) -> None:
    with pytest.raises(InvalidField) as problem:
        message.check()
    assert problem.value.field == field


def test_opt_outs_of_each_kind() -> None:
    one_of_each = [OptOut("sms"), OptOut(category="news"), OptOut("email", "offers")]
    preferences = Preferences(opt_outs=one_of_each)
    assert (preferences.opted_out_channels, preferences.opted_out_categories) == (["sms"], ["news"])
    assert OptOut("email", "offers").covers("email", "offers")
    assert not OptOut("email", "offers").covers("email", "news")
    assert OptOut(None, None).covers("email", "news")


def test_annotations_are_types() -> None:
    """The converter reads them for each object that it decodes; as texts that took four times as long."""
    dataclasses = [value for value in vars(contract).values() if isinstance(value, type) and is_dataclass(value)]
    texts = {(cls.__name__, field.name) for cls in dataclasses for field in fields(cls) if isinstance(field.type, str)}
    assert texts == set()


def test_ids() -> None:
    assert user_actor_workflow_id("USER-001") == "user-actor-USER-001"
    assert grant_id_for("CMP-1", 2, "USER-001") == "CMP-1:2:USER-001"
    assert grant_id_for("CMP-1", 2, "USER-001", 3) == "CMP-1:2:USER-001:3"


@pytest.mark.parametrize("module", ["campaigns.contract"])
def test_imports_no_django(module: str) -> None:
    code = f"import sys; import {module}; sys.exit(any(m.split('.')[0] == 'django' for m in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)
