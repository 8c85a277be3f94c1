"""Files that were handed in and wait for somebody to say what their columns mean: looked into, begun, or discarded."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import BinaryIO, cast

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from campaigns import import_projection
from campaigns.contract import By, Door, ImportInput, ImportStatus, ImportView
from campaigns.gateway.imports import require_right, start_workflow_of, visible
from campaigns.gateway.welcome import GREET
from campaigns.imports.columns import read_columns
from campaigns.imports.reading import FileProblem
from campaigns.imports.sampling import Sample, read_sample
from campaigns.models import AudienceImport
from temporal_worker.models import ChangeCounter
from temporal_worker.problems import InvalidRequest, NotPermitted, Refused, naming_the_field
from temporal_worker.snapshots import to_json

FORGOTTEN_AFTER = timedelta(days=7)
"""As long as an import waits for any other word."""
FORGOTTEN_AT_ONCE = 20


def sample_of(import_id: str, user: User) -> Sample:
    """The first rows of a file that has not begun.

    Raises:
        NotPermitted, ImportNotFound
        Refused: it has begun, or is over (``begun``)
        InvalidRequest: ``file`` cannot be read
    """
    require_right(user)
    row = visible(import_id, user)
    if row.status != AudienceImport.UPLOADED or not row.file:
        raise Refused("begun", "The import has begun already; what its columns mean stands.")
    try:
        with row.file.open("rb") as file:
            return read_sample(cast(BinaryIO, file))
    except FileProblem as problem:
        raise InvalidRequest("file", str(problem)) from None


def begin(
    import_id: str, *, user: User, door: Door, mapping: dict[str, str], unattended: bool = False, greets: bool = False
) -> ImportView:
    """Start the import of an upload; what it is told is as of :class:`campaigns.contract.ImportInput`. Safe to repeat.

    Raises:
        NotPermitted, ImportNotFound
        InvalidRequest: ``mapping``: with it none of the file could be taken
        Refused: it has begun with something else, or is over (``begun``)
        Unavailable: what was said is kept, and the import starts by itself later
    """
    require_right(user)
    if greets and not user.has_perm(GREET):
        raise NotPermitted("no_right", "Greeting contacts needs a right that you do not have.")
    row = visible(import_id, user)
    if row.status == AudienceImport.UPLOADED:
        try:
            read_columns(sample_of(import_id, user).header, mapping)
        except FileProblem as problem:
            raise InvalidRequest("mapping", str(problem)) from None
    with transaction.atomic():
        row = AudienceImport.objects.select_for_update().get(pk=row.pk)
        start, _ = import_projection.load_input(row)
        if row.status == AudienceImport.UPLOADED:
            by = By(user.get_username(), door)
            start = replace(start, mapping=mapping, unattended=unattended, greets=greets, by=by)
            with naming_the_field():
                start.check()
            row.status, row.start_input = AudienceImport.Status.STARTING, to_json(start)
            row.change = ChangeCounter.bump(import_projection.COUNTER)
            row.save(update_fields=["status", "start_input", "change"])
        elif row.status == AudienceImport.Status.CANCELLED or _said(start) != (mapping, unattended, greets):
            raise Refused("begun", "The import has begun already; what its columns mean stands.")
    if row.status == AudienceImport.Status.STARTING:
        start_workflow_of(row)
    return import_projection.load_view(row)


def _said(start: ImportInput) -> tuple[dict[str, str], bool, bool]:
    return start.mapping, start.unattended, start.greets


def discard(import_id: str, *, user: User, reason: str) -> ImportView | None:
    """Forget a file that has not begun; None when it has. Raises NotPermitted, ImportNotFound."""
    require_right(user)
    row = visible(import_id, user)
    name = user.get_full_name() or user.get_username()
    return _discard(row, f"{name} cancelled it: {reason}" if reason else f"{name} cancelled it.")


def forget_old_uploads(now: datetime | None = None) -> None:
    """Cancel what nobody went on with: people's data is not kept for nothing."""
    old = (now or timezone.now()) - FORGOTTEN_AFTER
    rows = AudienceImport.objects.filter(status=AudienceImport.UPLOADED, created_at__lt=old)
    for row in rows.order_by("pk")[:FORGOTTEN_AT_ONCE]:
        _discard(row, "Nobody said what its columns mean.")


def _discard(row: AudienceImport, why: str) -> ImportView | None:
    with transaction.atomic():
        row = AudienceImport.objects.select_for_update().get(pk=row.pk)
        if row.status != AudienceImport.UPLOADED:
            return None
        view = import_projection.load_view(row)
        view = replace(
            view,
            status=ImportStatus.CANCELLED,
            version=view.version + 1,
            problem=why[:500],
            location="",
            closed_at=timezone.now(),
        )
        import_projection.save(view)
        AudienceImport.objects.filter(pk=row.pk).update(file="")
        file = row.file
        transaction.on_commit(lambda: file.delete(save=False))
    return view
