"""Hundreds of open tabs: WebSockets with sessions of their own, that note when they were told what."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.eventually import aeventually
from tests.stack import Stack

_VERSION = re.compile(r'id="order-head"[^>]* data-version="(\d+)"')
OPENED_AT_ONCE = 20

# A log-in hashes the password slowly on purpose, so 200 of them would take half a minute: the sessions are written as
# the log-in writes them.
_MAKE_SESSIONS = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
users = [User.objects.get(username=name) for name in {people!r}]
for number in range({count}):
    user = users[number % len(users)]
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session.create()
    print("session", session.session_key)
"""


SEE_ORDERS = ("ops", "employee", "manager", "hr", "director", "vp")
EVERYBODY = (*SEE_ORDERS, "marketer", "admin")
"""With them there are people of each role: what they see of a page is drawn anew for each set of rights."""


def make_sessions(stack: Stack, count: int, people: Sequence[str] = SEE_ORDERS) -> list[str]:
    """Session keys of ``count`` log-ins, of these people in turn."""
    printed = stack.manage("shell", "-v", "0", "-c", _MAKE_SESSIONS.format(count=count, people=list(people)))
    return [line.removeprefix("session ") for line in printed.splitlines() if line.startswith("session ")]


@dataclass
class Viewer:
    """One tab. ``seen`` maps an order's version to the moment (``perf_counter``) at which its fragments were here."""

    socket: ClientConnection
    seen: dict[int, float] = field(default_factory=dict)
    latest: int = -1

    async def read(self) -> None:
        try:
            async for message in self.socket:
                now = perf_counter()
                if found := _VERSION.search(str(message)):
                    self.latest = int(found[1])
                    self.seen.setdefault(self.latest, now)
        except ConnectionClosed:
            pass

    @property
    def close_code(self) -> int | None:
        return self.socket.close_code

    def told_at(self, version: int) -> float:
        """When it first saw this version or a later one."""
        return min(at for seen, at in self.seen.items() if seen >= version)


async def open_viewer(base_url: str, path: str, session: str) -> Viewer:
    socket = await connect(
        base_url.replace("http", "ws", 1) + path,
        origin=base_url,  # type: ignore[arg-type]
        additional_headers={"Cookie": f"sessionid={session}"},
        compression=None,
        ping_interval=None,
        open_timeout=30,
        max_size=None,
    )
    return Viewer(socket)


@asynccontextmanager
async def watching(base_url: str, path: str, sessions: Sequence[str]) -> AsyncIterator[list[Viewer]]:
    """One tab for each session on the page whose socket is ``path``, all of them drawn, until the block ends."""
    room = asyncio.Semaphore(OPENED_AT_ONCE)

    async def open_one(session: str) -> Viewer:
        async with room:
            return await open_viewer(base_url, path, session)

    viewers = list(await asyncio.gather(*(open_one(session) for session in sessions)))
    readers = [asyncio.create_task(viewer.read()) for viewer in viewers]
    try:
        yield viewers
    finally:
        await asyncio.gather(*(viewer.socket.close() for viewer in viewers))
        await asyncio.gather(*readers)


async def all_have(viewers: Sequence[Viewer], version: int, timeout: float = 20.0) -> None:
    await aeventually(lambda: all(viewer.latest >= version for viewer in viewers), timeout=timeout, every=0.01)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of the values lie; the nearest one that was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
