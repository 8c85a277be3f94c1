"""Slack's Web API, with what each failure means for a message: was it posted, was it not, or does nobody know?"""

import socket
from http.client import HTTPException
from typing import Any
from urllib.error import URLError

from django.conf import settings
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

TIMEOUT = 8
"""Seconds for a call from the worker; its activity has 20."""
PRESS_TIMEOUT = 2
"""Seconds for a call that a person's press waits for: Slack wants its answer within three."""

# Codes of an answer by which Slack itself does not say whether it was done: https://docs.slack.dev/reference/methods
_UNCLEAR = {"internal_error", "fatal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
_PASSING = {"ratelimited", "rate_limited", "message_limit_exceeded"}
_FORM_ENCODED = {"conversations.history"}
"""Methods that read, and take no JSON."""


class SlackProblem(Exception):
    """A call to Slack that did not work. ``retry_after`` is seconds, when Slack has said so."""

    def __init__(self, code: str, retry_after: int | None = None) -> None:
        super().__init__(f"Slack: {code}")
        self.code = code
        self.retry_after = retry_after


class NotDone(SlackProblem):
    """Slack was not reached, or had no time: nothing was done, and the same call is safe."""


class Refused(SlackProblem):
    """Slack says no, and would again: an unknown channel, a token without the right."""


class OutcomeUnknown(SlackProblem):
    """No answer, or none that says anything: it may have been done."""


def is_on() -> bool:
    return bool(settings.SLACK_BOT_TOKEN)


def call(method: str, *, timeout: int = TIMEOUT, **arguments: Any) -> dict[str, Any]:
    """One call, once; for instance ``call("chat.postMessage", channel=…)``.

    Raises:
        NotDone, Refused, OutcomeUnknown
    """
    # Its own retries are off: they would post a message twice whose answer was lost.
    client = WebClient(settings.SLACK_BOT_TOKEN, base_url=settings.SLACK_BASE_URL, timeout=timeout, retry_handlers=[])
    try:
        is_form = method in _FORM_ENCODED
        answer = client.api_call(method, params=arguments if is_form else None, json=None if is_form else arguments)
    except SlackApiError as error:
        raise _problem(error) from None
    except URLError as error:
        if isinstance(error.reason, ConnectionRefusedError | socket.gaierror):
            raise NotDone(str(error.reason)) from None
        raise OutcomeUnknown(str(error.reason)) from None
    except (OSError, HTTPException, SlackClientError, ValueError) as error:
        raise OutcomeUnknown(str(error) or type(error).__name__) from None
    if not isinstance(answer.data, dict):
        raise OutcomeUnknown("an answer that is no JSON")
    return answer.data


def _problem(error: SlackApiError) -> SlackProblem:
    response = error.response
    status = getattr(response, "status_code", 0)
    code = str(response.get("error") or f"HTTP {status}") if hasattr(response, "get") else "no answer"
    headers = getattr(response, "headers", {}) or {}
    if status == 429 or code in _PASSING:
        seconds = str(headers.get("Retry-After", ""))
        return NotDone(code, int(seconds) if seconds.isascii() and seconds.isdigit() else None)
    if status >= 500 or code in _UNCLEAR or status != 200:
        return OutcomeUnknown(code)
    return Refused(code)
