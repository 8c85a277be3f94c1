"""Asking for approval: the row first, then the workflow; once for each key."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import structlog
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from approvals import policies, projection
from approvals.contract import (
    TASK_QUEUE,
    WORKFLOW_TYPE,
    ApprovalInput,
    ApprovalView,
    By,
    Caller,
    Cover,
    Door,
    PolicySnapshot,
    approval_workflow_id,
)
from approvals.gateway.problems import InvalidRequest, KeyReused, Unavailable, naming_the_field
from approvals.gateway.reading import read_any
from approvals.gateway.rights import require_part
from approvals.gateway.updating import noting_refusals
from approvals.models import ApprovalRequest
from temporal_worker.keys import digest
from temporal_worker.models import ChangeCounter
from temporal_worker.snapshots import to_json
from temporal_worker.starting import start_of_row

START_AGAIN_AFTER = timedelta(seconds=5)

log = structlog.get_logger(__name__)


def submit_request(
    *,
    user: User,
    door: Door,
    kind: str,
    title: str,
    key: str,
    description: str = "",
    amount_cents: int | None = None,
    currency: str = "USD",
    starts_on: str = "",
    ends_on: str = "",
    caller: Caller | None = None,
    rules: Callable[[PolicySnapshot], PolicySnapshot] | None = None,
) -> ApprovalView:
    """Ask for approval in ``user``'s name, once for each key. The policy and its people are fixed now.

    ``rules`` changes this request's own copy of the policy; the demo has days pass in seconds with it.

    Raises:
        InvalidRequest: a field is senseless, or no policy is for it
        NotPermitted, KeyReused
        Unavailable: the request is kept and starts by itself later; a repeat with the key finds it.
    """
    with noting_refusals("", By(user.username, door), "submit"):
        require_part(user)
    asked = [kind, title, description, amount_cents, currency, starts_on, ends_on, caller and caller.workflow_id]
    row = _row_of_key(f"{user.username}:{key}", digest(asked))
    if row is None:
        policy = preview_policy(user=user, kind=kind, amount_cents=amount_cents, currency=currency)
        request = ApprovalInput(
            request_id=_new_request_id(),
            kind=kind,
            title=title.strip(),
            requester=user.username,
            policy=rules(policy) if rules else policy,
            description=description.strip(),
            amount_cents=amount_cents,
            currency=currency,
            starts_on=starts_on,
            ends_on=ends_on,
            names=names_of(people_of(policy) | {user.username}),
            caller=caller,
            by=By(user.username, door),
        )
        with naming_the_field():
            request.check()
        row = _write_row(request, f"{user.username}:{key}", digest(asked))
    if row.status == ApprovalRequest.STARTING:
        _start(row)
    return read_any(row.request_id).view


def preview_policy(*, user: User, kind: str, amount_cents: int | None, currency: str = "USD") -> PolicySnapshot:
    """Who would decide about such a request if it were asked now. Raises InvalidRequest."""
    try:
        return policies.resolve(user, kind, amount_cents, currency)
    except policies.NoPolicy as error:
        raise InvalidRequest(error.field, error.problem) from error


def people_of(policy: PolicySnapshot) -> set[str]:
    return {name for level in policy.levels for name in [*(seat.username for seat in level.seats), *level.escalate_to]}


def names_of(usernames: set[str]) -> dict[str, str]:
    """What people are called, by username."""
    users = User.objects.filter(username__in=usernames)
    return {user.username: user.get_full_name() or user.username for user in users}


def with_covers(names: dict[str, str], policy: PolicySnapshot, kind: str) -> tuple[dict[str, str], list[Cover]]:
    """The absences of a policy's people, and the names with those of whoever covers."""
    covers = policies.covers_now(people_of(policy), kind, timezone.now())
    return {**names, **names_of({cover.delegate for cover in covers})}, covers


def _row_of_key(key: str, request_hash: str) -> ApprovalRequest | None:
    row = ApprovalRequest.objects.filter(idempotency_key=key).first()
    if row is not None and row.request_hash != request_hash:
        raise KeyReused
    return row


def _new_request_id() -> str:
    return f"REQ-{timezone.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _write_row(request: ApprovalInput, key: str, request_hash: str) -> ApprovalRequest:
    """The request's row, with who has a part in it. Two writers of one key meet in the database.

    Absences are read in the row's own transaction: an absence that is entered meanwhile finds the row when it is told
    to the open requests (``approvals.reconciler``), so that none slips between the two.
    """
    for _ in range(20):
        try:
            with transaction.atomic():
                names, covers = with_covers(request.names, request.policy, request.kind)
                request = replace(request, names=names, covers=covers)
                row = ApprovalRequest.objects.create(
                    request_id=request.request_id,
                    kind=request.kind,
                    title=request.title,
                    amount_cents=request.amount_cents,
                    currency=request.currency,
                    requester=request.requester,
                    requester_name=names.get(request.requester, ""),
                    level_name=request.policy.levels[0].name,
                    idempotency_key=key,
                    request_hash=request_hash,
                    start_input=to_json(request),
                )
                projection.save_involvements(row, projection.load_view(row))
                row.change = ChangeCounter.bump(projection.COUNTER)
                row.save(update_fields=["change"])
                return row
        except IntegrityError:
            if row_of_key := _row_of_key(key, request_hash):
                return row_of_key
            request = replace(request, request_id=_new_request_id())
    raise Unavailable("No free request number was found; try again.", retry_after=1)


def _start(row: ApprovalRequest) -> None:
    start_of_row(
        WORKFLOW_TYPE,
        projection.load_input(row),
        id=approval_workflow_id(row.request_id),
        task_queue=TASK_QUEUE,
        summary=f"{row.kind} of {row.requester_name or row.requester}",
        page=f"/approvals/{row.request_id}/",
        kept=f"The request {row.request_id} is kept and starts by itself; sending it again does not ask twice.",
    )


def finish_starting_requests() -> int:
    """Start what was asked and not started. Returns how many; stops at the first when Temporal is out of reach."""
    started = 0
    rows = ApprovalRequest.objects.filter(
        status=ApprovalRequest.STARTING, submitted_at__lt=timezone.now() - START_AGAIN_AFTER
    )
    for row in rows.order_by("pk")[:100]:
        try:
            _start(row)
        except Unavailable as problem:
            log.warning("requests_wait_for_temporal", request_id=row.request_id, problem=problem.detail)
            break
        started += 1
    return started
