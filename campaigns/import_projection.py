"""The imports' rows in the database: written by their workflows' activity, read by pages and lists."""

import structlog
from django.db import transaction
from django.utils import timezone

from campaigns.contract import (
    By,
    Door,
    ImportInput,
    ImportStage,
    ImportStatus,
    ImportView,
    UploadInput,
    import_workflow_id,
    is_import_id,
)
from campaigns.models import AudienceImport
from temporal_worker.models import ChangeCounter
from temporal_worker.snapshots import from_json, to_json

COUNTER = "imports"

log = structlog.get_logger(__name__)


def save(view: ImportView) -> bool:
    """Write a version of an import. False, with nothing changed, when the row has a newer one already."""
    with transaction.atomic():
        known = row_of(view.import_id, view.name, view.by.username)
        if known is None:
            log.warning("import_without_address", import_id=view.import_id)
            return False
        row = AudienceImport.objects.select_for_update().get(pk=known.pk)
        if row.version >= view.version:
            return False
        row.version, row.status, row.stage = view.version, view.status, view.stage
        row.name = view.name or row.name
        row.rows_total, row.rows_done, row.rows_rejected = view.rows_total, view.rows_done, view.rows_rejected
        row.actions, row.problem, row.closed_at = view.actions, view.problem[:500], view.closed_at
        row.updated_at = timezone.now()
        row.snapshot = to_json(view)
        row.change = ChangeCounter.bump(COUNTER)
        # By name: the columns and the file are the stages' own, which may be writing them now.
        row.save(update_fields=[*_SAVED, "updated_at", "snapshot", "change"])
        return True


_SAVED = (
    "version",
    "status",
    "stage",
    "name",
    "rows_total",
    "rows_done",
    "rows_rejected",
    "actions",
    "problem",
    "closed_at",
)


def row_of(import_id: str, name: str = "", username: str = "") -> AudienceImport | None:
    """The import's row. One that was started by the Temporal CLI has none of the web side's, and gets it here.

    None for what its starter has called so that no address could hold it: every list that it stood in would fail.
    """
    if not is_import_id(import_id):
        return None
    row, _ = AudienceImport.objects.get_or_create(
        import_id=import_id,
        defaults={"idempotency_key": f"workflow:{import_id}", "name": name[:200], "created_by": username},
    )
    return row


def load_view(row: AudienceImport) -> ImportView:
    """The import as it was last saved; before its workflow has started, as it will start."""
    if row.snapshot:
        return from_json(ImportView, row.snapshot)
    return ImportView(
        status=ImportStatus.RUNNING,
        stage=ImportStage.UPLOAD,
        version=0,
        import_id=row.import_id,
        workflow_id=import_workflow_id(row.import_id),
        name=row.name,
        location=row.file.name or "",
        is_waiting=False,
        bytes_total=row.size,
        by=By(row.created_by, Door.SYSTEM),
        started_at=row.created_at,
    )


def load_input(row: AudienceImport) -> tuple[ImportInput, UploadInput]:
    """What the row's import starts from, and the signal with which it starts."""
    start = from_json(ImportInput, row.start_input)
    return start, UploadInput(row.file.name or "", row.size)
