"""Slack's messages: one for each level and round, posted once and then kept as the request is.

Slack has no idempotency key. So the row is written before the message is posted, and a message whose fate is unknown – the
answer was lost, the worker died – is looked for in its channel by its metadata before anybody posts again.
"""

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from approvals.contract import SlackCard, SlackMode
from approvals.models import ApprovalRequest, SlackMessage
from approvals.notifiers import slack_card, slack_client
from approvals.notifiers.retries import without_row
from approvals.notifiers.slack_client import NotDone, OutcomeUnknown, Refused, SlackProblem
from approvals.notifiers.slack_presses import finish_presses as finish_presses

SURE_AFTER = timedelta(seconds=15)
"""A call that began this long ago has ended: what is not in the channel by then was not posted."""
PAGES = 20
"""Of 200 messages each, that are searched at most."""

log = structlog.get_logger(__name__)


def publish_card(card: SlackCard) -> None:
    """Post the level's message, or bring it up to date. Nothing when Slack is off.

    Raises:
        ApplicationError: not now (it is tried again), or never (``non_retryable``)
    """
    if not slack_client.is_on() or card.request.slack == SlackMode.OFF:
        return
    row = ApprovalRequest.objects.filter(request_id=card.request.request_id).first()
    if row is None:
        raise without_row(card.request.request_id)
    try:
        _publish(row, card)
    except SlackProblem as problem:
        raise ApplicationError(
            str(problem),
            type=type(problem).__name__,
            non_retryable=isinstance(problem, Refused),
            next_retry_delay=timedelta(seconds=problem.retry_after) if problem.retry_after else None,
        ) from problem


def _publish(row: ApprovalRequest, card: SlackCard) -> None:
    place = {"request": row, "round": card.round, "level": card.level}
    message = SlackMessage.objects.filter(**place).first()
    if message is None:
        if not slack_card.is_open(card):
            return  # Slack was away while it was open: there is nothing to decide any more
        message, is_mine = SlackMessage.objects.get_or_create(**place, defaults={"channel": card.request.slack_channel})
    else:
        is_mine = False
    if message.state == SlackMessage.State.POSTING and not (is_mine or _find_or_claim(message, card)):
        return
    if message.state == SlackMessage.State.POSTING:
        _post(message, card)
    elif message.shown_version < card.request.version:
        _update(message, card)


def _post(message: SlackMessage, card: SlackCard) -> None:
    try:
        answer = slack_client.call(
            "chat.postMessage",
            channel=message.channel,
            text=slack_card.summary(card),
            blocks=slack_card.message(card),
            metadata=slack_card.metadata(card),
            unfurl_links=False,
            unfurl_media=False,
        )
    except (NotDone, Refused):
        message.delete()  # surely not posted: the next try starts anew
        raise
    _note_posted(message, answer.get("channel") or message.channel, str(answer["ts"]), card.request.version)


def _update(message: SlackMessage, card: SlackCard) -> None:
    try:
        slack_client.call(
            "chat.update",
            channel=message.channel,
            ts=message.ts,
            text=slack_card.summary(card),
            blocks=slack_card.message(card),
            metadata=slack_card.metadata(card),
        )
    except Refused as problem:
        if problem.code != "message_not_found":
            raise
        log.warning("slack_message_is_gone", request_id=card.request.request_id, ts=message.ts)
    SlackMessage.objects.filter(pk=message.pk, shown_version__lt=card.request.version).update(
        shown_version=card.request.version, updated_at=timezone.now()
    )


def _find_or_claim(message: SlackMessage, card: SlackCard) -> bool:
    """Whether to go on with a message that somebody began to post: it is found now, or it is ours to post.

    Raises:
        OutcomeUnknown: it is not in the channel, and may still be on its way
    """
    began_at = message.updated_at
    found = _find(message.channel, began_at, slack_card.metadata(card))
    if found is not None:
        _note_posted(message, message.channel, found, 0)
        return True
    now = timezone.now()
    if began_at > now - SURE_AFTER:
        raise OutcomeUnknown("the message may still be on its way")
    # Of two who find nothing, one posts.
    return bool(SlackMessage.objects.filter(pk=message.pk, updated_at=began_at).update(updated_at=now))


def _find(channel: str, began_at: datetime, metadata: dict[str, Any]) -> str | None:
    """The ``ts`` of the message with this metadata."""
    since = f"{(began_at - timedelta(minutes=1)).timestamp():.6f}"
    cursor = ""
    for _ in range(PAGES):
        page = slack_client.call(
            "conversations.history",
            channel=channel,
            oldest=since,
            limit=200,
            include_all_metadata=True,
            cursor=cursor,
        )
        for each in page.get("messages", []):
            if (each.get("metadata") or {}).items() >= metadata.items():
                return str(each["ts"])
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return None
    return None


def _note_posted(message: SlackMessage, channel: str, ts: str, version: int) -> None:
    message.channel, message.ts, message.state = channel, ts, SlackMessage.State.POSTED
    message.shown_version = version
    message.save(update_fields=["channel", "ts", "state", "shown_version", "updated_at"])
