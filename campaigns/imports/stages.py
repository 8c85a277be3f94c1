"""The three steps of an import. Each may be stopped anywhere and begun again: what is done is not done twice."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from campaigns import untold
from campaigns.contract import By, Door
from campaigns.imports.columns import read_columns
from campaigns.imports.reading import MAX_BYTES, CsvFile, CsvRow
from campaigns.imports.rows import CellProblem, ContactRow, read_row
from campaigns.models import AudienceImport, Contact, ImportProblem, PreferenceChange, StagedContact
from campaigns.models.checks import MAX_ATTRIBUTES
from campaigns.preferences import CONTACTS_COUNTER, record_opt_out
from campaigns.rendering.values import ATTRIBUTES
from temporal_worker.models import ChangeCounter

BATCH = 500
"""Rows of one transaction, …"""
BATCH_BYTES = 2 * 1024 * 1024
"""… and bytes of the file, so that rows that are all as long as they may be fit into memory too."""
MAX_PROBLEMS = 10_000
"""Rows whose problems are kept; beyond, they are only counted."""


@dataclass(frozen=True)
class Progress:
    """How far a step has come. ``position`` is in bytes of the file, while it is read."""

    rows_done: int
    rows_rejected: int = 0
    position: int = 0


Report = Callable[[Progress], object]
"""Is told after each batch; what it raises stops the step."""


def _silent(progress: Progress) -> None:
    pass


# ── Read and check ───────────────────────────────────────────────────────────────────────────────────────────────────


def read_rows(
    audience_import: AudienceImport,
    file: BinaryIO,
    *,
    mapping: dict[str, str] | None = None,
    report: Report = _silent,
    most_bytes: int = MAX_BYTES,
) -> Progress:
    """Stage the file's good rows, and write down what is wrong with the others. No contact is changed.

    Begun again it reads from the start: a batch that is staged already is left as it is.

    Raises:
        FileProblem: nothing of the file may be used
    """
    source = CsvFile(file, most_bytes=most_bytes)
    columns = read_columns(source.header, mapping)
    audience_import.columns, audience_import.delimiter = columns, source.delimiter
    audience_import.save(update_fields=["columns", "delimiter"])
    progress = Progress(0)
    for batch in _batches(source.rows()):
        rejected = _stage(audience_import, source.header, columns, batch, progress.rows_rejected)
        progress = Progress(progress.rows_done + len(batch), progress.rows_rejected + rejected, batch[-1].position)
        report(progress)
    return progress


@transaction.atomic
def _stage(
    audience_import: AudienceImport, header: list[str], columns: list[str], batch: list[CsvRow], so_far: int
) -> int:
    """Returns how many of them were rejected."""
    read = [(row, read_row(row.cells, columns)) for row in batch]
    first_of = _first_rows(audience_import, read)
    staged: list[StagedContact] = []
    problems: list[ImportProblem] = []
    rejected = 0
    for row, contact in read:
        found = list(contact.problems)
        if not found and first_of[contact.user_id] != row.number:
            found.append(
                CellProblem(columns.index("user_id"), f"is in row {first_of[contact.user_id]} already", contact.user_id)
            )
        if found:
            rejected += 1
            if so_far + rejected <= MAX_PROBLEMS:
                whose = _whose(contact, columns)
                problems += [_to_problem(audience_import, header, row, one, whose) for one in found]
        else:
            staged.append(
                StagedContact(
                    audience_import=audience_import,
                    row=row.number,
                    user_id=contact.user_id,
                    values=contact.values,
                    opts_out=contact.opts_out,
                )
            )
    StagedContact.objects.bulk_create(staged, ignore_conflicts=True)
    ImportProblem.objects.bulk_create(problems, ignore_conflicts=True)
    return rejected


def _whose(contact: ContactRow, columns: list[str]) -> str:
    """The id of a rejected row, so that its problems can be forgotten with its person; empty when it can be nobody's."""
    is_odd = any(one.column == columns.index("user_id") for one in contact.problems)
    return "" if is_odd else contact.user_id


def _first_rows(audience_import: AudienceImport, read: list[tuple[CsvRow, ContactRow]]) -> dict[str, int]:
    """In which row each contact of the batch comes first: in the batches before, or in this one. The first one counts."""
    good = {contact.user_id: row.number for row, contact in reversed(read) if not contact.problems}
    before = audience_import.staged.filter(user_id__in=good).values_list("user_id", "row")
    return {**good, **dict(before)}


def _to_problem(
    audience_import: AudienceImport, header: list[str], row: CsvRow, one: CellProblem, user_id: str
) -> ImportProblem:
    heading = "" if one.column is None else header[one.column] or f"column {one.column + 1}"
    return ImportProblem(
        audience_import=audience_import,
        row=row.number,
        column=heading.encode("utf-8", "replace").decode().replace("\0", "\ufffd")[:100],
        problem=one.problem[:300],
        value=one.value,
        user_id=user_id,
    )


# ── Compare ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def compare_rows(audience_import: AudienceImport, *, report: Report = _silent) -> dict[str, int]:
    """Say of each staged row what applying it would do. No contact is changed. Returns how many rows of each action."""
    done = audience_import.staged.exclude(action="").count()
    for batch in _by_row(audience_import.staged.filter(action="")):
        known = _contacts_of(batch)
        with transaction.atomic():
            for staged in batch:
                staged.action = _action(staged, known.get(staged.user_id))
            StagedContact.objects.bulk_update(batch, ["action"])
        done += len(batch)
        report(Progress(done))
    counted = audience_import.staged.order_by().values_list("action").annotate(number=Count("pk"))
    return {**{action.value: 0 for action in StagedContact.Action}, **dict(counted)}


def _action(staged: StagedContact, contact: Contact | None) -> StagedContact.Action:
    if contact is None:
        return StagedContact.Action.CREATE
    return StagedContact.Action.UPDATE if _fill(contact, staged.values) else StagedContact.Action.UNCHANGED


# ── Apply ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def apply_rows(audience_import: AudienceImport, *, report: Report = _silent) -> Progress:
    """Make contacts of the staged rows, each batch in one transaction; returns when all are.

    A row overwrites what it fills in and leaves the rest, other attributes too. A ``no`` in the consent column is an opt-out
    from everything; a ``yes`` takes none away. Contacts that were erased stay erased. Of another time zone or language their
    actors will be told, those that run.
    """
    by = By(audience_import.created_by, Door.SYSTEM)
    done = audience_import.staged.filter(is_applied=True).count()
    for batch in _by_row(audience_import.staged.filter(is_applied=False)):
        _apply(audience_import, batch, by)
        done += len(batch)
        report(Progress(done))
    return Progress(done)


@transaction.atomic
def _apply(audience_import: AudienceImport, batch: list[StagedContact], by: By) -> None:
    known = _contacts_of(
        batch, lock=True
    )  # all at once and by their ids, so that two imports never wait for each other
    for staged in batch:
        if staged.opts_out:
            record_opt_out(staged.user_id, by=by, text=f"Import {audience_import.import_id}, row {staged.row}")
    new: list[Contact] = []
    changed: list[Contact] = []
    moved: dict[str, dict[str, str]] = {}
    for staged in batch:
        contact = known.get(staged.user_id)
        if contact is None:
            contact = Contact(user_id=staged.user_id)
            _fill(contact, staged.values)
            new.append(contact)
            staged.action = StagedContact.Action.CREATE
        else:
            before = {name: getattr(contact, name) for name in _ACTORS_TOO}
            if contact.erased_at is None and _fill(contact, staged.values):
                changed.append(contact)
                settings = {name: getattr(contact, name) for name in _ACTORS_TOO}
                if settings := dict(settings.items() - before.items()):
                    moved[contact.user_id] = settings
            if staged.action == StagedContact.Action.CREATE:
                staged.action = StagedContact.Action.UPDATE  # somebody else has made the contact since
        staged.is_applied = True
    StagedContact.objects.bulk_update(batch, ["is_applied", "action"])
    if new or changed:
        change = ChangeCounter.bump(CONTACTS_COUNTER)
        now = timezone.now()
        for contact in (*new, *changed):
            contact.change, contact.updated_at = change, now
        Contact.objects.bulk_create(new)
        Contact.objects.bulk_update(changed, [*_COLUMNS, ATTRIBUTES, "change", "updated_at"])
    _tell_of(moved, audience_import, by)


def _tell_of(moved: dict[str, dict[str, str]], audience_import: AudienceImport, by: By) -> None:
    """Their actors hear of it, and their histories say where it came from."""
    untold.note(moved, by=by)
    what, source = PreferenceChange.What.PREFERENCES, f"Import {audience_import.import_id}"
    PreferenceChange.objects.bulk_create(
        PreferenceChange(
            user_id=user_id, who=by.username, door=by.door, what=what, text=f"{untold.words_of(settings)}: {source}"
        )
        for user_id, settings in moved.items()
    )


_ADDRESSES = ("email", "phone", "push_token")
_COLUMNS = ("name", "email", "phone", "push_token", "locale", "time_zone")
_ACTORS_TOO = ("time_zone", "locale")
"""What actors know of their people too."""


def new_contacts(audience_import: AudienceImport, after: int = 0) -> Iterator[StagedContact]:
    """Rows behind ``after`` that have made contacts whom a greeting may reach, in the order of the file."""
    new = audience_import.staged.filter(action=StagedContact.Action.CREATE, is_applied=True, opts_out=False)
    for batch in _by_row(new, after):
        yield from (staged for staged in batch if any(staged.values.get(name) for name in _ADDRESSES))


def _fill(contact: Contact, values: dict[str, Any]) -> bool:
    """Write what a row says into a contact, unsaved; whether anything has changed."""
    has_changed = False
    for column in _COLUMNS:
        if column in values and getattr(contact, column) != values[column]:
            setattr(contact, column, values[column])
            has_changed = True
    attributes = {**contact.attributes, **values.get(ATTRIBUTES, {})}
    if attributes != contact.attributes and len(attributes) <= MAX_ATTRIBUTES:
        contact.attributes = attributes
        has_changed = True
    return has_changed


def _contacts_of(batch: Sequence[StagedContact], *, lock: bool = False) -> dict[str, Contact]:
    rows = Contact.objects.filter(user_id__in=[staged.user_id for staged in batch]).order_by("user_id")
    return {contact.user_id: contact for contact in (rows.select_for_update(no_key=True) if lock else rows)}


def _batches(rows: Iterable[CsvRow]) -> Iterator[list[CsvRow]]:
    batch: list[CsvRow] = []
    began = 0
    for row in rows:
        batch.append(row)
        if len(batch) >= BATCH or row.position - began >= BATCH_BYTES:
            yield batch
            batch, began = [], row.position
    if batch:
        yield batch


def _by_row(rows: "QuerySet[StagedContact]", after: int = 0) -> Iterator[list[StagedContact]]:
    """Batches in the order of the file, each asked for when the one before is done."""
    while batch := list(rows.filter(row__gt=after).order_by("row")[:BATCH]):
        yield batch
        after = batch[-1].row
