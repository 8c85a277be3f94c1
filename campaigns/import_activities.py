"""The effects of an import. Each may run more than once; begun again, it goes on where it stopped.

Sync functions in the worker's thread pool. They are not interrupted in the middle of a batch: between two they ask whether
they are still wanted.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError

from campaigns import import_projection
from campaigns.contract import (
    FILE_PROBLEM,
    GreetInput,
    ImportNote,
    ImportStage,
    ImportView,
    StageRequest,
    StageResult,
    TidyInput,
)
from campaigns.gateway.import_notes import tell_progress
from campaigns.gateway.welcome import begin_greeting
from campaigns.imports import FileProblem, Progress, apply_rows, compare_rows, read_rows
from campaigns.imports.stages import new_contacts
from campaigns.models import AudienceImport, ImportProblem, StagedContact

FOLDER = "imports"
"""The only folder of the storage from which contacts are read: a location may come from anybody at Temporal."""
TELL_EVERY = 2.0
"""Seconds between two words about the progress, at least."""
MOST_TOLD = 100
"""Beyond so many the words become rarer, with the time that it takes: each costs history."""
TIDY_BATCH = 5_000
GREETINGS_A_SECOND = 10
"""Welcomes that begin in a second: each is a workflow, and a message in the end."""


@activity.defn(no_thread_cancel_exception=True)
def validate_import(request: StageRequest) -> StageResult:
    row = _row_of(request.import_id, request.name, request.username)
    with _open(request.location) as file:
        size = default_storage.size(request.location)
        report = _Reporter(request, lambda done: _note_of_reading(request, done, size))
        try:
            progress = read_rows(row, file, mapping=request.mapping, report=report)
        except FileProblem as problem:
            raise _file_problem(str(problem)) from None
    good = progress.rows_done - progress.rows_rejected
    return StageResult(progress.rows_done, good, progress.rows_rejected)


def _note_of_reading(request: StageRequest, done: Progress, size: int) -> ImportNote:
    good = done.rows_done - done.rows_rejected
    return ImportNote(request.stage, good, done.rows_rejected, done.position, size, activity.info().attempt)


@activity.defn(no_thread_cancel_exception=True)
def transform_import(request: StageRequest) -> StageResult:
    row = _row_of(request.import_id)
    actions = compare_rows(row, report=_Reporter(request))
    return _result(request, row, sum(actions.values()), actions)


@activity.defn(no_thread_cancel_exception=True)
def finalise_import(request: StageRequest) -> StageResult:
    row = _row_of(request.import_id)
    return _result(request, row, apply_rows(row, report=_Reporter(request)).rows_done)


def _result(
    request: StageRequest, row: AudienceImport, done: int, actions: dict[str, int] | None = None
) -> StageResult:
    return StageResult(request.rows_total, done, request.rows_total - done, actions or {})


@activity.defn(no_thread_cancel_exception=True)
def greet_new_contacts(request: GreetInput) -> int:
    """Begin the welcome of each contact that the import has made, so many a second; begun again, after the last one.

    Whether they may be greeted, and when, their actors say.
    """
    row = _row_of(request.import_id)
    begun, after = (int(each) for each in (*activity.info().heartbeat_details, 0, 0)[:2])
    began_at = told_at = time.monotonic()
    for staged in new_contacts(row, after):
        begin_greeting(staged.user_id, by=request.by, spread_seconds=begun // GREETINGS_A_SECOND)
        begun += 1
        activity.heartbeat(begun, staged.row)
        now = time.monotonic()
        if now - told_at >= max(TELL_EVERY, (now - began_at) / MOST_TOLD):
            told_at = now
            note = ImportNote(ImportStage.FINALISE, 0, greeted=begun, attempt=activity.info().attempt)
            tell_progress(request.import_id, note)
        if activity.is_cancelled():
            raise CancelledError("The import was cancelled.")
        activity.wait_for_cancelled_sync(1 / GREETINGS_A_SECOND)
    return begun


@activity.defn(no_thread_cancel_exception=True)
def tidy_import(tidy: TidyInput) -> None:
    """The file and the rows that were on their way: people's data, which nothing needs any more."""
    row = import_projection.row_of(tidy.import_id)
    if row is None:
        return  # nothing was ever kept of it, and its file is whoever's that put it there
    _delete(row.staged.all())
    if not tidy.keep_problems:
        _delete(row.problems.all())
    # A file that the row knows was written by us for this import alone.
    if row.file:
        row.file.delete(save=False)
        AudienceImport.objects.filter(pk=row.pk).update(file="")


def _delete(rows: "QuerySet[StagedContact] | QuerySet[ImportProblem]") -> None:
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:TIDY_BATCH]):
        rows.filter(pk__in=keys).delete()
        activity.heartbeat()


@activity.defn
def save_import(view: ImportView) -> None:
    import_projection.save(view)


def _row_of(import_id: str, name: str = "", username: str = "") -> AudienceImport:
    """Raises the failure that ends the import when it can have no page: nobody could see what it does."""
    row = import_projection.row_of(import_id, name, username)
    if row is None:
        raise _file_problem(
            "The import's id has to be letters, digits, dots, dashes and underscores: no page can have it."
        )
    return row


def _open(location: str) -> BinaryIO:
    """Raises the failure that ends the import when there is no such file of an import's."""
    path = PurePosixPath(location)
    if path.is_absolute() or path.parts[:1] != (FOLDER,) or ".." in path.parts:
        raise _file_problem(f"There is no file {location[:200]} in the storage's folder {FOLDER}.")
    with suppress(FileNotFoundError, IsADirectoryError, SuspiciousOperation, ValueError):
        return cast(BinaryIO, default_storage.open(location, "rb"))
    raise _file_problem(f"There is no file {location[:200]} in the storage.")


def _file_problem(words: str) -> ApplicationError:
    return ApplicationError(words, type=FILE_PROBLEM, non_retryable=True)


class _Reporter:
    """Told by a stage after each batch: heartbeats, stops a stage that is no longer wanted, tells the import at times."""

    def __init__(self, request: StageRequest, note: Callable[[Progress], ImportNote] | None = None) -> None:
        self._request = request
        self._note = note or self._plain_note
        self._began = self._told_at = time.monotonic()

    def _plain_note(self, done: Progress) -> ImportNote:
        return ImportNote(self._request.stage, done.rows_done, attempt=activity.info().attempt)

    def __call__(self, done: Progress) -> None:
        activity.heartbeat(done.rows_done)
        if activity.is_cancelled():
            raise CancelledError("The import was cancelled.")
        now = time.monotonic()
        if now - self._told_at >= max(TELL_EVERY, (now - self._began) / MOST_TOLD):
            self._told_at = now
            tell_progress(self._request.import_id, self._note(done))
