"""The approval area's part of the JSON API. Answers are the request as :class:`approvals.contract.ApprovalView` spells it."""

from datetime import datetime
from typing import Annotated, Any, cast

from django.contrib.auth.models import User
from django.core.signing import BadSignature, dumps, loads
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from ninja import Query, Router

from approvals import gateway, projection
from approvals.api_access import SEE_ALL, TAKE_PART, may
from approvals.api_types import (
    ApprovalPage,
    Decision,
    Delegation,
    Inbox,
    NewComment,
    NewRequest,
    Resubmission,
    WantedChanges,
    Withdrawal,
)
from approvals.contract import ApprovalStatus, ApprovalView, Door, RequestKind
from approvals.models import ApprovalRequest, Involvement, TrailRow
from approvals.process.bookkeeping import TRAIL_KEPT
from dashboard.api_access import ApiToken, Key, claim_key
from dashboard.api_types import BadInput, OutOfReach, Refusal, Trouble
from temporal_worker.snapshots import to_json

router = Router(tags=["approvals"])

CURSOR_SALT = "approvals.api.cursor"
# What a call without a body means.
NO_REASON = Withdrawal()

SEE = ApiToken(may(TAKE_PART, SEE_ALL))
ACT = ApiToken(may(TAKE_PART))
_READ: dict[int, Any] = {401: Trouble, 403: Trouble, 404: Trouble, 422: BadInput, 503: OutOfReach}
_CHANGE: dict[int, Any] = {**_READ, 403: Refusal | Trouble, 409: Refusal, 413: Trouble}
_REQUEST: dict[int, Any] = {200: ApprovalView, **_CHANGE}


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("", response={200: ApprovalPage, **_READ}, auth=SEE, operation_id="list_approvals")
def list_approvals(
    request: HttpRequest,
    inbox: Annotated[Inbox, Query(description="`mine` is what waits for you.")] = Inbox.MINE,
    status: Annotated[ApprovalStatus | None, Query(description="Only requests of this status.")] = None,
    kind: Annotated[RequestKind | None, Query(description="Only requests of this kind.")] = None,
    cursor: Annotated[str, Query(max_length=500, description="`next_cursor` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=100, description="Requests on a page.")] = 25,
) -> HttpResponse:
    """Requests as they were last saved, newest first, a page at a time."""
    rows = _inbox(_user(request), inbox)
    if status == ApprovalStatus.PENDING:
        rows = rows.filter(status__in=[status, ApprovalRequest.STARTING])
    elif status:
        rows = rows.filter(status=status)
    if kind:
        rows = rows.filter(kind=kind)
    if cursor:
        submitted_at, pk = _read_cursor(cursor)
        rows = rows.filter(Q(submitted_at__lt=submitted_at) | Q(submitted_at=submitted_at, pk__lt=pk))
    newest = TrailRow.objects.order_by("-sequence")[:TRAIL_KEPT]
    page = list(
        rows.order_by("-submitted_at", "-pk").prefetch_related(Prefetch("trail", newest, to_attr="newest_trail"))[
            : limit + 1
        ]
    )
    next_cursor = _cursor_after(page[limit - 1]) if len(page) > limit else None
    return JsonResponse({"items": [_saved_request(row) for row in page[:limit]], "next_cursor": next_cursor})


@router.get("/{request_id}", response={200: ApprovalView, **_READ}, auth=SEE, operation_id="get_approval")
def get_approval(request: HttpRequest, request_id: str) -> HttpResponse:
    """One request as its workflow knows it now, or, when that is out of reach or over, as it was last saved.

    The headers `Callboard-Source` (`temporal` or `database`) and `Callboard-As-Of` tell which of the two it is.
    """
    reading = gateway.read_request(request_id, _user(request))
    headers = {"Callboard-Source": reading.source, "Callboard-As-Of": reading.as_of.isoformat()}
    return _answer(reading.view, headers=headers)


# ── Acting ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("", response={201: ApprovalView, **_CHANGE}, auth=ACT, operation_id="create_approval")
def create_approval(request: HttpRequest, body: NewRequest, key: Key = None) -> HttpResponse:
    """Ask for approval in your own name. Who decides is fixed now, by the policy for its kind and amount."""
    view = gateway.submit_request(
        user=_user(request),
        door=Door.API,
        kind=body.kind,
        title=body.title,
        description=body.description,
        amount_cents=body.amount_cents,
        currency=body.currency,
        starts_on=body.starts_on or "",
        ends_on=body.ends_on or "",
        key=claim_key(request, key, body),
    )
    return _answer(view, status=201, headers={"Location": f"{request.path}/{view.request_id}"})


@router.post("/{request_id}/decisions", response=_REQUEST, auth=ACT, operation_id="decide")
def decide(request: HttpRequest, request_id: str, body: Decision, key: Key = None) -> HttpResponse:
    """Approve or reject what you saw at `state_version`. 403: it is not yours to decide; 409: somebody was first, or it
    has changed since – `first` or `changes` say who, when and what."""
    view = gateway.decide(
        request_id,
        user=_user(request),
        door=Door.API,
        approved=body.approved,
        comment=body.comment,
        state_version=body.state_version,
        on_behalf_of=body.on_behalf_of,
        key=claim_key(request, key, body),
    )
    return _answer(view)


@router.post("/{request_id}/comments", response=_REQUEST, auth=ACT, operation_id="add_comment")
def add_comment(request: HttpRequest, request_id: str, body: NewComment, key: Key = None) -> HttpResponse:
    """Say something about a request; it decides nothing."""
    view = gateway.add_comment(
        request_id, user=_user(request), door=Door.API, text=body.text, key=claim_key(request, key, body)
    )
    return _answer(view)


@router.post("/{request_id}/withdrawal", response=_REQUEST, auth=ACT, operation_id="withdraw_approval")
def withdraw(request: HttpRequest, request_id: str, body: Withdrawal = NO_REASON, key: Key = None) -> HttpResponse:
    """Take back a request of your own that is not decided yet."""
    view = gateway.withdraw(
        request_id, user=_user(request), door=Door.API, reason=body.reason or "", key=claim_key(request, key, body)
    )
    return _answer(view)


@router.post("/{request_id}/changes", response=_REQUEST, auth=ACT, operation_id="request_changes")
def request_changes(request: HttpRequest, request_id: str, body: WantedChanges, key: Key = None) -> HttpResponse:
    """As an approver, say what should be different. Nobody can decide until the requester has asked again."""
    view = gateway.request_changes(
        request_id,
        user=_user(request),
        door=Door.API,
        comment=body.comment,
        state_version=body.state_version,
        key=claim_key(request, key, body),
    )
    return _answer(view)


@router.post("/{request_id}/resubmission", response=_REQUEST, auth=ACT, operation_id="resubmit")
def resubmit(request: HttpRequest, request_id: str, body: Resubmission, key: Key = None) -> HttpResponse:
    """Ask again, changed: a new round from the first level on, in which no decision of the rounds before counts."""
    view = gateway.resubmit(
        request_id,
        user=_user(request),
        door=Door.API,
        title=body.title,
        description=body.description,
        amount_cents=body.amount_cents,
        starts_on=body.starts_on,
        ends_on=body.ends_on,
        comment=body.comment,
        key=claim_key(request, key, body),
    )
    return _answer(view)


@router.post("/{request_id}/delegation", response=_REQUEST, auth=ACT, operation_id="delegate")
def delegate(request: HttpRequest, request_id: str, body: Delegation, key: Key = None) -> HttpResponse:
    """Hand over what you have to decide on this request, until a moment. You may still decide it yourself."""
    view = gateway.delegate(
        request_id,
        user=_user(request),
        door=Door.API,
        to=body.to,
        until=body.until,
        reason=body.reason or "",
        key=claim_key(request, key, body),
    )
    return _answer(view)


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _answer(view: ApprovalView, *, status: int = 200, headers: dict[str, str] | None = None) -> JsonResponse:
    return JsonResponse(to_json(view), status=status, headers=headers)


def _inbox(user: User, inbox: Inbox) -> QuerySet[ApprovalRequest]:
    now = timezone.now()
    mine = Involvement.objects.filter(username=user.username)
    has_begun = Q(starts_at=None) | Q(starts_at__lte=now)
    match inbox:
        case Inbox.MINE:
            places = mine.filter(has_begun, Q(until=None) | Q(until__gt=now), can_decide=True)
            waiting = [ApprovalStatus.PENDING, ApprovalRequest.STARTING]
            return ApprovalRequest.objects.filter(pk__in=places.values("request"), status__in=waiting)
        case Inbox.REQUESTED:
            return ApprovalRequest.objects.filter(requester=user.username)
        case Inbox.DECIDED:
            return ApprovalRequest.objects.filter(pk__in=mine.exclude(decided_at=None).values("request"))
    if user.has_perm(SEE_ALL):
        return ApprovalRequest.objects.all()
    return ApprovalRequest.objects.filter(pk__in=mine.filter(has_begun).values("request"))


def _saved_request(row: Any) -> dict[str, Any]:
    """A row as a request's JSON, without asking for its trail row by row."""
    if not row.snapshot:
        return to_json(projection.load_view(row))
    trail = [to_json(projection.to_entry(entry)) for entry in reversed(row.newest_trail)]
    return {**row.snapshot, "trail": trail}


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        submitted_at, pk = loads(cursor, salt=CURSOR_SALT)
    except BadSignature as error:
        raise gateway.InvalidRequest("cursor", "is not one that a page before has given") from error
    return datetime.fromisoformat(submitted_at), pk


def _cursor_after(row: ApprovalRequest) -> str:
    return dumps([row.submitted_at.isoformat(), row.pk], salt=CURSOR_SALT)
