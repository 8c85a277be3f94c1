"""The requests' rows in the database: written by the workflows' activity, read by lists, search and, in need, pages."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog
from django.db import transaction
from django.utils import timezone

from approvals.audit import TRAIL_FIELDS, trail_digest
from approvals.contract import (
    ApprovalInput,
    ApprovalStatus,
    ApprovalView,
    Cover,
    LevelView,
    TrailEntry,
    is_request_id,
)
from approvals.models import ApprovalRequest, Involvement, TrailRow
from approvals.process.bookkeeping import TRAIL_KEPT
from approvals.process.covers import deciders_for
from approvals.process.state import ApprovalState
from temporal_worker.models import ChangeCounter
from temporal_worker.snapshots import from_json, to_json

COUNTER = "approvals"

log = structlog.get_logger(__name__)


def save(view: ApprovalView, run_id: str = "") -> bool:
    """Write a version of a request. False, with nothing changed, when the row has a newer one already.

    Nor is there a row for an id that is none: no address could hold it, and every list that it stands in would fail.
    """
    if not is_request_id(view.request_id):  # started by a stranger at Temporal, where it goes on
        log.warning("request_without_address", request_id=view.request_id)
        return False
    now = timezone.now()
    with transaction.atomic():
        row, created = ApprovalRequest.objects.select_for_update().get_or_create(
            request_id=view.request_id,
            # A request that was started by the Temporal CLI has no row of the web side's.
            defaults={
                "idempotency_key": f"workflow:{view.request_id}",
                "requester": view.requester,
                "kind": view.kind,
                "title": view.title,
            },
        )
        _save_trail(row, view.trail, run_id, now)
        if not created and row.version >= view.version:
            return False
        _fill(row, view, now)
        row.change = ChangeCounter.bump(COUNTER)
        row.save()
        save_involvements(row, view)
        return True


def save_new(views: Sequence[ApprovalView]) -> None:
    """Write many requests that are over and that there is no row of, each as if it had come here with its last entry."""
    with transaction.atomic():
        change = ChangeCounter.bump(COUNTER)
        rows = []
        for view in views:
            row = ApprovalRequest(
                request_id=view.request_id, idempotency_key=f"workflow:{view.request_id}", change=change
            )
            _fill(row, view, view.trail[-1].at)
            rows.append(row)
        ApprovalRequest.objects.bulk_create(rows)
        trail: list[TrailRow] = []
        for row, view in zip(rows, views, strict=True):
            digest = ""
            for entry in view.trail:
                added = _trail_row(row, entry, "", entry.at)
                added.digest = digest = trail_digest(digest, added, row.request_id)
                trail.append(added)
        TrailRow.objects.bulk_create(trail)
        Involvement.objects.bulk_create(
            one for row, view in zip(rows, views, strict=True) for one in involvements_of(row, view)
        )


def _save_trail(row: ApprovalRequest, entries: Iterable[TrailEntry], run_id: str, saved_at: datetime) -> None:
    """Add the entries that are not there yet, each chained to the one before. The request's row is locked."""
    last = row.trail.order_by("-sequence").first()
    sequence, digest = (last.sequence, last.digest) if last else (0, "")
    for entry in entries:
        if entry.sequence <= sequence:
            continue
        added = _trail_row(row, entry, run_id, saved_at)
        added.digest = digest = trail_digest(digest, added, row.request_id)
        added.save()


def _trail_row(row: ApprovalRequest, entry: TrailEntry, run_id: str, saved_at: datetime) -> TrailRow:
    told = {name: getattr(entry, name) for name in TRAIL_FIELDS if name != "run_id"}
    return TrailRow(request=row, run_id=run_id, saved_at=saved_at, **told)


def _fill(row: ApprovalRequest, view: ApprovalView, at: datetime) -> None:
    level = view.current_level
    row.version, row.state_version, row.status = view.version, view.state_version, view.status
    row.kind, row.title = view.kind, view.title
    row.amount_cents, row.currency = view.amount_cents, view.currency
    row.requester, row.requester_name = view.requester, view.name_of(view.requester)
    row.round, row.level, row.level_name = view.round, view.level, level.name
    row.deadline_at, row.due_at = view.deadline_at, _due_at(view, level)
    row.is_escalated = level.is_escalated
    row.submitted_at = view.submitted_at or row.submitted_at
    row.closed_at = view.closed_at
    row.updated_at = at
    snapshot = to_json(view)
    snapshot["trail"] = []
    row.snapshot = snapshot


def _due_at(view: ApprovalView, level: LevelView) -> datetime | None:
    if view.status != ApprovalStatus.PENDING:
        return view.deadline_at
    return min((at for at in (level.escalate_at, view.deadline_at) if at is not None), default=None)


def save_involvements(row: ApprovalRequest, view: ApprovalView) -> None:
    wanted = {_identity(one): one for one in involvements_of(row, view)}
    for known in row.involvements.all():
        new = wanted.pop(_identity(known), None)
        if new is None:
            known.delete()
        elif any(getattr(known, name) != getattr(new, name) for name in _CHANGING):
            new.pk = known.pk
            new.save(force_update=True)
    Involvement.objects.bulk_create(wanted.values())


_CHANGING = ("via", "can_decide", "until", "decided_at")


def _identity(one: Involvement) -> tuple[str, str, int, str, datetime | None]:
    return one.username, one.role, one.level, one.on_behalf_of, one.starts_at


def involvements_of(row: ApprovalRequest, view: ApprovalView) -> list[Involvement]:
    """What everybody has to do with a request: who sees it, and in whose inbox it is."""
    found = [Involvement(request=row, username=view.requester, role=Involvement.Role.REQUESTER)]
    for number, level in enumerate(view.levels, start=1):
        is_open = view.status == ApprovalStatus.PENDING and number == view.level
        found += _seats(row, view, level, number, is_open=is_open)
        covers = list(_covers(row, view, level, number, is_open=is_open))
        found += covers
        found += _past_covers(row, level, number, {(one.username, one.on_behalf_of) for one in covers})
        found += [
            Involvement(
                request=row,
                username=username,
                role=Involvement.Role.ESCALATION,
                level=number,
                can_decide=is_open and level.is_escalated and _may_alone(view, number, username),
                decided_at=_decided_at(level, username, ""),
            )
            for username in level.escalate_to
        ]
    involved = {one.username for one in found}
    watchers = [name for name in view.participants if name not in involved]
    return found + [Involvement(request=row, username=name, role=Involvement.Role.WATCHER) for name in watchers]


def _seats(
    row: ApprovalRequest, view: ApprovalView, level: LevelView, number: int, *, is_open: bool
) -> Iterable[Involvement]:
    via = {seat.username: seat.via for seat in level.seats}
    for username in level.approvers:
        yield Involvement(
            request=row,
            username=username,
            role=Involvement.Role.APPROVER,
            level=number,
            via=via.get(username, ""),
            can_decide=is_open and username in level.undecided and _may(view, number, username),
            decided_at=_decided_at(level, username, ""),
        )


def _past_covers(row: ApprovalRequest, level: LevelView, number: int, known: set[tuple[str, str]]) -> list[Involvement]:
    """Decisions that somebody made for another, and whose cover has ended since."""
    return [
        Involvement(
            request=row,
            username=one.approver,
            role=Involvement.Role.COVER,
            level=number,
            on_behalf_of=one.on_behalf_of,
            decided_at=one.at,
        )
        for one in level.decisions
        if one.on_behalf_of and (one.approver, one.on_behalf_of) not in known
    ]


def _covers(
    row: ApprovalRequest, view: ApprovalView, level: LevelView, number: int, *, is_open: bool
) -> Iterable[Involvement]:
    """A row for each pair of somebody who decides and somebody who covers, now or later, with the time in which they do.

    Who covers for one whom the level escalates to decides as they do: from the escalation on, and alone.
    """
    for principal in dict.fromkeys([*level.approvers, *level.escalate_to]):
        if principal in level.approvers:
            is_free, may = principal in level.undecided, _may
        else:
            is_free, may = level.is_escalated, _may_alone
        for delegate, starts_at, until in cover_times(principal, view.covers, view.requester):
            yield Involvement(
                request=row,
                username=delegate,
                role=Involvement.Role.COVER,
                level=number,
                on_behalf_of=principal,
                can_decide=is_open and is_free and may(view, number, delegate),
                starts_at=starts_at,
                until=until,
                decided_at=_decided_at(level, delegate, principal),
            )


def cover_times(principal: str, covers: list[Cover], requester: str) -> list[tuple[str, datetime, datetime]]:
    """Who decides for somebody beside them, each with from when and until when."""
    moments = sorted({moment for cover in covers for moment in (cover.starts_at, cover.until)})
    found: list[tuple[str, datetime, datetime]] = []
    running: dict[str, datetime] = {}
    for moment in moments:
        now = deciders_for(principal, covers, moment, never=requester)
        found += [(delegate, since, moment) for delegate, since in running.items() if delegate not in now]
        running = {delegate: running.get(delegate, moment) for delegate in now}
    return found


def _may(view: ApprovalView, number: int, username: str) -> bool:
    """Whether separation of duties leaves this level to them."""
    level = view.levels[number - 1]
    if username == view.requester:
        return False
    if level.rule != "all" and any(one.approver == username for one in level.decisions):
        return False
    earlier = view.levels[: number - 1] if view.distinct_levels else []
    return not any(one.approver == username for before in earlier for one in before.decisions)


def _may_alone(view: ApprovalView, number: int, username: str) -> bool:
    """The same of a level that was escalated: one decision ends it, so not that of who has had their say in it."""
    had_their_say = any(one.approver == username for one in view.levels[number - 1].decisions)
    return not had_their_say and _may(view, number, username)


def _decided_at(level: LevelView, username: str, principal: str) -> datetime | None:
    return next((one.at for one in level.decisions if one.approver == username and one.on_behalf_of == principal), None)


def load_view(row: ApprovalRequest) -> ApprovalView:
    """The request as it was last saved, with its trail; before its workflow has started, as it will start."""
    if not row.snapshot:
        return ApprovalState(load_input(row), lambda: row.submitted_at, lambda: None).view()
    view = from_json(ApprovalView, row.snapshot)
    view.trail = [to_entry(entry) for entry in reversed(row.trail.order_by("-sequence")[:TRAIL_KEPT])]
    return view


def to_entry(row: TrailRow) -> TrailEntry:
    return TrailEntry(**{name: getattr(row, name) for name in TRAIL_FIELDS if name != "run_id"})


def load_input(row: ApprovalRequest) -> ApprovalInput:
    """What the row's request starts from."""
    return from_json(ApprovalInput, row.start_input)
