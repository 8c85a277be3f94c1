"""A request's page that moves: one fragment for all who look, drawn from one query per change."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.template.loader import render_to_string

from approvals import gateway
from approvals.contract import ApprovalStatus, ApprovalView, approval_workflow_id
from approvals.models import ApprovalRequest
from approvals.notifiers.retries import retries_of
from approvals.presentation import approval_page
from dashboard.demo_time import demo_context
from dashboard.live_pages import LiveProcess
from temporal_worker.client import WorkflowNotFound


def request_context(
    view: ApprovalView, *, as_of: datetime | None = None, from_database: bool = False
) -> dict[str, Any]:
    """What the shared fragments are drawn from. ``as_of`` when this is not what is true now, only what was known then."""
    clock = demo_context(view.workflow_id)
    return {
        **clock,
        "page": approval_page(view, clock["now"], as_of=as_of),
        "from_database": from_database,
    }


def live_fragments(view: ApprovalView) -> str:
    """All shared fragments of the request's page, each with its id; the same for the page, an answer and the sockets."""
    return render_to_string("approvals/_request_live.html", request_context(view))


def unavailable_fragment() -> str:
    """The notice that stands above a request while Temporal or its worker is out of reach."""
    return render_to_string("approvals/_request_notice.html", {"unreachable": True, "since": datetime.now(UTC)})


def retries_fragment(retried: Mapping[str, dict[str, Any]]) -> str:
    """Which notices are being tried again. Not one of the shared fragments: workflows do not know it."""
    return render_to_string("approvals/_request_retries.html", {"retries": retries_of(retried, datetime.now(UTC))})


class RequestSource:
    """What the hub asks for frames."""

    async def fetch(self, workflow_id: str, timeout: float) -> dict[str, Any]:
        try:
            view = await gateway.afetch_request(workflow_id.removeprefix("approval-"), timeout)
        except gateway.RequestNotFound as error:
            raise WorkflowNotFound(workflow_id) from error
        return {"version": view.version, "view": view}

    def render(self, state: dict[str, Any]) -> str:
        return live_fragments(state["view"])


request_source = RequestSource()


def live_request(request_id: str) -> LiveProcess:
    """The request as its page follows it."""

    def has_started() -> bool | None:
        row = ApprovalRequest.objects.filter(request_id=request_id).only("status").first()
        return None if row is None else row.status != ApprovalRequest.STARTING

    return LiveProcess(
        workflow_id=approval_workflow_id(request_id),
        source=request_source,
        unavailable=unavailable_fragment,
        may_see=lambda user: gateway.may_see(user, request_id),
        has_started=has_started,
        is_over=lambda state: ApprovalStatus(state["view"].status).is_final,
        is_personal=True,
    )
