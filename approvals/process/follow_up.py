"""What goes on beside the story of a request: mails and Slack. Neither ever stops it; what failed is in the trail."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from temporalio import workflow
from temporalio.exceptions import ActivityError

from approvals.contract import MailMode, Notice, NoticeRequest, SlackCard, SlackMode, TrailKind
from approvals.process import effects
from approvals.process.bookkeeping import Announcement
from approvals.process.state import ApprovalState
from temporal_worker.keeper import SAVES_AT_ONCE, ProjectionKeeper

TO_REQUESTER = {Notice.CHANGES_REQUESTED, Notice.DECIDED}
"""Sent whatever the policy says about mails to approvers."""
AT_ONCE = 5
"""Mails under way at the same time, in requests from before the patch."""


class FollowUp:
    """What a change leads to: mails, the row in the database, Slack's messages. Runs until it is cancelled.

    A change begins all of them at once and in this order, whatever is still under way; the reason is the keeper's. Only
    a message of Slack waits for the one before it, so it is the last.
    """

    def __init__(self, notices: "Notices", projection: ProjectionKeeper) -> None:
        self._notices = notices
        self._projection = projection

    async def keep(self) -> None:
        if not workflow.patched(SAVES_AT_ONCE):
            await asyncio.gather(self._projection.keep_one_by_one(), self._notices.keep_one_by_one())
        self._notices.send_all_at_once()
        while True:
            await workflow.wait_condition(lambda: self._notices.has_news or self._projection.is_behind)
            self._notices.send()
            self._projection.begin()
            self._notices.draw()


class Notices:
    """Sends what the state announces, and keeps Slack's messages as the levels are."""

    def __init__(self, state: ApprovalState) -> None:
        self._state = state
        self._mails: set[asyncio.Task[None]] = set()
        self._room: AbstractAsyncContextManager[object] = asyncio.Semaphore(AT_ONCE)
        self._drawing = False
        self._cards: asyncio.Task[None] | None = None

    @property
    def is_done(self) -> bool:
        state = self._state
        return not (state.announcements or state.stale_cards or self._mails or self._drawing)

    @property
    def has_news(self) -> bool:
        """There is something to begin."""
        return bool(self._state.announcements or (self._state.stale_cards and not self._drawing))

    def send_all_at_once(self) -> None:
        self._room = nullcontext()

    def send(self) -> None:
        """Begins to mail what was announced."""
        announced, self._state.announcements = self._state.announcements, []
        for announcement in announced:
            self._send(announcement)

    def draw(self) -> None:
        """Begins to show in Slack what has changed, one message after the other."""
        if self._state.stale_cards and not self._drawing:
            self._drawing = True
            self._cards = asyncio.create_task(self._draw_cards())

    async def _draw_cards(self) -> None:
        while self._state.stale_cards:
            await self._draw_card()
        self._drawing = False

    async def keep_one_by_one(self) -> None:
        """As before the patch."""
        state = self._state
        while True:
            await workflow.wait_condition(lambda: bool(state.announcements or state.stale_cards))
            self.send()
            self._drawing = True
            await self._draw_cards()

    async def done(self) -> None:
        await workflow.wait_condition(lambda: self.is_done)

    def _send(self, announcement: Announcement) -> None:
        if self._state.policy.mail == MailMode.OFF and announcement.kind not in TO_REQUESTER:
            return
        view = self._state.view(trail_after=self._state.it.trail_total)
        for recipient in announcement.recipients:
            notice = NoticeRequest(announcement.kind, recipient, view, announcement.number, announcement.text)
            task = asyncio.create_task(self._mail(notice))
            self._mails.add(task)
            task.add_done_callback(self._mails.discard)

    async def _mail(self, notice: NoticeRequest) -> None:
        async with self._room:
            to = self._state.name(notice.recipient)
            kind = notice.kind.replace("_", " ")
            await self._try(lambda: effects.send_approval_mail(notice), f"Mail “{kind}” to {to} could not be sent.")

    async def _draw_card(self) -> None:
        state = self._state
        round_number, level = card = min(state.stale_cards)
        state.stale_cards.discard(card)
        if state.policy.slack == SlackMode.OFF:
            return
        shown = SlackCard(state.view(trail_after=state.it.trail_total), round_number, level)
        await self._try(
            lambda: effects.publish_slack_card(shown),
            f"Slack was not told (round {round_number}, level {level}); the next change tries again.",
        )

    async def _try(self, send: Callable[[], Awaitable[object]], problem: str) -> None:
        try:
            await send()
        except ActivityError as error:
            self._state.record(TrailKind.NOTICE_FAILED, f"{problem} {error.cause or ''}".strip()[:500])
