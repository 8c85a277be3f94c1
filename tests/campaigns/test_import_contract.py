"""Messages of imports and welcomes, to the letter: golden JSON, what is enough, and what they refuse."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.converter import default, value_to_type

from campaigns.contract import (
    By,
    Door,
    ImportCancelInput,
    ImportInput,
    ImportNote,
    ImportStage,
    ImportStatus,
    ImportView,
    InvalidField,
    LanguageInput,
    StageInput,
    UploadInput,
    WelcomeInput,
    WelcomeMemory,
    import_workflow_id,
    known_language,
    welcome_workflow_id,
)
from campaigns.models import AudienceImport
from temporal_worker.messages import check_json
from temporal_worker.snapshots import from_json

GOLDEN_FILE = Path(__file__).parent / "golden_import_messages.json"
GOLDEN = json.loads(GOLDEN_FILE.read_text())
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ANN = By("ann", Door.WEB)
VIEW = ImportView(
    status="running",
    stage="validate",
    version=7,
    rows_total=500,
    rows_done=488,
    rows_rejected=12,
    import_id="IMP-20261121-120000-7f3a",
    workflow_id="import-IMP-20261121-120000-7f3a",
    name="contacts.csv",
    location="imports/a.csv",
    is_waiting=True,
    bytes_done=9_000,
    bytes_total=9_000,
    actions={"create": 480, "update": 8, "unchanged": 0},
    told=["upload"],
    dropped=["notify_upload_complete: location: is missing"],
    by=ANN,
    started_at=AT,
    waiting_since=AT,
)
MESSAGES: dict[str, Any] = {
    "UploadInput": UploadInput("imports/a.csv", 9_000),
    "StageInput": StageInput(ANN),
    "ImportCancelInput": ImportCancelInput("The wrong file.", ANN),
    "ImportNote": ImportNote("validate", 400, 12, 8_000, 9_000, 2),
    "ImportView": VIEW,
    "ImportInput": ImportInput("IMP-1", "contacts.csv", {"Kundennummer": "user_id"}, True, 3_600, ANN, VIEW, True),
    "LanguageInput": LanguageInput("de"),
    "WelcomeInput": WelcomeInput(
        "USER-001", "de", "email", 60, "09:00", "20:00", "Europe/Berlin", 3, ANN,
        WelcomeMemory("USER-001", "waiting", 4, "de", True, True, "Europe/Berlin", AT, AT, 1, 1, "email", "cap_day", ["de"]), 40,
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
    check_json(type(MESSAGES[name]), GOLDEN[name])
    assert value_to_type(type(MESSAGES[name]), GOLDEN[name]) == MESSAGES[name]
    assert from_json(type(MESSAGES[name]), GOLDEN[name]) == MESSAGES[name]


def test_progress_has_the_fields_of_the_contract_first() -> None:
    assert list(asdict(VIEW))[:6] == ["status", "stage", "version", "rows_total", "rows_done", "rows_rejected"]


@pytest.mark.parametrize(
    ("cls", "least"),
    [
        (UploadInput, {"location": "imports/a.csv"}),
        (StageInput, {}),
        (ImportCancelInput, {}),
        (ImportInput, {"import_id": "IMP-1"}),
        (LanguageInput, {"language": "de"}),
        (WelcomeInput, {"user_id": "USER-001"}),
    ],
)
def test_the_fields_of_the_contract_are_enough(cls: type, least: dict[str, Any]) -> None:
    check_json(cls, least)
    value_to_type(cls, least).check()


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (UploadInput(" "), "location"),
        (UploadInput("a\nb\0"), "location"),
        (UploadInput("a.csv", -1), "size"),
        (ImportInput(""), "import_id"),
        (ImportInput("x" * 65), "import_id"),
        (ImportInput("I", waits_seconds=0), "waits_seconds"),
        (ImportInput("I", mapping={"a": "x" * 501}), "mapping"),
        (ImportInput("I", mapping={str(n): "" for n in range(101)}), "mapping"),
        (ImportNote("nonsense", 1), "stage"),
        (ImportNote("validate", -1), "rows_done"),
        (ImportCancelInput(by=By("x", "window")), "by.door"),
        (WelcomeInput(""), "user_id"),
        (WelcomeInput("U", channel="fax"), "channel"),
        (WelcomeInput("U", delay_seconds=-1), "delay_seconds"),
        (WelcomeInput("U", spread_seconds=21_601), "spread_seconds"),
        (WelcomeInput("U", day_starts="8"), "day_starts"),
        (WelcomeInput("U", day_ends="25:00"), "day_ends"),
        (WelcomeInput("U", day_starts="09:00", day_ends="09:00"), "day_starts"),
        (WelcomeInput("U", time_zone="Mars/Olympus"), "time_zone"),
        (LanguageInput("x" * 36), "language"),
    ],
)
def test_refuses_and_names_the_field(message: Any, field: str) -> None:
    with pytest.raises(InvalidField) as problem:
        message.check()
    assert problem.value.field == field


@pytest.mark.parametrize(
    ("tag", "language"),
    [("de", "de"), ("de-AT", "de"), (" EN_us", "en"), ("deu", None), ("", None), (None, None), ("-de", None)],
)
def test_a_tags_language(tag: str | None, language: str | None) -> None:
    assert known_language(tag) == language


def test_words_are_those_of_the_rows() -> None:
    assert {one.value for one in ImportStage} == set(AudienceImport.Stage.values)
    assert {one.value for one in ImportStatus} | {"starting"} == set(AudienceImport.Status.values)


def test_ids() -> None:
    assert import_workflow_id("IMP-1") == "import-IMP-1"
    assert welcome_workflow_id("USER-001") == "welcome-USER-001"
