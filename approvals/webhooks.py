"""Slack's door: signed button presses, and the forms behind them.

A button opens a form, and the form decides. Slack wants an answer within three seconds: a decision that takes longer is
noted as taken in, and whoever pressed is told by a message of their own.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillAtIt
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from slack_sdk.signature import SignatureVerifier

from approvals import audit, gateway
from approvals.contract import MAX_COMMENT, Door, InvalidField, is_request_id
from approvals.models import SlackIdentity, SlackPress
from approvals.notifiers import slack_card, slack_client, slack_presses
from approvals.notifiers.slack_client import SlackProblem
from approvals.standing import place_for
from approvals.strangers import note_stranger
from dashboard.strict_json import read_json

MAX_BODY = 256 * 1024
DECIDES_WITHIN = 1.8
"""Seconds that the form waits for its decision, of Slack's three."""
NOT_LINKED = (
    "Your Slack account is not linked to an account of Callboard, so you cannot decide here. Administrators link them."
)
TAKEN_IN = "It is taken in and being recorded. You will get a message when it counts."

log = structlog.get_logger(__name__)
_presses = ThreadPoolExecutor(max_workers=8, thread_name_prefix="slack-press")


class Forged(Exception):
    """It does not come from our Slack; the text says why, for our log only."""


@csrf_exempt
def slack_interactivity(request: HttpRequest) -> HttpResponse:
    """``POST /webhooks/slack/interactivity``. 401: not from our Slack; 413: the size; 422: the content; 404: Slack is off."""
    if not settings.SLACK_SIGNING_SECRET:
        return JsonResponse({"detail": "Slack is not set up here."}, status=404)
    if request.method != "POST":
        return JsonResponse({"detail": "Slack sends by POST."}, status=405, headers={"Allow": "POST"})
    try:
        body = request.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            return JsonResponse({"detail": f"A press has {MAX_BODY} bytes at most."}, status=413)
        check_signature(request, body)
        return _take(_payload(body))
    except UnreadablePostError:
        return JsonResponse({"detail": "The body broke off."}, status=400)
    except Forged as error:
        log.warning("slack_press_refused", reason=str(error))
        note_stranger(Door.SLACK, "interactivity", "forged", str(error))
        return JsonResponse({"detail": "This does not come from our Slack."}, status=401)
    except InvalidField as error:
        log.warning("slack_press_refused", reason=str(error))
        return JsonResponse({"detail": str(error), "field": error.field}, status=422)
    except DatabaseError:
        log.exception("slack_press_not_stored")
        return JsonResponse({"detail": "Try again in a moment."}, status=503, headers={"Retry-After": "5"})


def check_signature(request: HttpRequest, body: bytes) -> None:
    """Raises :class:`Forged`."""
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    signature = request.headers.get("X-Slack-Signature", "")
    # The SDK's check raises for a timestamp that is no number, a body that is no UTF-8 and a signature that is no ASCII,
    # and reads "+5", " 5" and "٥" as numbers.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Forged("no timestamp")
    try:
        is_valid = SignatureVerifier(settings.SLACK_SIGNING_SECRET).is_valid(body, timestamp, signature)
    except (ValueError, TypeError) as error:
        raise Forged(str(error)) from error
    if not is_valid:
        raise Forged("the signature or its time is wrong")


# ── What came in ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _payload(body: bytes) -> dict[str, Any]:
    """Raises InvalidField."""
    try:
        fields = parse_qs(body.decode("utf-8"), max_num_fields=20)
    except ValueError as error:
        raise InvalidField("body", "is not a form") from error
    payload = read_json(fields.get("payload", ["null"])[0].encode("utf-8", "surrogatepass"))
    if not isinstance(payload, dict):
        raise InvalidField("payload", "must be an object")
    return payload


def _text(payload: Any, *path: str | int) -> str:
    """The text at a path. Raises InvalidField."""
    value = payload
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            raise InvalidField(".".join(map(str, path)), "is missing") from None
    if not isinstance(value, str):
        raise InvalidField(".".join(map(str, path)), "must be a text")
    return value


def _take(payload: dict[str, Any]) -> HttpResponse:
    if _text(payload, "team", "id") != settings.SLACK_TEAM_ID:
        raise Forged("it comes from another workspace")
    match payload.get("type"):
        case "block_actions":
            return _open_form(payload)
        case "view_submission" if _text(payload, "view", "callback_id") == slack_card.DECISION_FORM:
            return _decide(payload)
    return HttpResponse()


def _person(payload: dict[str, Any]) -> User | None:
    """Whose Slack account it is: active, and of our workspace (a shared channel has people of others)."""
    slack_user_id = _text(payload, "user", "id")
    team_id = payload["user"].get("team_id") or settings.SLACK_TEAM_ID
    identity = SlackIdentity.objects.select_related("user").filter(
        team_id=team_id, slack_user_id=slack_user_id, user__is_active=True
    )
    found = identity.first()
    return found.user if found else None


# ── A button: its form ───────────────────────────────────────────────────────────────────────────────────────────────


def _open_form(payload: dict[str, Any]) -> HttpResponse:
    action = _text(payload, "actions", 0, "action_id")
    if action not in (slack_card.APPROVE, slack_card.REJECT):
        return HttpResponse()  # a link, which the browser follows
    approved = action == slack_card.APPROVE
    request_id, state_version = _seen(_text(payload, "actions", 0, "value"))
    slack_user_id, channel = _text(payload, "user", "id"), _channel(payload)
    try:
        user = _person(payload)
        if user is None:
            _refuse(payload, request_id, approved, "not_linked", NOT_LINKED, channel)
            return HttpResponse()
        view = gateway.read_request(request_id, user).view
    except gateway.RequestNotFound:
        _refuse(payload, request_id, approved, "not_found", "This request is not one of yours.", channel, user)
        return HttpResponse()
    place = place_for(view, user.username, timezone.now())
    private = {
        "request_id": request_id,
        "state_version": state_version,
        "approved": approved,
        "channel": channel,
        "place": place,
    }
    behalf = view.name_of(place) if place != user.username else ""
    try:
        form = slack_card.form(view, approved=approved, behalf=behalf, private=json.dumps(private))
        trigger_id = _text(payload, "trigger_id")
        slack_client.call("views.open", timeout=slack_client.PRESS_TIMEOUT, trigger_id=trigger_id, view=form)
    except SlackProblem as problem:
        log.warning("slack_form_not_opened", request_id=request_id, slack_user_id=slack_user_id, reason=str(problem))
    return HttpResponse()


def _seen(value: str) -> tuple[str, int]:
    """What a button or a form is for: the request, and the state version that it showed. Raises InvalidField."""
    seen = read_json(value.encode())
    request_id, state_version = _text(seen, "request_id"), seen.get("state_version")
    if not is_request_id(request_id):
        raise InvalidField("request_id", "is not one")
    if type(state_version) is not int or not 0 <= state_version < 2**31:
        raise InvalidField("state_version", "must be a whole number")
    return request_id, state_version


def _channel(payload: dict[str, Any]) -> str:
    channel = payload.get("channel")
    return str(channel.get("id") or "")[:80] if isinstance(channel, dict) else ""


def _refuse(
    payload: dict[str, Any],
    request_id: str,
    approved: bool,
    code: str,
    reason: str,
    channel: str,
    user: User | None = None,
) -> None:
    """Note for the auditors what never gets to the gateway, and tell whoever pressed."""
    slack_user_id = _text(payload, "user", "id")
    audit.record_attempt(
        request_id=request_id,
        who=user.username if user else f"slack:{slack_user_id}",
        door=Door.SLACK,
        what="approve" if approved else "reject",
        code=code,
        reason=reason,
    )
    _presses.submit(slack_presses.tell_in_thread, channel, slack_user_id, reason)


# ── The form: the decision ───────────────────────────────────────────────────────────────────────────────────────────


def _decide(payload: dict[str, Any]) -> HttpResponse:
    private = _text(payload, "view", "private_metadata")
    request_id, state_version = _seen(private)
    rest = read_json(private.encode())
    approved, channel = rest.get("approved") is True, str(rest.get("channel") or "")[:80]
    user = _person(payload)
    if user is None:
        _refuse(payload, request_id, approved, "not_linked", NOT_LINKED, channel)
        return _show(NOT_LINKED, request_id)
    comment = _comment(payload)
    press, _ = SlackPress.objects.get_or_create(
        press_id=_press_id(_text(payload, "view", "id"), approved, comment),
        defaults={
            "user": user,
            "request_id": request_id,
            "approved": approved,
            "comment": comment,
            # A form from before places decides in its person's own.
            "on_behalf_of": str(rest.get("place") or user.username)[:150],
            "state_version": state_version,
            "channel": channel,
            "slack_user_id": _text(payload, "user", "id"),
        },
    )
    if press.state == SlackPress.State.DONE:
        return _show(press.outcome, request_id)
    return _decided_in_time(press)


def _press_id(view_id: str, approved: bool, comment: str) -> str:
    """One for each form and what it says: the same form sent again is the same press, a mended one is another."""
    said = sha256(f"{approved}:{comment}".encode()).hexdigest()[:16]
    return f"{view_id[:150]}:{said}"


def _comment(payload: dict[str, Any]) -> str:
    """Raises InvalidField."""
    values = payload["view"].get("state")
    try:
        value = values["values"][slack_card.COMMENT_BLOCK][slack_card.COMMENT].get("value")
    except (KeyError, TypeError, AttributeError):
        raise InvalidField("view.state", "has no comment") from None
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_COMMENT:
        raise InvalidField("comment", f"must be a text of {MAX_COMMENT} characters at most")
    return value


def _decided_in_time(press: SlackPress) -> HttpResponse:
    """The outcome in the form, when it comes within Slack's three seconds; else the thread, or the worker, tells it later."""
    working = _presses.submit(slack_presses.decide_in_thread, press)
    try:
        outcome = working.result(timeout=DECIDES_WITHIN)
    except gateway.InvalidRequest as problem:
        press.delete()
        return JsonResponse({"response_action": "errors", "errors": {slack_card.COMMENT_BLOCK: problem.detail}})
    except StillAtIt:
        # Its own thread goes on, and this repeats its question: the answer to the same key is the same.
        working.add_done_callback(lambda _: slack_presses.finish_in_thread(press))
        return _show(TAKEN_IN, press.request_id)
    except gateway.Unavailable:
        return _show(TAKEN_IN, press.request_id)  # the worker finishes it
    slack_presses.settle(press, outcome)
    return _show(outcome, press.request_id)


def _show(sentence: str, request_id: str) -> HttpResponse:
    return JsonResponse({"response_action": "update", "view": slack_card.outcome_form(sentence, request_id)})
