"""Providers that take a message by HTTP: a POST with an idempotency key, answered with the provider's own name for it."""

import json
import ssl
from abc import abstractmethod
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from campaigns.channels.base import ChannelProvider, Message, OutcomeUnknown, Receipt, SendFailed

TIMEOUT = 10
"""Seconds for connecting, and for each wait on the answer."""
MOST_OF_AN_ANSWER = 64 * 1024
LONGEST_RETRY_AFTER = 3600


class WebhookProvider(ChannelProvider):
    """Sends ``POST <url>`` with ``Idempotency-Key: <grant id>``; such a provider makes one message of all repeats.

    2xx is accepted. 429 and 503 say "not now", before anything was done. Other 4xx and redirects are a no. Anything else –
    another 5xx, no answer, an answer that is no HTTP – says nothing.
    """

    repeats_are_safe = True
    timeout: float = TIMEOUT

    def __init__(self, url: str, token: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ImproperlyConfigured(f"{url} is no address that messages could be sent to.")
        self._is_https = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        self._token = token
        self._connection: HTTPConnection | None = None

    @abstractmethod
    def body(self, message: Message) -> dict[str, Any]:
        """What is sent, as JSON."""

    def send(self, message: Message) -> Receipt:
        connection, is_old = self._open()
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Idempotency-Key": _as_header(message.grant_id),
        }
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection.request("POST", self._path, json.dumps(self.body(message)).encode(), headers)
            response = connection.getresponse()
            content = response.read(MOST_OF_AN_ANSWER + 1)
        except (OSError, HTTPException) as error:
            self.close()
            if is_old and isinstance(error, ConnectionError | HTTPException):
                # A kept connection that the provider had closed meanwhile, as a rule. The key makes a second one safe.
                return self.send(message)
            raise OutcomeUnknown(f"No answer: {error or type(error).__name__}") from error
        if len(content) > MOST_OF_AN_ANSWER or response.will_close:
            self.close()
        return _read(response, content)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> tuple[HTTPConnection, bool]:
        """The connection, and whether it has carried messages before."""
        if self._connection is not None:
            return self._connection, True
        connection: HTTPConnection
        if self._is_https:
            context = ssl.create_default_context()
            connection = HTTPSConnection(self._host, self._port, timeout=self.timeout, context=context)
        else:
            connection = HTTPConnection(self._host, self._port, timeout=self.timeout)
        try:
            connection.connect()
        except OSError as error:
            raise SendFailed(f"The provider cannot be reached: {error}", permanent=False) from error
        self._connection = connection
        return connection, False


def _read(response: HTTPResponse, content: bytes) -> Receipt:
    status = response.status
    if 200 <= status < 300:
        return Receipt(_reference(content))
    words = f"{status} {' '.join(content.decode('utf-8', 'replace').split())[:200]}".strip()
    if status in (429, 503):
        raise SendFailed(words, permanent=False, retry_after=_seconds(response.headers.get("Retry-After", "")))
    if 300 <= status < 500:
        raise SendFailed(words, permanent=True)
    raise OutcomeUnknown(words)


def _reference(content: bytes) -> str:
    """The provider's name for the message: ``id`` or ``message_id`` of a JSON object, "" when there is none."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict):
        return ""
    found = answer.get("id") or answer.get("message_id") or ""
    return str(found)[:200].replace("\0", "") if isinstance(found, str | int) else ""


def _seconds(value: str) -> int | None:
    """Of a Retry-After (RFC 9110, 10.2.3): seconds, or a date. None when it is neither."""
    if value.isascii() and value.isdigit():
        return min(int(value[:9]), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, min(_whole_seconds_until(moment), LONGEST_RETRY_AFTER))


def _whole_seconds_until(moment: datetime) -> int:
    return int((moment - timezone.now()).total_seconds()) + 1


def _as_header(text: str) -> str:
    """A header holds printable ASCII only; grant ids of ours do already."""
    return text.encode("ascii", "backslashreplace").decode("ascii").replace("\r", "").replace("\n", "")
