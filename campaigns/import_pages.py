"""An import as its page and the list show it: where it is, what waits for whom, what would change."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator

from campaigns.contract import ImportStage, ImportStatus, ImportView
from campaigns.import_preview import meaning_words
from campaigns.models import AudienceImport, Contact, ImportProblem, StagedContact
from campaigns.rendering.values import ATTRIBUTES
from dashboard.phrases import Part

SAMPLE = 10
"""Rows of each kind of which the preview says what they change."""
PROBLEMS_A_PAGE = 50
PAGE = 50
LIST_FIELDS = (
    "import_id", "name", "status", "stage", "version", "change", "rows_total", "rows_rejected", "created_by", "created_at",
)  # fmt: skip
"""What a line of the list shows."""

_STAGES = {
    ImportStage.UPLOAD: "Upload",
    ImportStage.VALIDATE: "Validate",
    ImportStage.TRANSFORM: "Transform",
    ImportStage.FINALISE: "Finalise",
}
_ORDER = list(ImportStage)


@dataclass(frozen=True)
class Status:
    mark: str
    word: str


@dataclass(frozen=True)
class Step:
    name: str
    state: str
    """``done``, ``now``, ``stopped``, ``ended`` or empty."""
    note: list[Part]


@dataclass(frozen=True)
class Change:
    """What one row would do to a contact: ``fields`` are (name, before, after)."""

    row: int
    user_id: str
    is_new: bool
    opts_out: bool
    fields: list[tuple[str, str, str]]


@dataclass(frozen=True)
class ImportPage:
    row: AudienceImport
    view: ImportView
    status: Status
    lede: list[Part]
    steps: list[Step]
    waits_for: str
    """The stage whose word is missing: ``upload`` (what the columns mean), ``validate`` or ``transform``; empty when
    nobody is waited for."""
    percent: float | None
    """How far the work of this moment is; None when nothing is worked on."""
    can_cancel: bool
    mapping: list[tuple[str, str]]
    """What was said of columns whose headings do not say it themselves: heading, meaning."""
    greets: bool
    by: str
    """Who handed it in, by name."""

    @property
    def is_over(self) -> bool:
        return self.view.is_final

    @property
    def actions_version(self) -> str:
        """Changes when what a viewer may do does, or what stands below it: the first page of problems, while it fills."""
        seen = min(self.view.rows_rejected, PROBLEMS_A_PAGE + 1)
        return f"{self.view.status}-{self.view.stage}-{self.waits_for}-{seen}"

    @property
    def title(self) -> str:
        return f"{self.status.word} · {self.view.name or self.view.import_id}"


def stage_that_waits(row: AudienceImport, view: ImportView) -> str:
    """The stage whose word is missing; empty when nobody is waited for."""
    if row.status == AudienceImport.UPLOADED:
        return ImportStage.UPLOAD
    is_waiting = view.is_waiting and not view.is_final and view.stage in (ImportStage.VALIDATE, ImportStage.TRANSFORM)
    return view.stage if is_waiting and view.stage not in view.told else ""


def import_page(row: AudienceImport, view: ImportView) -> ImportPage:
    waits_for = stage_that_waits(row, view)
    return ImportPage(
        row=row,
        view=view,
        status=status_of(row, view, is_waiting=bool(waits_for)),
        lede=_lede(view, waits_for),
        steps=list(_steps(view, waits=bool(waits_for))),
        waits_for=waits_for,
        percent=_percent(view) if not view.is_final and not waits_for else None,
        can_cancel=not view.is_final and view.stage != ImportStage.FINALISE,
        mapping=[(heading, meaning_words(meaning)) for heading, meaning in row.start_input.get("mapping", {}).items()],
        greets=bool(row.start_input.get("greets")),
        by=names_of([view.by.username]).get(view.by.username, ""),
    )


def names_of(usernames: Iterable[str]) -> dict[str, str]:
    """What people are called; whoever has no name, or is gone, by their log-in."""
    wanted = {name for name in usernames if name}
    people = User.objects.filter(username__in=wanted)
    return {**{name: name for name in wanted}, **{one.username: one.get_full_name() or one.username for one in people}}


def status_of(row: AudienceImport, view: ImportView, *, is_waiting: bool) -> Status:
    match view.status:
        case ImportStatus.COMPLETED:
            return Status("ok", "Done")
        case ImportStatus.FAILED:
            return Status("bad", "Failed")
        case ImportStatus.CANCELLED:
            return Status("ended", "Cancelled")
    if row.status == AudienceImport.Status.STARTING:
        return Status("idle", "Starting")
    return Status("idle", "Waits for you") if is_waiting else Status("move", "Working")


def _lede(view: ImportView, waits_for: str) -> list[Part]:
    new, changed = view.actions.get("create", 0), view.actions.get("update", 0)
    rejected = (
        [Part(f" {_rows(view.rows_rejected)} cannot be taken; the list below says why.")] if view.rows_rejected else []
    )
    match view.status:
        case ImportStatus.COMPLETED:
            done = Part(f"{_count(new, 'contact')} new, {changed:,} changed.", strong=True)
            return [done, *rejected, *([Part(f" {view.problem}")] if view.problem else [])]
        case ImportStatus.FAILED:
            return [Part("Nothing goes on here. ", strong=True), Part(view.problem)]
        case ImportStatus.CANCELLED:
            return [Part("No contact was changed. ", strong=True), Part(view.problem)]
    if waits_for == ImportStage.UPLOAD:
        return [Part("The file is here.", strong=True), Part(" It is read when you have said what its columns mean.")]
    if waits_for == ImportStage.VALIDATE:
        return [
            Part(f"{_rows(view.rows_done)} can be taken.", strong=True),
            *rejected,
            Part(" No contact is changed yet."),
        ]
    if waits_for == ImportStage.TRANSFORM:
        words = f"{_count(new, 'contact')} would be new and {changed:,} changed."
        return [Part(words, strong=True), *rejected, Part(" No contact is changed yet.")]
    match view.stage:
        case ImportStage.UPLOAD:
            return [Part("The file is here.", strong=True), Part(" It is read as soon as a worker takes it.")]
        case ImportStage.VALIDATE:
            return [Part("The file is being read.", strong=True), Part(f" {_rows(view.rows_total)} so far.")]
        case ImportStage.TRANSFORM:
            return [
                Part("Its rows are compared with the contacts.", strong=True),
                Part(f" {_rows(view.rows_done)} so far."),
            ]
    if view.greeted:
        return [
            Part("The contacts are written.", strong=True),
            Part(f" {view.greeted:,} of the new ones will be greeted so far."),
        ]
    return [Part("The contacts are being written.", strong=True), Part(f" {_rows(view.rows_done)} so far.")]


def _steps(view: ImportView, *, waits: bool) -> Iterator[Step]:
    at = _ORDER.index(ImportStage(view.stage))
    for stage, name in _STAGES.items():
        place = _ORDER.index(stage)
        if place < at or view.status == ImportStatus.COMPLETED:
            yield Step(name, "done", _step_note(view, stage))
        elif place > at:
            yield Step(name, "", [])
        elif view.is_final:
            yield Step(
                name, "stopped" if view.status == ImportStatus.FAILED else "ended", [Part(view.status.capitalize())]
            )
        else:
            yield Step(name, "now", [Part("Waits for your word") if waits or view.is_waiting else Part("Working")])


def _step_note(view: ImportView, stage: ImportStage) -> list[Part]:
    match stage:
        case ImportStage.UPLOAD:
            return [Part(file_size(view.bytes_total))] if view.bytes_total else []
        case ImportStage.VALIDATE:
            return [Part(_rows(view.rows_total))]
        case ImportStage.TRANSFORM:
            return [Part(f"{view.actions.get('create', 0):,} new")] if view.actions else []
        case _:
            return [Part("Written")]


def _percent(view: ImportView) -> float | None:
    if view.stage == ImportStage.VALIDATE and view.bytes_total:
        return min(100.0, 100 * view.bytes_done / view.bytes_total)
    good = view.rows_total - view.rows_rejected
    if view.stage in (ImportStage.TRANSFORM, ImportStage.FINALISE) and good > 0:
        return min(100.0, 100 * view.rows_done / good)
    return None


def sample_changes(row: AudienceImport) -> list[Change]:
    """What the first rows of each kind would do, before they are applied. Three queries."""
    staged = [
        one
        for action in (StagedContact.Action.CREATE, StagedContact.Action.UPDATE)
        for one in row.staged.filter(action=action, is_applied=False).order_by("row")[:SAMPLE]
    ]
    known = {one.user_id: one for one in Contact.objects.filter(user_id__in=[one.user_id for one in staged])}
    return [_change(one, known.get(one.user_id)) for one in staged]


def _change(staged: StagedContact, contact: Contact | None) -> Change:
    fields = []
    for name, after in _flat(staged.values):
        before = _value_of(contact, name) if contact else ""
        if before != after:
            fields.append((name.removeprefix(f"{ATTRIBUTES}."), _shown(before), _shown(after)))
    return Change(staged.row, staged.user_id, contact is None, staged.opts_out, fields)


def _flat(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if name == ATTRIBUTES:
            yield from ((f"{ATTRIBUTES}.{key}", one) for key, one in value.items())
        else:
            yield name, value


def _value_of(contact: Contact, name: str) -> Any:
    if name.startswith(f"{ATTRIBUTES}."):
        return contact.attributes.get(name.removeprefix(f"{ATTRIBUTES}."), "")
    return getattr(contact, name)


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def problems_page(row: AudienceImport, number: int) -> "Page[ImportProblem]":
    return Paginator(row.problems.order_by("row", "pk"), PROBLEMS_A_PAGE).get_page(number)


def imports_page(number: int) -> "Page[AudienceImport]":
    return Paginator(AudienceImport.objects.only(*LIST_FIELDS), PAGE).get_page(number)


def list_status(row: AudienceImport) -> Status:
    """Of a row alone, as the list has it."""
    if row.status == AudienceImport.UPLOADED:
        return Status("idle", "Waits for you")
    words = {
        AudienceImport.Status.STARTING: Status("idle", "Starting"),
        AudienceImport.Status.COMPLETED: Status("ok", "Done"),
        AudienceImport.Status.FAILED: Status("bad", "Failed"),
        AudienceImport.Status.CANCELLED: Status("ended", "Cancelled"),
    }
    return words.get(AudienceImport.Status(row.status), Status("move", f"In {row.get_stage_display().lower()}"))


def file_size(size: int) -> str:
    if size < 1024 * 1024:
        return f"{max(1, round(size / 1024)):,}\u00a0kB"
    return f"{size / 1024 / 1024:.1f}\u00a0MB"


def _rows(number: int) -> str:
    return _count(number, "row")


def _count(number: int, what: str) -> str:
    return f"{number:,}\u00a0{what}{'' if number == 1 else 's'}"
