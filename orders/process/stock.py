"""The lines of an order and the stock held for them, inside the workflow."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from temporalio.exceptions import ApplicationError

from orders.contract import (
    By,
    ItemInput,
    LineItemSignal,
    OrderLine,
    RefusalCode,
    Shortage,
    Step,
    StockRequest,
    StockResult,
    TimelineKind,
)
from orders.process import effects
from orders.process.parked import Owner
from orders.process.refusals import items_refusal, refuse
from orders.process.state import OrderState, pieces
from orders.process.waiting import Waiting


class Stock:
    """Holds stock for all lines or for none. ``lock`` is held while lines and stock may differ, or a payment is decided."""

    def __init__(self, state: OrderState, waiting: Waiting) -> None:
        self._state = state
        self._waiting = waiting
        self.lock = asyncio.Lock()
        self.is_held = False
        self.is_charging: Callable[[], bool] = lambda: False
        self._revision = 0
        self._attempts = 0
        self._wants_attempt = False
        self._queue: deque[LineItemSignal] = deque()
        waiting.add_inbox(self._can_drain, self.drain_queue)

    # ── The step of the story ────────────────────────────────────────────────────────────────────────────────────────

    async def reserve(self) -> None:
        """Hold the stock of all lines. Too little of it parks the order, until its lines are amended."""
        state = self._state
        while not await self._attempt():
            short = ", ".join(f"{s.sku}: {s.wanted} wanted, {s.available} there" for s in state.shortages)
            state.record(TimelineKind.STOCK_SHORT, f"Not enough stock. {short}.")
            state.parked.park(Step.RESERVE, f"Not enough stock. {short}.")
            await self._waiting.until(lambda: self._wants_attempt or Step.RESERVE in self._waiting.retries)
            self._waiting.retries.discard(Step.RESERVE)
        state.shortages = []
        state.parked.drop(Owner.MAIN_LINE)
        state.record(TimelineKind.STOCK_RESERVED, f"Stock held: {pieces(state.items)}.")

    async def _attempt(self) -> bool:
        async with self.lock:
            result = await self._hold(self._state.items)
            self._attempts += 1
            self._wants_attempt = False
            self._state.take_facts(result.products)
            self._state.shortages = result.shortages
            self.is_held = result.held
            return result.held

    async def _hold(self, lines: list[OrderLine]) -> StockResult:
        self._revision += 1
        order = self._state.order
        currency = "" if self._state.mixes_currencies else order.currency
        return await effects.hold_stock(StockRequest(order.order_id, self._revision, lines, currency))

    # ── Changes of the lines ─────────────────────────────────────────────────────────────────────────────────────────

    async def add(self, change: ItemInput) -> None:
        await self._change(change, lambda: self._state.with_added(change.sku, change.quantity), added=True)
        await self._tried_again()

    async def remove(self, change: ItemInput) -> None:
        await self._change(change, lambda: self._state.with_removed(change.sku, change.quantity), added=False)
        await self._tried_again()

    async def _tried_again(self) -> None:
        """An order that was short is answered about after its amended lines were tried."""
        attempts = self._attempts
        await self._waiting.briefly(lambda: not self._wants_attempt or self._attempts > attempts)

    def removal_refusal(self, change: ItemInput) -> ApplicationError | None:
        line = self._state.line(change.sku)
        if line is None or line.quantity < change.quantity:
            has = line.quantity if line else 0
            return refuse(RefusalCode.NOT_IN_ORDER, f"The order has {has} of {change.sku}.", field="sku")
        if not self._state.with_removed(change.sku, change.quantity):
            return refuse(
                RefusalCode.LAST_ITEM, "This is the order's last item; cancel the order instead.", field="sku"
            )
        return None

    def addition_refusal(self, change: ItemInput) -> ApplicationError | None:
        limit = self._state.policy.max_lines
        if self._state.line(change.sku) is None and len(self._state.items) >= limit:
            return refuse(RefusalCode.TOO_MANY_LINES, f"An order has {limit} lines at most.", field="sku")
        return None

    async def _change(self, change: ItemInput, lines: Callable[[], list[OrderLine]], *, added: bool) -> None:
        async with self.lock:
            # Asked again: the order may have moved on while this change waited for its turn.
            refusal = items_refusal(self._state, self.is_charging())
            refusal = refusal or (self.addition_refusal(change) if added else self.removal_refusal(change))
            if refusal is not None:
                raise refusal
            if self._state.is_short:
                self._amend(change, lines(), added)
            else:
                await self._rehold(change, lines(), added)

    def _amend(self, change: ItemInput, lines: list[OrderLine], added: bool) -> None:
        """Nothing is held yet: note the new lines, and let the main line try again."""
        self._state.items = lines
        self._record(change, added)
        self._wants_attempt = True

    async def _rehold(self, change: ItemInput, lines: list[OrderLine], added: bool) -> None:
        result = await self._hold(lines)
        if result.unknown_skus:
            raise refuse(RefusalCode.UNKNOWN_SKU, f"There is no product {change.sku} for sale.", field="sku")
        if not result.held:
            raise self._short(result.shortages)
        if refusal := items_refusal(self._state, self.is_charging()):
            # Cancelled while the stock was asked: what was just held is released with the rest.
            raise refusal
        self._state.items = lines
        self._state.take_facts(result.products)
        self._record(change, added)

    def _short(self, shortages: list[Shortage]) -> ApplicationError:
        short = shortages[0]
        return refuse(
            RefusalCode.OUT_OF_STOCK,
            f"Only {short.available} of {short.sku} are free, {short.wanted} were wanted.",
            field="quantity",
            shortages=[{"sku": s.sku, "wanted": s.wanted, "available": s.available} for s in shortages],
        )

    def _record(self, change: ItemInput, added: bool) -> None:
        if added:
            self._state.record(TimelineKind.ITEM_ADDED, f"{change.quantity} × {change.sku} added.", by=change.by)
        else:
            self._state.record(TimelineKind.ITEM_REMOVED, f"{change.quantity} × {change.sku} removed.", by=change.by)

    # ── The queue of add_line_item ───────────────────────────────────────────────────────────────────────────────────

    def enqueue(self, item: LineItemSignal) -> None:
        """Keep a signalled item until the main line takes it; a full queue refuses it and says so."""
        if len(self._queue) >= self._state.policy.max_queued_items:
            self._refuse_item(item, f"{len(self._queue)} items are waiting already.")
            return
        self._queue.append(item)

    def _can_drain(self) -> bool:
        return bool(self._queue) and (self.is_held or self._state.is_short) and not self.is_charging()

    async def drain_queue(self) -> None:
        while self._queue:
            item = self._queue.popleft()
            try:
                lines = partial(self._state.with_added, item.sku, item.quantity)
                await self._change(ItemInput(item.sku, item.quantity), lines, added=True)
            except ApplicationError as refusal:
                self._refuse_item(item, refusal.message)

    def _refuse_item(self, item: LineItemSignal, why: str) -> None:
        self._state.record(TimelineKind.ITEM_REFUSED, f"{item.quantity} × {item.sku} not added: {why}", by=By())

    # ── Compensation ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def release(self) -> None:
        """Give back all that is held. A newer revision than any hold before it, so that none can undo it late."""
        async with self.lock:
            self._revision += 1
            request = StockRequest(self._state.order.order_id, self._revision, [])
            await effects.release_stock(request, self._state.policy.compensation_attempts)
            self.is_held = False
