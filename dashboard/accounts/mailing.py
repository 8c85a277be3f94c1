"""Mails of the web process itself, which nobody waits for."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import structlog
from django.conf import settings
from django.db import connections

log = structlog.get_logger(__name__)
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="mail")


def send_beside(send: Callable[[], object]) -> Future[None] | None:
    """Runs it in a thread of its own; what goes wrong is in the log. Under test it is done at once, in the test's transaction."""
    if settings.TESTING:
        send()
        return None
    return _threads.submit(_send, send)


def _send(send: Callable[[], object]) -> None:
    try:
        send()
    except Exception:
        log.exception("mail_failed")
    finally:
        connections.close_all()
