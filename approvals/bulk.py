"""What was selected in the inbox, as it is now, and how far a job that decides it has come."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Q

from approvals.contract import ApprovalView, By, Door, is_request_id
from approvals.gateway.rights import require_sight
from approvals.gateway.updating import noting_refusals
from approvals.listing import view_of
from approvals.models import ApprovalRequest, BulkItemRow, BulkJob, Involvement
from approvals.presentation import RequestRow, request_row
from dashboard.phrases import span
from temporal_worker.money import money

MOST_ITEMS = 500


@dataclass(frozen=True)
class Selection:
    """``rows`` can be decided; ``left_out`` cannot, each with its reason. ``asked`` is what is sent: ids, versions."""

    rows: tuple[RequestRow, ...]
    left_out: tuple[RequestRow, ...]
    asked: tuple[tuple[str, int], ...]
    total: str

    @property
    def needs_reason(self) -> bool:
        return any(row.needs_reason for row in self.rows)


def read_selection(items: Sequence[str], user: User, now: datetime) -> Selection:
    """``items`` are ``<request id>:<state version>``, the version that was seen; what is no such thing is left out.

    Raises RequestNotFound: an id among them is of no request that they may see, and then nothing of it is shown.
    """
    username = user.get_username()
    asked: dict[str, int] = {}
    for item in items[:MOST_ITEMS]:
        request_id, _, version = item.partition(":")
        if is_request_id(request_id) and version.isascii() and version.isdigit() and len(version) <= 9:
            asked[request_id] = int(version)
    # Who covers for somebody sees their requests from the day on which they do.
    has_begun = Q(starts_at=None) | Q(starts_at__lte=now)
    mine = Involvement.objects.filter(has_begun, username=username).values("request")
    found = {row.request_id: row for row in ApprovalRequest.objects.filter(request_id__in=asked, pk__in=mine)}
    for request_id in asked.keys() - found.keys():
        with noting_refusals(request_id, By(username, Door.WEB), "decide"):
            require_sight(user, request_id)
    rows = [_row(view_of(found[request_id]), username, now) for request_id in asked if request_id in found]
    return Selection(
        rows=tuple(row for row in rows if row.may_decide),
        left_out=tuple(row for row in rows if not row.may_decide),
        asked=tuple((request_id, version) for request_id, version in asked.items() if request_id in found),
        total=_total([found[row.request_id] for row in rows if row.may_decide]),
    )


def _row(view: ApprovalView, username: str, now: datetime) -> RequestRow:
    row = request_row(view, username, now)
    if row.may_decide and any(one.approver == username for one in view.current_level.decisions):
        # Many at once are each decided in the first place that is free; a second vote has to say whose it is.
        return replace(row, no=f"You decided it once already; decide for {row.behalf} on its own page.")
    return row


def _total(rows: Sequence[ApprovalRequest]) -> str:
    """One sum for each currency."""
    sums: dict[str, int] = {}
    for row in rows:
        if row.amount_cents is not None:
            sums[row.currency] = sums.get(row.currency, 0) + row.amount_cents
    return ", ".join(money(cents, currency) for currency, cents in sorted(sums.items()))


@dataclass(frozen=True)
class Item:
    request_id: str
    title: str
    amount: str
    mark: str
    word: str
    detail: str


@dataclass(frozen=True)
class BulkProgress:
    job: BulkJob
    items: tuple[Item, ...]
    total: int
    done: int
    refused: int
    left: str

    @property
    def ended(self) -> int:
        return self.done + self.refused

    @property
    def is_over(self) -> bool:
        return self.ended == self.total

    @property
    def percent(self) -> float:
        return round(100 * self.ended / self.total, 1) if self.total else 100


def progress_of(job: BulkJob, now: datetime) -> BulkProgress:
    rows = list(job.items.all())
    done = sum(row.outcome == BulkItemRow.Outcome.DONE for row in rows)
    refused = sum(row.outcome == BulkItemRow.Outcome.REFUSED for row in rows)
    return BulkProgress(
        job=job,
        items=tuple(_item(job, row) for row in rows),
        total=len(rows),
        done=done,
        refused=refused,
        left=_left(job, done + refused, len(rows), now),
    )


def _item(job: BulkJob, row: BulkItemRow) -> Item:
    mark, word = {
        BulkItemRow.Outcome.DONE: ("ok" if job.approved else "bad", "Approved" if job.approved else "Rejected"),
        BulkItemRow.Outcome.REFUSED: ("warn", "Not taken"),
    }.get(BulkItemRow.Outcome(row.outcome), ("idle", "Waiting"))
    amount = "" if row.amount_cents is None else money(row.amount_cents, row.currency)
    return Item(row.request_id, row.title, amount, mark, word, row.detail)


def _left(job: BulkJob, ended: int, total: int, now: datetime) -> str:
    """``4 a second, 12 s left``; nothing before the first has ended."""
    passed = (now - job.created_at).total_seconds()
    if not ended or ended == total or passed <= 0:
        return ""
    rate = ended / passed
    return f"{rate:.1f} a second, about {span(timedelta(seconds=(total - ended) / rate + 1))} left"
