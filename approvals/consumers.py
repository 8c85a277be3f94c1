"""The sockets of a request's page and of the inbox."""

from urllib.parse import parse_qs

from channels.db import database_sync_to_async

from approvals.contract import is_request_id
from approvals.gateway.rights import SEE_ALL, TAKE_PART
from approvals.live import live_request, retries_fragment
from approvals.live_list import News
from approvals.projection import COUNTER
from dashboard.consumers import DONE, LiveConsumer, query_of
from dashboard.live_pages import LiveProcess, ProcessConsumer, whole_number
from temporal_worker.models import ChangeCounter


class RequestConsumer(ProcessConsumer):
    """``/ws/approvals/<request_id>/``: one request, for whoever may open its page."""

    permission = (TAKE_PART, SEE_ALL)

    def process(self) -> LiveProcess | None:
        request_id = self.scope["url_route"]["kwargs"]["request_id"]
        return live_request(request_id) if is_request_id(request_id) else None

    def take_news(self, news: News) -> None:
        """A notice that fails changes the request's row and nothing in its workflow, so it comes this way."""
        super().take_news(news)
        retried = news.retried.get(self.scope["url_route"]["kwargs"]["request_id"])
        if retried is not None:
            self.outbox.put("retries", retries_fragment(retried))


class InboxConsumer(LiveConsumer):
    """``/ws/approvals/?after=<change>``: tells the page to draw its list anew when something in it has changed.

    What stands in the list is personal, so the page fetches it; the badge comes by itself, as on every page.
    """

    permission = "approvals.ask_approval"
    lists_of = "approvals"

    async def follow(self) -> int:
        after = whole_number(parse_qs(query_of(self.scope)).get("after", [""])[0])
        now = (await database_sync_to_async(ChangeCounter.read)()).get(COUNTER, 0)
        if now > after:
            self._tell(now)  # something came between the drawing of the page and now
        await self.gone()
        return DONE

    def take_news(self, news: News) -> None:
        super().take_news(news)
        if news.change is not None:
            self._tell(news.change)

    def _tell(self, change: int) -> None:
        self.outbox.put("news", f'<div id="inbox-news" hx-swap-oob="true" data-change="{change}" hidden></div>')
