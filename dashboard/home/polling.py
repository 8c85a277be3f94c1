"""The home page by long poll, for browsers whose socket is lost: from the feed that all sockets share."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse

from approvals.live_list import News, badge_fragment, inbox_feed, read_look
from approvals.projection import COUNTER
from dashboard import live_pages
from dashboard.home.frames import Rights, rights_of
from dashboard.home.live import Change, home_feed
from dashboard.home.notes import fetch_note, seen_note
from dashboard.live_pages import refusal_of
from dashboard.outbox import Outbox
from temporal_worker.models import ChangeCounter

TAKE_PART = "approvals.ask_approval"
_SEEN = re.compile(r"([0-9a-f]{1,32})(?:-(\d{1,18})-(\d{1,9}))?", re.ASCII)


@dataclass(frozen=True)
class Seen:
    """What a page shows: the frame, and what waited for its person – the change counter's value and how many.

    A page that was drawn, or followed by a socket, does not say the latter.
    """

    digest: str = ""
    change: int | None = None
    waiting: int = 0

    @classmethod
    def of(cls, text: str) -> "Seen":
        """Of a query; whatever says nothing has seen nothing."""
        found = _SEEN.fullmatch(text)
        if found is None:
            return cls()
        digest, change, waiting = found.groups()
        return cls(digest) if change is None else cls(digest, int(change), int(waiting))

    def __str__(self) -> str:
        return self.digest if self.change is None else f"{self.digest}-{self.change}-{self.waiting}"


class Looker:
    """Whoever polls, with the rights that they came with: who has lost one of them is refused."""

    def __init__(self) -> None:
        self.rights: Rights | None = None
        self.username = ""
        self.takes_part = False

    def may_see(self, user: User) -> bool:
        rights = rights_of(user)
        if self.rights is None:
            self.rights, self.username, self.takes_part = rights, user.get_username(), user.has_perm(TAKE_PART)
        return self.rights <= rights


async def long_poll_home(request: HttpRequest) -> HttpResponse:
    """200 with the pieces that are not what ``?after=`` has seen, 204 when nothing came."""
    looker = Looker()
    if refused := await refusal_of(request, looker.may_see):
        return refused
    found = await _Poll(looker, Seen.of(request.GET.get("after", ""))).wait()
    if not found:
        return HttpResponse(status=204)
    # The rights may be gone after 25 s.
    if refused := await refusal_of(request, looker.may_see):
        return refused
    return HttpResponse("".join(found))


class _Poll:
    def __init__(self, looker: Looker, seen: Seen) -> None:
        self._looker = looker
        self._seen = seen
        self._digest, self._change, self._waiting = seen.digest, seen.change, seen.waiting
        self._outbox = Outbox()

    async def wait(self) -> list[str]:
        """The fragments that the page lacks; none when nothing came for as long as a poll is held."""
        ends: list[Callable[[], None]] = []
        try:
            ends.append(await home_feed().listen(self._looker.rights or frozenset(), self._take, self._seen.digest))
            if self._looker.takes_part:
                await self._listen_for_news(ends)
            async with asyncio.timeout(live_pages.HOLD):
                found = await self._outbox.take()
        except TimeoutError:
            return []
        finally:
            for end in ends:
                end()
        return [*found, seen_note(str(Seen(self._digest, self._change, self._waiting)))]

    def _take(self, change: Change) -> None:
        for name, html in change.pieces.items():
            self._outbox.put(name, html)
        self._digest = change.digest

    async def _listen_for_news(self, ends: list[Callable[[], None]]) -> None:
        seen, username = self._seen, self._looker.username
        after = seen.change
        if after is None:
            after = (await database_sync_to_async(ChangeCounter.read)()).get(COUNTER, 0)
        else:
            ends.append(inbox_feed().listen(username, self._take_news, after, shown=seen.waiting))
        # Looked at after the listening has begun, so that nothing falls between the two.
        look = await asyncio.to_thread(read_look, after, {username})
        number = look.counts.get(username, 0)
        is_new = seen.change is None or username in look.concerned or number != seen.waiting
        self._take_news(News(badge_fragment(number), look.change if is_new else None, look.retried, number))

    def _take_news(self, news: News) -> None:
        if news.change is None:
            return
        self._change, self._waiting = news.change, news.number
        self._outbox.put("badge-approvals", news.badge)
        self._outbox.put("home-news", fetch_note(news.change))
