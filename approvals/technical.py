"""Which workflows are requests and bulk decisions, for the technical view."""

from functools import partial

from django.contrib.auth.models import User
from django.urls import reverse

from approvals import gateway
from approvals.contract import approval_workflow_id, bulk_workflow_id, is_request_id
from approvals.models import ApprovalRequest, BulkJob
from dashboard.technical.processes import Process


def recognise(workflow_id: str) -> Process | None:
    request_id = workflow_id.removeprefix(approval_workflow_id(""))
    if workflow_id == approval_workflow_id(request_id):
        return _request(request_id)
    job_id = workflow_id.removeprefix(bulk_workflow_id(""))
    return _bulk(job_id) if workflow_id == bulk_workflow_id(job_id) else None


def _request(request_id: str) -> Process | None:
    if not is_request_id(request_id) or not ApprovalRequest.objects.filter(request_id=request_id).exists():
        return None
    link = reverse("approvals:detail", args=[request_id])
    return Process(request_id, link, "approvals", partial(gateway.may_see, request_id=request_id))


def _bulk(job_id: str) -> Process | None:
    job = BulkJob.objects.filter(job_id=job_id).only("user_id").first()
    if job is None:
        return None

    def may_see(user: User) -> bool:
        return user.pk == job.user_id

    return Process("Decisions together", reverse("approvals:bulk_job", args=[job_id]), "approvals", may_see)
