"""The campaigns' part of the JSON API. Answers are the campaign as :class:`campaigns.contract.CampaignView` spells it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, cast

from django.contrib.auth.models import User
from django.core.signing import BadSignature, dumps, loads
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Query, Router

from campaigns import gateway, projection
from campaigns.api_access import READ_CAMPAIGNS, RUN_CAMPAIGNS, WRITE_CAMPAIGNS
from campaigns.api_types import CampaignPage, Launch, NewCampaign, Why
from campaigns.contract import CampaignStatus, CampaignView, Channel, Door
from campaigns.gateway import Draft
from campaigns.live import TEXTS
from campaigns.models import Campaign, CampaignSettings
from campaigns.standing import standing_of, stands_at
from dashboard.api_access import Key, claim_key
from dashboard.api_types import BadInput, OutOfReach, Refusal, Trouble
from temporal_worker.snapshots import to_json

router = Router(tags=["campaigns"])

CURSOR_SALT = "campaigns.api.cursor"
# What a call without a body means.
NO_WORDS = Launch()
NO_REASON = Why()

_READ: dict[int, Any] = {401: Trouble, 403: Trouble, 404: Trouble, 422: BadInput, 503: OutOfReach}
_CHANGE: dict[int, Any] = {**_READ, 403: Refusal | Trouble, 409: Refusal, 413: Trouble}
_CAMPAIGN: dict[int, Any] = {200: CampaignView, **_CHANGE}


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("", response={200: CampaignPage, **_READ}, auth=READ_CAMPAIGNS, operation_id="list_campaigns")
def list_campaigns(
    request: HttpRequest,
    status: Annotated[CampaignStatus | None, Query(description="Only campaigns of this status.")] = None,
    cursor: Annotated[str, Query(max_length=500, description="`next_cursor` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=100, description="Campaigns on a page.")] = 25,
) -> HttpResponse:
    """Campaigns and drafts as they were last saved, newest first, a page at a time."""
    rows = Campaign.objects.select_related("first")
    if status == CampaignStatus.SCHEDULED:
        rows = rows.filter(stands_at(status, Campaign.STARTING))
    elif status:
        rows = rows.filter(stands_at(status))
    if cursor:
        created_at, pk = _read_cursor(cursor)
        rows = rows.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk))
    page = list(rows.order_by("-created_at", "-pk")[: limit + 1])
    next_cursor = _cursor_after(page[limit - 1]) if len(page) > limit else None
    rate = CampaignSettings.current().rate_per_minute
    items = [to_json(_as_promised(projection.load_view(row), rate, row)) for row in page[:limit]]
    return JsonResponse({"items": items, "next_cursor": next_cursor})


@router.get("/{campaign_id}", response={200: CampaignView, **_READ}, auth=READ_CAMPAIGNS, operation_id="get_campaign")
def get_campaign(request: HttpRequest, campaign_id: str) -> HttpResponse:
    """One campaign as its workflow knows it now, or, when that is out of reach or over, as it was last saved.

    The headers `Callboard-Source` (`temporal` or `database`) and `Callboard-As-Of` tell which of the two it is. Of a
    draft all counts are 0: its audience is written down when it is launched. A recurring campaign is `scheduled` between two
    of its times, `paused` when those are, and its counts are its first time's; each later time is a campaign `…-<n>`.
    """
    reading = gateway.read_campaign(campaign_id, _user(request))
    headers = {"Callboard-Source": reading.source, "Callboard-As-Of": reading.as_of.isoformat()}
    return _answer(reading.view, headers=headers)


# ── Acting ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.post("", response={201: CampaignView, **_CHANGE}, auth=WRITE_CAMPAIGNS, operation_id="create_campaign")
def create_campaign(request: HttpRequest, body: NewCampaign, key: Key = None) -> HttpResponse:
    """Write a draft. Nothing is sent before it is launched."""
    is_sms = body.channel == Channel.SMS
    draft = Draft(
        name=body.name,
        channel=body.channel.value,
        audience=body.audience,
        subject="" if is_sms else body.template.subject,
        body_text=body.template.body,
        body_html=body.template.body_html,
        category=body.category,
        transactional=body.transactional,
        rate_per_minute=body.rate_per_minute,
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        defers=body.defers,
        recurs=body.recurs,
        time_zone=body.time_zone,
        missed_runs=body.missed_runs.value,
        late_minutes=body.late_minutes,
    )
    own_key = claim_key(request, key, body)
    with _in_the_callers_words():
        view = gateway.create_draft(user=_user(request), draft=draft, key=own_key)
    return _answer(view, status=201, headers={"Location": f"{request.path}/{view.campaign_id}"})


@router.post("/{campaign_id}/launch", response=_CAMPAIGN, auth=RUN_CAMPAIGNS, operation_id="launch_campaign")
def launch(request: HttpRequest, campaign_id: str, body: Launch = NO_WORDS, key: Key = None) -> HttpResponse:
    """Launch a draft, once. Above the configured number of recipients it is `awaiting_approval` first.

    503: it is kept and starts by itself; the same call with the same key is answered with it.
    """
    own_key = claim_key(request, key, body)
    with _in_the_callers_words():
        view = gateway.launch(campaign_id, user=_user(request), door=Door.API, key=own_key)
    return _answer(view)


@router.post("/{campaign_id}/pause", response=_CAMPAIGN, auth=RUN_CAMPAIGNS, operation_id="pause_campaign")
def pause(request: HttpRequest, campaign_id: str, body: Why = NO_REASON, key: Key = None) -> HttpResponse:
    """Stop for now. No message begins after the answer.

    Of a recurring campaign between two times, no time begins any; one that is under way, `…-<n>`, goes on until it is paused
    itself.
    """
    own_key = claim_key(request, key, body)
    view = gateway.pause(campaign_id, user=_user(request), door=Door.API, reason=body.reason or "", key=own_key)
    return _answer(view)


@router.post("/{campaign_id}/resume", response=_CAMPAIGN, auth=RUN_CAMPAIGNS, operation_id="resume_campaign")
def resume(request: HttpRequest, campaign_id: str, body: Why = NO_REASON, key: Key = None) -> HttpResponse:
    """Go on where it was paused: nobody is left out, and nobody gets it twice.

    With a recurring campaign its paused times come again; an occurrence `…-<n>` goes on alone.
    """
    own_key = claim_key(request, key, body)
    view = gateway.resume(campaign_id, user=_user(request), door=Door.API, reason=body.reason or "", key=own_key)
    return _answer(view)


@router.post("/{campaign_id}/cancel", response=_CAMPAIGN, auth=RUN_CAMPAIGNS, operation_id="cancel_campaign")
def cancel(request: HttpRequest, campaign_id: str, body: Why = NO_REASON, key: Key = None) -> HttpResponse:
    """End it for good: who has not got it is denied, as `campaign_cancelled`."""
    own_key = claim_key(request, key, body)
    view = gateway.cancel(campaign_id, user=_user(request), door=Door.API, reason=body.reason or "", key=own_key)
    return _answer(view)


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _answer(view: CampaignView, *, status: int = 200, headers: dict[str, str] | None = None) -> JsonResponse:
    rate = view.rate_per_minute or CampaignSettings.current().rate_per_minute
    row = Campaign.objects.filter(campaign_id=view.campaign_id).defer(*TEXTS).first()
    return JsonResponse(to_json(_as_promised(view, rate, row)), status=status, headers=headers)


def _as_promised(view: CampaignView, rate: int, row: Campaign | None) -> CampaignView:
    """In the contract's words: what is launched and has no workflow yet is scheduled, and a draft has the settings' rate.

    A recurring one is over when no more of its times come, not with its first one.
    """
    status = standing_of(row, view.status) if row is not None else view.status
    status = CampaignStatus.SCHEDULED if status == Campaign.STARTING else status
    return replace(view, status=status, rate_per_minute=view.rate_per_minute or rate)


_NAMES = {"subject": "template.subject", "body_text": "template.body", "body_html": "template.body_html"}


@contextmanager
def _in_the_callers_words() -> Iterator[None]:
    """A problem of the texts is laid to the field that the caller has sent."""
    try:
        yield
    except gateway.InvalidRequest as problem:
        raise gateway.InvalidRequest(_NAMES.get(problem.field, problem.field), problem.detail) from problem


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        created_at, pk = loads(cursor, salt=CURSOR_SALT)
    except BadSignature as error:
        raise gateway.InvalidRequest("cursor", "is not one that a page before has given") from error
    return datetime.fromisoformat(created_at), pk


def _cursor_after(row: Campaign) -> str:
    return dumps([row.created_at.isoformat(), row.pk], salt=CURSOR_SALT)
