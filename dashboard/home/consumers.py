"""``/ws/home/?seen=<digest>``: the pieces of the home page that have changed, for whoever is logged in."""

import asyncio
from urllib.parse import parse_qs

from approvals.live_list import News
from dashboard.consumers import DONE, LiveConsumer, query_of
from dashboard.home.frames import rights_of
from dashboard.home.live import home_feed
from dashboard.viewers import Viewer, viewers


class HomeConsumer(LiveConsumer):
    """Every right by which something is shown is watched: who loses one is dismissed, and draws the page anew."""

    permission = ()

    def may_look(self) -> bool:
        self.shown = rights_of(self.scope["user"])
        return True

    async def follow(self) -> int:
        seen = parse_qs(query_of(self.scope)).get("seen", [""])[0]
        self.watched = [self._watched(right) for right in self.shown]
        for one in self.watched:
            viewers.join(one)
        try:
            stop = await home_feed().listen(self.shown, self._take, seen)
            try:
                await self.gone()
            finally:
                stop()
        finally:
            for one in self.watched:
                viewers.leave(one)
        return DONE

    async def still_may_look(self) -> bool:
        return all([await viewers.may_see(one) for one in getattr(self, "watched", ())])

    def _watched(self, right: str) -> Viewer:
        return Viewer(
            user_id=self.scope["user"].pk,
            session_key=self.scope["session"].session_key or "",
            rights=(right,),
            loop=asyncio.get_running_loop(),
            dismiss=self._dismiss,
        )

    def _take(self, pieces: dict[str, str]) -> None:
        for name, html in pieces.items():
            self.outbox.put(f"home-{name}", html)

    def take_news(self, news: News) -> None:
        """What waits for them is personal: the page is told to fetch it."""
        super().take_news(news)
        if news.change is not None:
            html = f'<div id="home-news" hx-swap-oob="true" data-change="{news.change}" hidden></div>'
            self.outbox.put("home-news", html)
