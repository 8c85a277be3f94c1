"""The sockets of one person's pages: their actor's, and the stampede's."""

import asyncio
import json
import re
from typing import Any
from urllib.parse import parse_qs

import structlog
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.template.loader import render_to_string

from campaigns import gateway
from campaigns.gateway.rights import SEND
from campaigns.inspector.stampede import Asked, StampedeForm, Tally, run
from campaigns.live_actor import SEE, inspect, live_actor
from campaigns.live_log import log_feed, told_fragment
from campaigns.models import Contact
from dashboard.consumers import NOT_FOUND, LiveConsumer, query_of
from dashboard.live_pages import LiveProcess, ProcessConsumer, whole_number

USER_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
LONGEST_MESSAGE = 5_000

log = structlog.get_logger(__name__)


class ActorConsumer(ProcessConsumer):
    """``/ws/campaigns/users/<user_id>/?after=<version>&logged=<rows>``: one person's actor, and that their log has more."""

    permission = SEE

    def process(self) -> LiveProcess | None:
        user_id = self.scope["url_route"]["kwargs"]["user_id"]
        return live_actor(user_id) if re.fullmatch(USER_ID, user_id) else None

    async def follow(self) -> int:
        logged = whole_number(parse_qs(query_of(self.scope)).get("logged", [""])[0])
        end = log_feed().listen(self.scope["url_route"]["kwargs"]["user_id"], logged, self._tell_of_log)
        try:
            return await super().follow()
        finally:
            end()

    def _tell_of_log(self, number: int) -> None:
        self.outbox.put("told", told_fragment(number))


class StampedeConsumer(LiveConsumer):
    """``/ws/campaigns/users/<user_id>/stampede/``: takes the form of a stampede, and tells of each answer as it comes.

    The only socket that takes something in. Its origin was looked at when it was opened, as a form's token would be.
    """

    permission = SEND
    running: "asyncio.Task[None] | None" = None

    async def connect(self) -> None:
        self.user_id: str = self.scope["url_route"]["kwargs"]["user_id"]
        await super().connect()

    async def follow(self) -> int:
        if not await database_sync_to_async(self._is_there)():
            return NOT_FOUND
        await self.gone()
        return NOT_FOUND

    def _is_there(self) -> bool:
        user: User = self.scope["user"]
        return settings.DEMO and user.has_perm(SEE) and Contact.objects.filter(user_id=self.user_id).exists()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        fields = _fields(text_data)
        if fields is None or self.work is None or self.work.done() or not settings.DEMO:
            return
        if self.running is None or self.running.done():
            self.running = asyncio.create_task(self._stampede(StampedeForm(fields)))

    async def _stampede(self, form: StampedeForm) -> None:
        loop, answered = asyncio.get_running_loop(), 0

        def told(one: Asked) -> None:
            loop.call_soon_threadsafe(tell, one)

        def tell(one: Asked) -> None:
            nonlocal answered
            answered += 1
            context = {"one": one, "answered": answered, "user_id": self.user_id}
            self.outbox.put(f"answer-{one.number}", render_to_string("campaigns/_stampede_news.html", context))

        self.outbox.put("begin", render_to_string("campaigns/_stampede_begin.html", {"answered": 0}))
        try:
            ended = await database_sync_to_async(self._ask_all, thread_sensitive=False)(form, told)
        except Exception:
            log.exception("stampede_failed", user_id=self.user_id)
            ended = {"form": form, "problem": gateway.Unavailable("Something went wrong; nothing more is known.")}
        # Answers that are on their way to this loop come before the sum.
        await asyncio.sleep(0)
        context = {"user_id": self.user_id, "oob": True, **ended}
        if "tally" in ended:
            self.outbox.put("tally", render_to_string("campaigns/_stampede_tally.html", context))
        if "page" in ended:
            self.outbox.put("now", render_to_string("campaigns/_stampede_now.html", context))
        self.outbox.put("form", render_to_string("campaigns/_stampede_form.html", context))

    def _ask_all(self, form: StampedeForm, told: Any) -> dict[str, Any]:
        """By the rights of this moment, which the gateway asks for."""
        if not form.is_valid():
            form.show_again(keep_key=False)
            return {"form": form}
        user = User.objects.get(pk=self.scope["user"].pk)
        ended: dict[str, Any] = {"form": form}
        try:
            tally: Tally
            _, tally = run(self.user_id, user, form, told=told)
            ended["tally"] = tally
        except gateway.CampaignProblem as problem:
            ended["problem"] = problem
        form.show_again(keep_key=isinstance(ended.get("problem"), gateway.Unavailable))
        ended["page"], _ = inspect(self.user_id, user)
        return ended


def _fields(text: str | None) -> dict[str, str] | None:
    """What htmx sends of a form; None when it is nothing of the kind."""
    if not text or len(text) > LONGEST_MESSAGE:
        return None
    try:
        sent = json.loads(text)
    except ValueError:
        return None
    return {name: value for name, value in sent.items() if isinstance(value, str)} if isinstance(sent, dict) else None
