"""Imports of contacts: a file is handed in, its stages are told to go on, it may be cancelled; once for each key."""

import hashlib
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import IO, BinaryIO, cast

import structlog
from django.contrib.auth.models import User
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from campaigns import import_projection
from campaigns.contract import (
    AUDIENCE_IMPORT_WORKFLOW_TYPE,
    TASK_QUEUE,
    By,
    Door,
    ImportCancelInput,
    ImportInput,
    ImportStage,
    ImportView,
    StageInput,
    import_workflow_id,
)
from campaigns.imports import MAX_BYTES, FileProblem, write_problems
from campaigns.imports.sampling import read_sample
from campaigns.models import AudienceImport
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowAlreadyStarted, WorkflowCompleted, WorkflowNotFound
from temporal_worker.keys import digest, update_id
from temporal_worker.models import ChangeCounter
from temporal_worker.problems import (
    InvalidRequest,
    KeyReused,
    NotFound,
    NotPermitted,
    Refused,
    Unavailable,
    naming_the_field,
)
from temporal_worker.snapshots import to_json

IMPORT = "campaigns.edit_campaign"
SEE = "campaigns.view_audienceimport"
START_AGAIN_AFTER = timedelta(seconds=5)
CHUNK = 256 * 1024

_SIGNALS = {
    ImportStage.VALIDATE: "notify_validation_complete",
    ImportStage.TRANSFORM: "notify_transform_complete",
}

log = structlog.get_logger(__name__)


class ImportNotFound(NotFound):
    """There is no such import, or none that this person may see."""

    def __init__(self, import_id: str) -> None:
        super().__init__(f"There is no import {import_id}.")


def start_import(
    *,
    user: User,
    door: Door,
    file: IO[bytes],
    name: str,
    key: str,
    mapping: dict[str, str] | None = None,
    unattended: bool = False,
    asks_columns: bool = False,
) -> ImportView:
    """Hand a CSV file in, once for each key. ``mapping`` says what columns mean whose headings do not say it themselves.

    It is read and checked, and then waits for :func:`go_on`, twice; ``unattended`` it goes through by itself. With
    ``asks_columns`` it begins with :func:`campaigns.gateway.uploads.begin`, which says what the columns mean.

    Raises:
        NotPermitted, KeyReused
        InvalidRequest: ``file`` is empty or too large, or has no header; ``mapping``
        Unavailable: the file is kept and its import starts by itself later; a repeat with the key finds it.
    """
    require_right(user)
    size, sha256 = _measure(file)
    if asks_columns:
        _require_header(file)
    own_name = " ".join(name.replace("\\", "/").rpartition("/")[2].split())[-200:]
    request_hash = digest([own_name, sha256, mapping or {}, unattended])
    key = f"{user.get_username()}:{key}"
    row = _row_of_key(key, request_hash)
    if row is None:
        start = ImportInput(_new_import_id(), own_name, mapping or {}, unattended, by=By(user.get_username(), door))
        with naming_the_field():
            start.check()
        status = AudienceImport.UPLOADED if asks_columns else AudienceImport.Status.STARTING
        row = _write_row(start, file, size, key, request_hash, status)
    if row.status == AudienceImport.Status.STARTING:
        start_workflow_of(row)
    return import_projection.load_view(row)


def _measure(file: IO[bytes]) -> tuple[int, str]:
    """Size in bytes and SHA-256; the file is at its start before and after."""
    size, sha256 = 0, hashlib.sha256()
    file.seek(0)
    while chunk := file.read(CHUNK):
        size += len(chunk)
        if size > MAX_BYTES:
            raise InvalidRequest("file", f"The file has more than {MAX_BYTES // (1024 * 1024)} MB.")
        sha256.update(chunk)
    if not size:
        raise InvalidRequest("file", "The file is empty.")
    file.seek(0)
    return size, sha256.hexdigest()


def _require_header(file: IO[bytes]) -> None:
    """Nobody can be asked what the columns mean of a file that has none."""
    try:
        read_sample(cast(BinaryIO, file))
    except FileProblem as problem:
        raise InvalidRequest("file", str(problem)) from None
    file.seek(0)


def _row_of_key(key: str, request_hash: str) -> AudienceImport | None:
    row = AudienceImport.objects.filter(idempotency_key=key).first()
    if row is not None and row.request_hash != request_hash:
        raise KeyReused
    return row


def _new_import_id() -> str:
    return f"IMP-{timezone.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _write_row(
    start: ImportInput, file: IO[bytes], size: int, key: str, request_hash: str, status: str
) -> AudienceImport:
    """The import's row and file. Two writers of one key meet in the database; the loser's file goes again."""
    for _ in range(20):
        file.seek(0)
        row = AudienceImport(
            import_id=start.import_id,
            status=status,
            name=start.name,
            size=size,
            created_by=start.by.username,
            idempotency_key=key,
            request_hash=request_hash,
            start_input=to_json(start),
        )
        # Before the transaction: 100 MB are not written while the database waits.
        row.file.save(start.name, File(file), save=False)
        try:
            with transaction.atomic():
                row.change = ChangeCounter.bump(import_projection.COUNTER)
                row.save(force_insert=True)
        except IntegrityError:
            row.file.delete(save=False)
            if row_of_key := _row_of_key(key, request_hash):
                return row_of_key
            start = ImportInput(_new_import_id(), start.name, start.mapping, start.unattended, by=start.by)
        else:
            return row
    raise Unavailable("No free import number was found; try again.", retry_after=1)


def start_workflow_of(row: AudienceImport) -> None:
    """Start what is kept in the row, once. Raises Unavailable: it starts by itself later."""
    start, upload = import_projection.load_input(row)
    starting = client.start_workflow(
        AUDIENCE_IMPORT_WORKFLOW_TYPE,
        start,
        id=import_workflow_id(row.import_id),
        task_queue=TASK_QUEUE,
        # With the start: a crash in between would leave an import that waits for a file that is there.
        start_signal="notify_upload_complete",
        start_signal_args=[upload],
        static_summary=f"Import {row.name}"[:200],
    )
    try:
        client.call(starting)
    except WorkflowAlreadyStarted:
        return
    except TemporalUnavailable as error:
        raise Unavailable(
            f"{error} The file is kept and its import {row.import_id} starts by itself; sending it again does nothing twice.",
            error.retry_after,
        ) from error


def finish_starting_imports() -> None:
    """Start what was handed in and not started; stops at the first when Temporal is out of reach."""
    rows = AudienceImport.objects.filter(
        status=AudienceImport.Status.STARTING, created_at__lt=timezone.now() - START_AGAIN_AFTER
    ).exclude(file="")
    for row in rows.order_by("pk")[:100]:
        try:
            start_workflow_of(row)
        except Unavailable as problem:
            log.warning("imports_wait_for_temporal", import_id=row.import_id, problem=problem.detail)
            return


def go_on(import_id: str, stage: ImportStage, *, user: User, door: Door) -> ImportView:
    """Say that ``stage`` (validate or transform) is complete. Safe to repeat; the answer may be from before it.

    Raises:
        NotPermitted, ImportNotFound, Unavailable
        Refused: its work is not done yet (``not_yet``), or the import is over
    """
    require_right(user)
    view = read_import(import_id, user)
    order = list(ImportStage)
    if view.is_final:
        raise Refused(view.status, f"The import is {view.status} already.")
    if order.index(stage) > order.index(ImportStage(view.stage)) or (stage == view.stage and not view.is_waiting):
        raise Refused("not_yet", f"The import has not done its work of the stage {stage.value} yet.")
    if stage in view.told or stage not in _SIGNALS:
        return view
    telling = client.signal(import_workflow_id(import_id), _SIGNALS[stage], StageInput(By(user.get_username(), door)))
    try:
        client.call(telling)
    except WorkflowNotFound as error:
        raise ImportNotFound(import_id) from error
    except WorkflowCompleted as error:
        raise Refused("completed", "The import is over.") from error
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    return read_import(import_id, user)


def cancel_import(import_id: str, *, user: User, door: Door, reason: str, key: str) -> ImportView:
    """Nothing of the file is kept.

    Raises:
        NotPermitted, ImportNotFound, InvalidRequest, Unavailable
        Refused: contacts are being written (``finalising``), or the import is over
    """
    require_right(user)
    view = read_import(import_id, user)
    if view.is_final:
        # Its row says so already: nobody waits for a workflow that is just ending.
        raise Refused(view.status, f"The import is {view.status} already.")
    message = ImportCancelInput(reason.strip(), By(user.get_username(), door))
    with naming_the_field():
        message.check()
    asking = client.execute_update(
        import_workflow_id(import_id),
        "cancel",
        message,
        update_id=update_id(message.by, key, "cancel", message),
        result_type=ImportView,
    )
    try:
        return client.call(asking)
    except WorkflowNotFound as error:
        raise ImportNotFound(import_id) from error
    except WorkflowCompleted as error:
        view = read_import(import_id, user)
        raise Refused(view.status, "The import is over.") from error
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    except ApplicationError as error:
        raise Refused(error.type or "refused", error.message) from error


def read_import(import_id: str, user: User) -> ImportView:
    """The import as its row has it, which is at most a moment behind. Raises ImportNotFound."""
    return import_projection.load_view(visible(import_id, user))


def read_problems(import_id: str, user: User) -> Iterator[str]:
    """The lines of the CSV file of what is wrong with the import's file, by row. Raises ImportNotFound."""
    return write_problems(visible(import_id, user))


def visible(import_id: str, user: User) -> AudienceImport:
    """The import's row. Raises ImportNotFound, also when it is not for this person."""
    row = AudienceImport.objects.filter(import_id=import_id).first()
    if row is None or not user.is_active or not (user.has_perm(SEE) or user.has_perm(IMPORT)):
        raise ImportNotFound(import_id)
    return row


def require_right(user: User) -> None:
    """Raises NotPermitted."""
    if not user.is_active:
        raise NotPermitted("account_closed", "This account is closed.")
    if not user.has_perm(IMPORT):
        raise NotPermitted("no_right", "Importing contacts needs a right that you do not have.")
