"""What people decide in Slack: taken in once, decided by the gateway like everything else, and answered to whoever pressed."""

from datetime import timedelta

import structlog
from django.db import close_old_connections
from django.utils import timezone

from approvals import gateway
from approvals.contract import ApprovalView, Door
from approvals.models import SlackPress
from approvals.notifiers import slack_card, slack_client
from approvals.notifiers.slack_client import SlackProblem

LEFT_AFTER = timedelta(seconds=10)
"""A press that is still undecided after this long was left so by a crash or an outage."""

log = structlog.get_logger(__name__)


def decide_press(press: SlackPress) -> str:
    """Decide what was pressed, once however often it is called, and return the sentence for whoever pressed.

    Raises:
        gateway.Unavailable: the press stays on the list and is finished later
        gateway.InvalidRequest: the form can be mended and sent again
    """
    try:
        view = gateway.decide(
            press.request_id,
            user=press.user,
            door=Door.SLACK,
            approved=press.approved,
            comment=press.comment,
            state_version=press.state_version,
            # A press from before places is its person's own.
            on_behalf_of=press.on_behalf_of or press.user.username,
            key=f"slack:{press.press_id}",
        )
    except (gateway.Unavailable, gateway.InvalidRequest):
        raise
    except gateway.ApprovalProblem as problem:
        return problem.detail
    return _sentence(press, view)


def _sentence(press: SlackPress, view: ApprovalView) -> str:
    word = "approved" if press.approved else "rejected"
    return f"You {word} “{view.title}”. The request is {view.status.replace('_', ' ')}."


def settle(press: SlackPress, outcome: str) -> bool:
    """Note how it ended. True for the one who was first to."""
    waiting = SlackPress.objects.filter(pk=press.pk, state=SlackPress.State.RECEIVED)
    return bool(waiting.update(state=SlackPress.State.DONE, outcome=outcome[:300]))


def finish_presses() -> None:
    """Presses that three seconds, a crash or an outage left undecided, oldest first."""
    left = SlackPress.objects.filter(
        state=SlackPress.State.RECEIVED, received_at__lt=timezone.now() - LEFT_AFTER
    ).select_related("user")
    for press in left.order_by("pk")[:100]:
        try:
            finish(press)
        except gateway.Unavailable as problem:
            # Temporal is away for all of them alike.
            log.warning("slack_presses_wait", reason=problem.detail)
            return


def finish(press: SlackPress) -> None:
    """Decide a press whose form is closed already, and tell its person by a message that only they see.

    Raises:
        gateway.Unavailable
    """
    try:
        outcome = decide_press(press)
    except gateway.InvalidRequest as problem:
        outcome = problem.detail
    if settle(press, outcome):
        tell(press.channel, press.slack_user_id, f"{outcome} {slack_card.page_of(press.request_id)}")


def tell(channel: str, slack_user_id: str, words: str) -> None:
    """A message that only one person sees. Best effort: what it says is on the page as well."""
    try:
        if channel:
            text = slack_card.escaped(words)
            slack_client.call("chat.postEphemeral", channel=channel, user=slack_user_id, text=text)
        else:
            slack_client.call("chat.postMessage", channel=slack_user_id, text=slack_card.escaped(words))
    except SlackProblem as problem:
        log.warning("slack_person_not_told", slack_user_id=slack_user_id, reason=str(problem))


# ── In threads of the web process, which see to their database connections themselves ────────────────────────────────


def decide_in_thread(press: SlackPress) -> str:
    try:
        return decide_press(press)
    finally:
        close_old_connections()


def finish_in_thread(press: SlackPress) -> None:
    """An outage leaves the press to the worker."""
    try:
        finish(press)
    except gateway.Unavailable as problem:
        log.warning("slack_press_waits", request_id=press.request_id, reason=problem.detail)
    finally:
        close_old_connections()


def tell_in_thread(channel: str, slack_user_id: str, words: str) -> None:
    try:
        tell(channel, slack_user_id, words)
    finally:
        close_old_connections()
