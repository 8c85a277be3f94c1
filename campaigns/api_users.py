"""The API's part about one contact: their actor, their own cap, what they wish no more, and asking for a message to them."""

from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router

from campaigns import gateway
from campaigns.api_access import ASK_ACTORS, CHANGE_WISHES, READ_ACTORS
from campaigns.api_types import NewOptOut, OwnCap, SendAnswer, SendAsk, SendRefusal
from campaigns.contract import ActorView, Door, FrequencyCapInput, QuietHours, SendDecision
from dashboard.api_access import Key, caller, claim_key
from dashboard.api_types import BadInput, OutOfReach, Refusal, Trouble
from temporal_worker.snapshots import to_json

router = Router(tags=["users"])

_READ: dict[int, Any] = {401: Trouble, 403: Trouble, 404: Trouble, 422: BadInput, 503: OutOfReach}
_CHANGE: dict[int, Any] = {**_READ, 403: Refusal | Trouble, 409: Refusal, 413: Trouble}
_ACTOR: dict[int, Any] = {200: ActorView, **_CHANGE}


@router.get("/{user_id}/actor", response={200: ActorView, **_READ}, auth=READ_ACTORS, operation_id="get_actor")
def get_actor(request: HttpRequest, user_id: str) -> HttpResponse:
    """What a contact has had, what they wish, and when they may get the next message, by channel. Starts nothing.

    The header `Callboard-Source` is `temporal`, `seed` when no actor runs – this is what a new one would know –, or
    `database` when it could not be asked.
    """
    return _actor(request, user_id)


@router.put("/{user_id}/cap", response=_ACTOR, auth=CHANGE_WISHES, operation_id="set_cap")
def set_cap(request: HttpRequest, user_id: str, body: OwnCap, key: Key = None) -> HttpResponse:
    """Give a contact a cap of their own. It holds from the next request on, whatever campaigns are running."""
    quiet = body.quiet_hours
    cap = FrequencyCapInput(
        max_per_day=body.max_per_day,
        min_hours_between=body.min_hours_between,
        window=body.window.value,
        per_channel=body.per_channel,
        per_category=body.per_category,
        quiet_hours=QuietHours(quiet.start, quiet.end) if quiet else None,
        count_transactional=body.count_transactional,
        time_zone=body.time_zone,
        cleared=body.cleared,
    )
    own_key = claim_key(request, key, body)
    view = gateway.set_cap(user_id, user=_user(request), cap=cap, door=Door.API, key=own_key)
    return JsonResponse(to_json(view))


@router.post(
    "/{user_id}/send-requests",
    response={200: SendAnswer, **_CHANGE, 409: SendRefusal | Refusal},
    auth=ASK_ACTORS,
    operation_id="request_send",
)
def request_send(request: HttpRequest, user_id: str, body: SendAsk, key: Key = None) -> HttpResponse:
    """Ask whether you may send this contact a message, which you then send yourself. 200: yes, and it counts from now on.

    409: no. `code` and `rule` say why, `used_by` what used the cap up, `next_allowed_at` when it would be allowed. Grant
    ids are yours alone, and each contact's own: those of campaigns and of other users are never meant by them, and one id may
    name what you send to many.
    """
    claim_key(request, key, body)
    answer = gateway.request_send(
        user_id,
        user=_user(request),
        channel=body.channel,
        category=body.category,
        grant_id=body.grant_id,
        transactional=body.transactional,
    )
    if isinstance(answer, SendDecision):
        return JsonResponse({**to_json(answer), "detail": answer.reason}, status=409)
    return JsonResponse(
        {
            "allowed": True,
            "grant_id": answer.grant_id,
            "granted_at": answer.granted_at.isoformat(),
            "policy_version": answer.policy_version,
            "run_id": answer.run_id,
        }
    )


@router.post("/{user_id}/opt-outs", response=_ACTOR, auth=CHANGE_WISHES, operation_id="opt_out")
def opt_out(request: HttpRequest, user_id: str, body: NewOptOut, key: Key = None) -> HttpResponse:
    """Take in that a contact wishes no more messages of a channel. It counts at once, also while Temporal is away."""
    claim_key(request, key, body)
    gateway.opt_out(
        user_id, by=caller(request), user=_user(request), channel=body.channel.value, category=body.category
    )
    return _actor(request, user_id)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _actor(request: HttpRequest, user_id: str) -> JsonResponse:
    reading = gateway.read_actor(user_id, user=_user(request))
    return JsonResponse(to_json(reading.view), headers={"Callboard-Source": reading.source})
