"""The web application with a counter in it: how many SQL statements and Temporal calls, and who watches.

Daphne serves it in place of ``dashboard.asgi:application``; ``/counts`` answers without touching database or Temporal.
"""

import asyncio
import functools
import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db.backends.signals import connection_created
from temporalio.client import WorkflowHandle

from dashboard.asgi import application as counted_application
from dashboard.home.snapshots import snapshots
from dashboard.viewers import viewers
from temporal_worker.live import get_hub

_lock = threading.Lock()
_sql: Counter[str] = Counter()
_calls: Counter[str] = Counter()


def _reader() -> str:
    """``pulse`` and ``health`` are the process's own looks, one each for all pages; everything else is ``pages``."""
    name = threading.current_thread().name
    return next((own for own in ("pulse", "health") if name.startswith(own)), "pages")


def _count_sql(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    with _lock:
        _sql[_reader()] += 1
    return execute(sql, params, many, context)


def _count_on(connection: Any, **_: Any) -> None:
    if _count_sql not in connection.execute_wrappers:
        connection.execute_wrappers.append(_count_sql)


def _counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    async def calling(*args: Any, **kwargs: Any) -> Any:
        with _lock:
            _calls[name] += 1
        return await call(*args, **kwargs)

    return calling


connection_created.connect(_count_on)
for _name in ("query", "execute_update", "signal"):
    setattr(WorkflowHandle, _name, _counted(_name, getattr(WorkflowHandle, _name)))


def counts() -> dict[str, Any]:
    follows = [task for task in asyncio.all_tasks() if task.get_name().startswith("live ")]
    with _lock:
        return {
            "sql": dict(_sql),
            "calls": dict(_calls),
            "watched": get_hub().watched,
            "follows": len(follows),
            "home_reads": snapshots.made,
            "viewers": len(viewers._viewers),
            "threads": threading.active_count(),
        }


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http" or scope["path"] != "/counts":
        await counted_application(scope, receive, send)
        return
    body = json.dumps(counts()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
