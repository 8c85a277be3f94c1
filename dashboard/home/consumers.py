"""``/ws/home/?seen=<digest>``: the pieces of the home page that have changed, for whoever is logged in."""

from urllib.parse import parse_qs

from approvals.live_list import News
from dashboard.consumers import DONE, WatchfulConsumer, query_of
from dashboard.home.frames import Rights, rights_of
from dashboard.home.live import Change, home_feed
from dashboard.home.notes import fetch_note, seen_note


class HomeConsumer(WatchfulConsumer):
    def shown_by(self) -> Rights:
        return rights_of(self.scope["user"])

    async def follow_shown(self) -> int:
        seen = parse_qs(query_of(self.scope)).get("seen", [""])[0]
        stop = await home_feed().listen(self.shown, self._take, seen)
        try:
            await self.gone()
        finally:
            stop()
        return DONE

    def _take(self, change: Change) -> None:
        for name, html in change.pieces.items():
            self.outbox.put(f"home-{name}", html)
        self.outbox.put("home-seen", seen_note(change.digest))

    def messages_of(self, fragments: list[str]) -> list[str]:
        """At once: with hundreds of viewers it is the number of messages that takes the time, not their length."""
        return ["".join(fragments)]

    def take_news(self, news: News) -> None:
        """What waits for them is personal: the page is told to fetch it."""
        super().take_news(news)
        if news.change is not None:
            self.outbox.put("home-news", fetch_note(news.change))
