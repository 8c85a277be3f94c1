"""Who looks at live pages through this process, and whether they still may.

A socket lives for hours: rights are checked when it opens, again before anything is sent, and when somebody logs out, is
deactivated or changes roles: at once in the process that did it, within a second or two in the others, which follow a change
counter. One check covers everybody who looks, so a push to 200 viewers costs what one does.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from weakref import WeakKeyDictionary

import structlog
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connections
from django.db.models import QuerySet
from django.utils import timezone

from dashboard.accounts.sessions import hashes_of
from dashboard.auth import BACKEND
from temporal_worker import pulse

COUNTER = "rights"
"""The change counter that grows when a session ends or somebody's rights change."""
GOOD_FOR = 1.0
"""Seconds for which a check answers for the pushes that follow it."""

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Viewer:
    """One open socket. ``dismiss`` is called on ``loop`` when its rights are gone.

    ``rights``: one of them is enough, and with none of them named being logged in is.
    """

    user_id: int
    session_key: str
    rights: tuple[str, ...]
    loop: asyncio.AbstractEventLoop
    dismiss: Callable[[], None]


Admission = tuple[int, str, tuple[str, ...]]


class Viewers:
    """All viewers of this process. Use the process's one, ``viewers``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._viewers: set[Viewer] = set()
        self._checks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = WeakKeyDictionary()
        self._admitted: set[Admission] = set()
        self._checked_at = float("-inf")
        self._rechecks: set[asyncio.Task[None]] = set()
        self._followed: dict[asyncio.AbstractEventLoop, Callable[[], None]] = {}

    def join(self, viewer: Viewer) -> None:
        """Add somebody whose rights have just been checked. On the viewer's own loop."""
        with self._lock:
            self._viewers.add(viewer)
            self._admitted.add(_admission(viewer))
            if viewer.loop not in self._followed:
                # The first value tells nothing new, but what changed while this socket opened would be in it.
                self._followed[viewer.loop] = pulse.listen(COUNTER, self._rights_changed)

    def leave(self, viewer: Viewer) -> None:
        with self._lock:
            self._viewers.discard(viewer)
            if any(other.loop is viewer.loop for other in self._viewers):
                return
            stop = self._followed.pop(viewer.loop, None)
        if stop:
            stop()

    def _rights_changed(self, count: int) -> None:
        """Called on a loop; the check itself is a thread's."""
        self._rechecks.add(task := asyncio.ensure_future(asyncio.to_thread(self._recheck_quietly)))
        task.add_done_callback(self._rechecks.discard)

    def _recheck_quietly(self) -> None:
        try:
            self.recheck()
        except Exception:
            log.exception("viewers_recheck_failed")  # before anything is sent to them, they are checked again

    async def may_see(self, viewer: Viewer) -> bool:
        """Whether the viewer's rights held at most a second ago."""
        if monotonic() - self._checked_at > GOOD_FOR:
            loop = asyncio.get_running_loop()
            check = self._checks.get(loop)
            if check is None or check.done():
                check = self._checks[loop] = asyncio.create_task(asyncio.to_thread(self._check))
            # One who leaves while it runs must not stop it for the others.
            await asyncio.shield(check)
        return _admission(viewer) in self._admitted

    def log_out(self, session_key: str | None) -> None:
        """Dismiss everybody of a session that has just ended."""
        self._dismiss(lambda viewer: viewer.session_key == session_key)

    def recheck(self) -> None:
        """Rights have changed: check all now and dismiss who may see no longer. Blocks for the check; for threads."""
        with self._lock:
            if not self._viewers:
                return
        self._check()
        self._dismiss(lambda viewer: _admission(viewer) not in self._admitted)

    def _dismiss(self, is_meant: Callable[[Viewer], bool]) -> None:
        with self._lock:
            meant = [viewer for viewer in self._viewers if is_meant(viewer)]
        for viewer in meant:
            try:
                viewer.loop.call_soon_threadsafe(viewer.dismiss)
            except RuntimeError:  # its loop is gone, and so is its socket
                self.leave(viewer)

    def _check(self) -> None:
        with self._lock:
            asked = {_admission(viewer) for viewer in self._viewers}
        try:
            admitted = _admitted(asked)
        finally:
            if threading.current_thread() is not threading.main_thread():
                connections.close_all()
        with self._lock:
            # Who joined meanwhile was checked on joining.
            joined = {_admission(viewer) for viewer in self._viewers} - asked
            self._admitted, self._checked_at = admitted | joined, monotonic()


def _admission(viewer: Viewer) -> Admission:
    return viewer.user_id, viewer.session_key, viewer.rights


def _admitted(asked: set[Admission]) -> set[Admission]:
    """Those whose session lives and is theirs, and whose user is active and holds one of the rights."""
    keys = {session_key for _, session_key, _ in asked}
    sessions = {
        session.session_key: session.get_decoded()
        for session in Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    }
    holders = {
        right: _hashes(User.objects.with_perm(right, backend=BACKEND), asked)
        for rights in _rights(asked)
        for right in rights
    }
    if () in _rights(asked):
        holders[""] = _hashes(User.objects.filter(is_active=True), asked)
    return {
        (user_id, key, wanted)
        for user_id, key, wanted in asked
        if sessions.get(key, {}).get(SESSION_KEY) == str(user_id)
        and any(sessions[key].get(HASH_SESSION_KEY) in holders[right].get(user_id, ()) for right in wanted or ("",))
    }


def _rights(asked: set[Admission]) -> set[tuple[str, ...]]:
    return {rights for _, _, rights in asked}


def _hashes(people: QuerySet[User], asked: set[Admission]) -> dict[int, set[str]]:
    """The hashes that a session of each of these people may have."""
    found = people.filter(pk__in={user_id for user_id, _, _ in asked})
    return {user.pk: hashes_of(user) for user in found}


viewers = Viewers()
