"""A page that follows one process – an order, a request – by its socket, or by the long poll when the socket is lost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from dashboard.access import to_login
from dashboard.accounts.sessions import user_of
from dashboard.consumers import DONE, NOT_FOUND, LiveConsumer, query_of
from dashboard.health_watch import Health
from temporal_worker.client import WorkflowNotFound
from temporal_worker.live import Frame, Source, get_hub

START_LOOKED_FOR_EVERY = 2.0
"""Seconds between two looks for the workflow of a process that is kept and has not started."""
HOLD = 25.0
"""Seconds that a long poll is held when nothing happens."""
NO_VERSION = "after must be a version: a whole number."
STOP_POLLING = 286
"""htmx's own status: swap this, and ask no more."""


@dataclass(frozen=True)
class LiveProcess:
    """What a page follows. The callables are sync and run in a thread with the database.

    ``has_started`` is None when there is no such process; ``is_over`` is asked of a frame's state. ``is_personal`` says
    that ``may_see`` looks at more than the page's permission, so that it is asked for each viewer before each push; the
    permission alone is looked up for all viewers at once.
    """

    workflow_id: str
    source: Source
    unavailable: Callable[[], str]
    may_see: Callable[[User], bool]
    has_started: Callable[[], bool | None]
    is_over: Callable[[dict[str, Any]], bool]
    looked_for_every: float = START_LOOKED_FOR_EVERY
    is_personal: bool = False


class ProcessConsumer(LiveConsumer):
    """``?after=<version>``: the shared fragments of one process, from the hub.

    ``saved`` in the query says that the page was drawn from the database, because Temporal or the worker did not answer.
    """

    def process(self) -> LiveProcess | None:
        """What the socket's address names; None when it can be no such thing."""
        raise NotImplementedError

    async def connect(self) -> None:
        query = parse_qs(query_of(self.scope), keep_blank_values=True)
        self.followed = self.process()
        self.after = whole_number(query.get("after", [""])[0])
        self.shows_notice = "saved" in query
        # A page that is drawn from the database waits for a finding before it believes what the hub knew last.
        self.is_well = not self.shows_notice
        self.frame: Frame | None = None
        await super().connect()

    async def still_may_look(self) -> bool:
        if self.followed is None or not self.followed.is_personal:
            return True
        # In a thread of its own: it may ask a workflow that does not answer, and must hold up no other socket.
        look = database_sync_to_async(_may_see_now, thread_sensitive=False)
        return await look(self.followed, self.scope["user"].pk)

    async def follow(self) -> int:
        followed = self.followed
        if followed is None or not await self.still_may_look():
            return NOT_FOUND
        while True:
            try:
                async with get_hub().watch(followed.workflow_id, followed.source) as watcher:
                    async for frame in watcher:
                        # The first one may be what the hub has known for long. A later one, and the last, is a worker's
                        # answer of this moment, which the health's next look only comes to know.
                        is_answer = frame.closed or self.frame is not None
                        self.frame = frame
                        self._show(followed, is_answer=is_answer)
            except WorkflowNotFound:
                # Not started yet; or there is no such process, or it is past retention, and nothing will come.
                if await database_sync_to_async(followed.has_started)() is False:
                    await asyncio.sleep(followed.looked_for_every)
                    continue
            return DONE

    def take_health(self, health: Health) -> None:
        super().take_health(health)
        self.is_well = health.is_well
        if self.followed is not None:
            self._show(self.followed)

    def _show(self, followed: LiveProcess, *, is_answer: bool = False) -> None:
        """What this page lacks: the notice when nobody can be asked, the process when it has moved or is back."""
        frame = self.frame
        if not (self.is_well or is_answer) or (frame is not None and frame.unavailable):
            if not self.shows_notice:
                self.shows_notice = True
                self.outbox.put("process", followed.unavailable())
        elif frame is not None and (frame.version > self.after or self.shows_notice or frame.closed):
            self.after, self.shows_notice = frame.version, False
            self.outbox.put("process", frame.html)


def _may_see_now(followed: LiveProcess, user_pk: int | None) -> bool:
    """By the rights of this moment: the socket's own user remembers those of when it was opened."""
    if user_pk is None:
        return False
    user = User.objects.filter(pk=user_pk, is_active=True).first()
    return user is not None and followed.may_see(user)


async def long_poll(request: HttpRequest, followed: LiveProcess) -> HttpResponse:
    """200 with what is newer than ``after``, 204 when nothing came, 286 when nothing more will come.

    No database connection is held while it waits: the rights are looked up in a thread that closes its own.
    """
    after = asked_after(request)
    if after is None:
        return HttpResponse(NO_VERSION, status=422, content_type="text/plain")
    if refused := await refusal_of(request, followed.may_see):
        return refused
    try:
        frame = await get_hub().wait_for_frame(followed.workflow_id, followed.source, after, HOLD)
    except WorkflowNotFound:
        return await _without_workflow(followed)
    if frame is None:
        return HttpResponse(status=204)
    if refused := await refusal_of(request, followed.may_see):
        return refused
    if frame.unavailable:
        return HttpResponse(followed.unavailable(), status=503, headers={"Retry-After": "3"})
    is_over = frame.closed and followed.is_over(frame.state)
    return HttpResponse(frame.html, status=STOP_POLLING if is_over else 200)


async def _without_workflow(followed: LiveProcess) -> HttpResponse:
    """What has not started is asked for again after a moment; of what is past retention nothing comes."""
    has_started = await database_sync_to_async(followed.has_started)()
    if has_started is None:
        return HttpResponse(status=404)
    if has_started:
        return HttpResponse(status=STOP_POLLING)
    await asyncio.sleep(followed.looked_for_every)
    return HttpResponse(status=204)


async def refusal_of(request: HttpRequest, may_see: Callable[[User], bool]) -> HttpResponse | None:
    """What a poll is answered whose viewer may not look, by the rights of this moment; None when they may."""
    return await database_sync_to_async(_refusal_now)(request, may_see)


def _refusal_now(request: HttpRequest, may_see: Callable[[User], bool]) -> HttpResponse | None:
    """Asks the database anew each time: the rights, and the session itself, may be gone after 25 s."""
    session = request.session
    if not session.session_key or not session.exists(session.session_key):
        return to_login(request)
    user = user_of(session)
    if user is None:
        return to_login(request)
    return None if may_see(user) else HttpResponse(status=404)


def asked_after(request: HttpRequest) -> int | None:
    """The version that a poll has already, 0 when it names none; None for what is no version."""
    after = request.GET.get("after", "0")
    return int(after) if is_whole_number(after) else None


def whole_number(text: str) -> int:
    """A number from an address, 0 for whatever is none."""
    return int(text) if is_whole_number(text) else 0


def is_whole_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
