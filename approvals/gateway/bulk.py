"""Deciding many requests at once: the job's rows first, then the workflow that decides one after the other."""

from collections.abc import Sequence

import structlog
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from approvals.contract import (
    BULK_WORKFLOW_TYPE,
    TASK_QUEUE,
    BulkDecision,
    BulkInput,
    BulkItem,
    By,
    Door,
    bulk_workflow_id,
)
from approvals.gateway.acting import decide
from approvals.gateway.problems import (
    ApprovalProblem,
    InvalidRequest,
    KeyReused,
    RequestNotFound,
    Unavailable,
    naming_the_field,
)
from approvals.gateway.rights import may_see, require_part
from approvals.gateway.updating import noting_refusals
from approvals.models import ApprovalRequest, BulkItemRow, BulkJob
from temporal_worker.starting import start_of_row

MOST_ITEMS = 500

log = structlog.get_logger(__name__)


def start_bulk(*, user: User, approved: bool, comment: str, items: Sequence[tuple[str, int]], key: str) -> BulkJob:
    """One decision about each of ``(request id, state version)``. The same key is the same job, however often pressed.

    Raises:
        InvalidRequest, NotPermitted, KeyReused
        Unavailable: the job is kept and starts by itself later
    """
    with noting_refusals("", By(user.username, Door.WEB), "approve" if approved else "reject"):
        require_part(user)
    job = BulkJob.objects.filter(job_id=_job_id(user, key)).first() or _write_job(user, approved, comment, items, key)
    asked = sorted(items)
    is_same = job.approved == approved and job.comment == comment.strip()
    if not is_same or sorted(job.items.values_list("request_id", "state_version")) != asked:
        raise KeyReused
    if not job.started:
        start_job(job)
    return job


def read_bulk(job_id: str, user: User) -> BulkJob:
    """Somebody's own job. Raises RequestNotFound."""
    job = BulkJob.objects.filter(job_id=job_id, user=user).first()
    if job is None:
        raise RequestNotFound(job_id)
    return job


def _job_id(user: User, key: str) -> str:
    return f"{user.pk}-{key}"[:64]


def _write_job(user: User, approved: bool, comment: str, items: Sequence[tuple[str, int]], key: str) -> BulkJob:
    if not items:
        raise InvalidRequest("items", "Nothing was selected.")
    if len(items) > MOST_ITEMS:
        raise InvalidRequest("items", f"{MOST_ITEMS} requests at most can be decided at once.")
    rows = ApprovalRequest.objects.in_bulk([request_id for request_id, _ in items], field_name="request_id")
    for request_id, _ in items:
        with noting_refusals(request_id, By(user.username, Door.WEB), "approve" if approved else "reject"):
            if request_id not in rows or not may_see(user, request_id):
                raise InvalidRequest("items", f"There is no request {request_id}.")
    job = BulkJob(job_id=_job_id(user, key), user=user, approved=approved, comment=comment.strip())
    with naming_the_field():
        _input(job, [BulkItem(request_id, version) for request_id, version in items]).check()
    try:
        with transaction.atomic():
            job.save()
            BulkItemRow.objects.bulk_create(
                BulkItemRow(
                    job=job,
                    position=position,
                    request_id=request_id,
                    title=rows[request_id].title,
                    amount_cents=rows[request_id].amount_cents,
                    currency=rows[request_id].currency,
                    state_version=state_version,
                )
                for position, (request_id, state_version) in enumerate(dict(items).items())
            )
    except IntegrityError:  # the other press of the same button
        return BulkJob.objects.get(job_id=job.job_id)
    return job


def _input(job: BulkJob, items: list[BulkItem]) -> BulkInput:
    return BulkInput(job.job_id, job.user.username, job.approved, job.comment, items)


def start_job(job: BulkJob) -> None:
    """Start the job's workflow; a second start changes nothing. Raises Unavailable."""
    items = [BulkItem(row.request_id, row.state_version) for row in job.items.all()]
    start_of_row(
        BULK_WORKFLOW_TYPE,
        _input(job, items),
        id=bulk_workflow_id(job.job_id),
        task_queue=TASK_QUEUE,
        summary=f"{len(items)} decisions of {job.user}",
        page=f"/approvals/bulk/{job.job_id}/",
        kept="Your decisions are kept and are made as soon as it is back.",
    )
    BulkJob.objects.filter(pk=job.pk).update(started=True)


def finish_starting_jobs() -> None:
    """Start the jobs that a crash or an outage kept from starting."""
    for job in BulkJob.objects.filter(started=False).order_by("pk")[:20]:
        try:
            start_job(job)
        except Unavailable as problem:
            log.warning("bulk_decisions_wait_for_temporal", job_id=job.job_id, problem=problem.detail)
            return


def decide_item(decision: BulkDecision) -> bool:
    """One item of a job, for its activity: whether it was taken. Its row keeps how it ended.

    Raises:
        Unavailable: it is tried again
    """
    item = decision.item
    row = BulkItemRow.objects.select_related("job__user").get(job__job_id=decision.job_id, request_id=item.request_id)
    if row.outcome != BulkItemRow.Outcome.WAITING:
        return row.outcome == BulkItemRow.Outcome.DONE
    try:
        view = decide(
            item.request_id,
            user=row.job.user,
            door=Door.WEB,
            approved=decision.approved,
            comment=decision.comment,
            state_version=item.state_version,
            key=f"bulk:{decision.job_id}:{item.request_id}",
        )
    except Unavailable:
        raise
    except ApprovalProblem as problem:
        return _ended(row, BulkItemRow.Outcome.REFUSED, problem.code, problem.detail)
    return _ended(row, BulkItemRow.Outcome.DONE, view.status, "")


def _ended(row: BulkItemRow, outcome: BulkItemRow.Outcome, code: str, detail: str) -> bool:
    row.outcome, row.code, row.detail, row.ended_at = outcome, code, detail, timezone.now()
    row.save(update_fields=["outcome", "code", "detail", "ended_at"])
    return outcome == BulkItemRow.Outcome.DONE
