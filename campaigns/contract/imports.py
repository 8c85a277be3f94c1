"""An import of contacts: what it starts from, what it is told, how it is seen, and what its activities are given."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from campaigns.contract.words import MAX_ID, MAX_REASON
from temporal_worker.contract import By, InvalidField, check_number, check_text

AUDIENCE_IMPORT_WORKFLOW_TYPE = "AudienceImportWorkflow"

MAX_LOCATION = 500
MAX_FILE_NAME = 200
MAX_COLUMNS_MAPPED = 100
DAY_SECONDS = 24 * 3_600

IMPORT_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""What an import's address takes: ``IMP-…``, and most of what an import may be called that is started at Temporal."""

FILE_PROBLEM = "FileProblem"
"""Type of the failure of an activity that found the file unusable; its message is for who sent the file."""


class ImportStatus(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self != ImportStatus.RUNNING


class ImportStage(StrEnum):
    """In their order. An import stays in a stage until it is told that the stage is complete."""

    UPLOAD = "upload"
    VALIDATE = "validate"
    TRANSFORM = "transform"
    FINALISE = "finalise"
    DONE = "done"


class ImportRefusal(StrEnum):
    """Why an import refuses an update: the type of its failure."""

    FINALISING = "finalising"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


def import_workflow_id(import_id: str) -> str:
    """The workflow id of an import, ``import-<import_id>``."""
    return f"import-{import_id}"


def is_import_id(text: str) -> bool:
    """Whether an import's address can hold it."""
    return re.fullmatch(IMPORT_ID, text) is not None


@dataclass
class ImportView:
    """An import as everybody outside sees it: the answer of ``get_progress``, and what one run hands to the next.

    ``rows_total`` are the rows read so far, from the end of ``validate`` on those of the file. ``rows_done`` are the good
    ones that have passed the work of ``stage``, so that at its end ``rows_done + rows_rejected == rows_total``.
    ``bytes_done`` of ``bytes_total`` is how far the file has been read.
    """

    status: str
    stage: str
    version: int
    rows_total: int = 0
    rows_done: int = 0
    rows_rejected: int = 0
    import_id: str = ""
    workflow_id: str = ""
    name: str = ""
    location: str = ""
    is_waiting: bool = True
    """The stage's own work is done; what is missing is the word to go on."""
    bytes_done: int = 0
    bytes_total: int = 0
    actions: dict[str, int] = field(default_factory=dict)
    """After ``transform``: how many rows would ``create``, ``update`` or leave ``unchanged`` a contact."""
    problem: str = ""
    """Why it failed, or was cancelled, in words."""
    told: list[str] = field(default_factory=list)
    """The stages whose signal has come, also when it came early."""
    dropped: list[str] = field(default_factory=list)
    """Signals that made no sense, the last few."""
    by: By = field(default_factory=By)
    started_at: datetime | None = None
    waiting_since: datetime | None = None
    closed_at: datetime | None = None
    greeted: int = 0
    """New contacts whose welcome has begun."""

    @property
    def is_final(self) -> bool:
        return self.status != ImportStatus.RUNNING


@dataclass(frozen=True)
class ImportInput:
    """What an import starts from.

    ``mapping`` says what the file's columns mean, by heading, where the heading does not say it itself. ``unattended``
    imports take the end of their own work for the signals of ``validate`` and ``transform``. One that is told nothing for
    ``waits_seconds`` is cancelled. ``resume`` is what the run before hands over. With ``greets``, contacts that were not
    there before are greeted when all are written.
    """

    import_id: str
    name: str = ""
    mapping: dict[str, str] = field(default_factory=dict)
    unattended: bool = False
    waits_seconds: int = 7 * DAY_SECONDS
    by: By = field(default_factory=By)
    resume: ImportView | None = None
    greets: bool = False

    def check(self) -> None:
        check_text("import_id", self.import_id, most=64, required=True)
        check_text("name", self.name, most=MAX_FILE_NAME)
        check_number("waits_seconds", self.waits_seconds, least=1, most=366 * DAY_SECONDS)
        check_mapping(self.mapping)
        self.by.check()


def check_mapping(mapping: dict[str, str]) -> None:
    check_number("mapping", len(mapping), least=0, most=MAX_COLUMNS_MAPPED)
    for heading, meaning in mapping.items():
        check_text("mapping", heading, most=MAX_REASON)
        check_text("mapping", meaning, most=MAX_REASON)


@dataclass(frozen=True)
class UploadInput:
    """``notify_upload_complete``: the file is there. ``location`` is its name in the storage, ``imports/….csv``."""

    location: str
    size: int = 0

    def check(self) -> None:
        check_text("location", self.location, most=MAX_LOCATION, required=True)
        if self.size < 0:
            raise InvalidField("size", "must not be negative")


@dataclass(frozen=True)
class StageInput:
    """``notify_validation_complete`` and ``notify_transform_complete``: go on. May be left out."""

    by: By = field(default_factory=By)

    def check(self) -> None:
        self.by.check()


@dataclass(frozen=True)
class ImportCancelInput:
    """``cancel``: nothing of the file is kept. Refused once contacts are being written."""

    reason: str = ""
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("reason", self.reason, most=MAX_REASON)
        self.by.check()


@dataclass(frozen=True)
class ImportNote:
    """``note_progress``, a signal of the import's own activities: how far their work has come."""

    stage: str
    rows_done: int
    rows_rejected: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    attempt: int = 1
    greeted: int = 0
    """New contacts whose welcome has begun; then the note is about nothing else."""

    def check(self) -> None:
        if self.stage not in set(ImportStage):
            raise InvalidField("stage", f"must be one of {', '.join(ImportStage)}")
        for name in ("rows_done", "rows_rejected", "bytes_done", "bytes_total", "attempt", "greeted"):
            if getattr(self, name) < 0:
                raise InvalidField(name, "must not be negative")


@dataclass(frozen=True)
class StageRequest:
    """What the activities of the stages are given."""

    import_id: str
    location: str
    stage: str
    mapping: dict[str, str] = field(default_factory=dict)
    name: str = ""
    username: str = ""
    rows_total: int = 0


@dataclass(frozen=True)
class StageResult:
    """What a stage's work came to. Rows as in :class:`ImportView`; ``actions`` after ``transform`` only."""

    rows_total: int
    rows_done: int
    rows_rejected: int
    actions: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class GreetInput:
    """The new contacts of an import are greeted; ``by`` is who handed it in."""

    import_id: str
    by: By = field(default_factory=By)


@dataclass(frozen=True)
class TidyInput:
    """An import is over: its file and its staged rows go. ``keep_problems``: they can be downloaded from now on, too."""

    import_id: str
    location: str
    keep_problems: bool = True


@dataclass(frozen=True)
class ImportResult:
    import_id: str
    status: str
    rows_total: int = 0
    rows_done: int = 0
    rows_rejected: int = 0
    problem: str = ""

    def check(self) -> None:
        check_text("import_id", self.import_id, most=MAX_ID, required=True)
