"""What the search box finds among the requests: of those that somebody has a part in, or of all for who may see all."""

from django.contrib.auth.models import User
from django.urls import reverse

from approvals.contract import is_request_id
from approvals.gateway.rights import SEE_ALL, TAKE_PART, may_see
from approvals.listing import Listing
from approvals.models import ApprovalRequest, BulkJob
from approvals.presentation.status import status_of_row
from dashboard.search.findings import Asked, Finding, Group
from dashboard.search.planning import planned

FIELDS = ("request_id", "title", "requester_name", "requester", "status", "is_escalated")
_BULK = "bulk-decision-"


def page_of(user: User, text: str) -> str | None:
    if text.startswith(_BULK):
        job = BulkJob.objects.filter(job_id=text.removeprefix(_BULK), user=user).first()
        return None if job is None else reverse("approvals:bulk_job", args=[job.job_id])
    request_id = text.removeprefix("approval-")
    if not is_request_id(request_id) or not may_see(user, request_id):
        return None
    return reverse("approvals:detail", args=[request_id])


def find(user: User, asked: Asked, most: int) -> list[Group]:
    """The rows are asked, and no workflow: somebody who was brought in this moment finds the request a moment later."""
    if not user.has_perm(TAKE_PART) and not user.has_perm(SEE_ALL):
        return []
    listing = Listing.read({"q": " ".join(asked.words), "tab": "all"}, sees_all=user.has_perm(SEE_ALL))
    requests = listing.requests(user.get_username(), ()).order_by("-submitted_at", "-pk")
    found = list(planned(requests).only(*FIELDS)[: most + 1])
    # Who may see all and takes no part has no list.
    more = reverse("approvals:list") + listing.url() if len(found) > most and user.has_perm(TAKE_PART) else ""
    return [Group("Approvals", "approvals", [_finding(one) for one in found[:most]], more)]


def _finding(one: ApprovalRequest) -> Finding:
    status = status_of_row(one.status, is_escalated=one.is_escalated)
    return Finding(
        title=one.title,
        detail=f"{one.request_id} · {one.requester_name or one.requester}",
        url=reverse("approvals:detail", args=[one.request_id]),
        mark=status.mark,
        word=status.word,
    )
