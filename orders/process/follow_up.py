"""What goes on beside the story of an order: its row in the database, and mails. Neither ever fails the order."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from orders.contract import MailRequest, TimelineKind
from orders.process import effects
from orders.process.state import OrderState
from temporal_worker.keeper import ProjectionKeeper


class Projection(ProjectionKeeper):
    """The order's row and its timeline."""

    def __init__(self, state: OrderState) -> None:
        resumed = state.order.resume is not None
        super().__init__(lambda: state.version, self._save_order, state.version if resumed else 0)
        self._state = state
        self._saved_entries = state.timeline_total if resumed else 0

    async def _save_order(self) -> int:
        view = self._state.view(timeline_after=self._saved_entries)
        await effects.save_order(view)
        self._saved_entries = max(self._saved_entries, view.timeline_total)
        return view.version


class Mails:
    """Best effort, in the background; what was sent and what was not is on the timeline."""

    def __init__(self, state: OrderState) -> None:
        self._state = state
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_by_one = asyncio.Lock()

    def send(self, kind: str, number: int = 1) -> None:
        self.do(self._send(MailRequest(kind, self._state.view(timeline_after=self._state.timeline_total), number)))

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Something else that goes on in the background, and that the order waits for before it ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, request: MailRequest) -> None:
        name = request.kind.replace("_", " ")
        try:
            # In their order: nobody should read "delivered" before "shipped".
            async with self._one_by_one:
                recipient = await effects.send_order_mail(request)
        except ActivityError:
            self._state.record(TimelineKind.MAIL_FAILED, f"Mail “{name}” could not be sent.")
        else:
            self._state.record(TimelineKind.MAIL_SENT, f"Mail “{name}” sent to {recipient}.")

    async def finish(self) -> None:
        await workflow.wait_condition(lambda: not self._tasks)
