"""What the soak does to a shop from outside – by its API and the payment provider's webhook – and its books afterwards."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from orders.payments.signature import HEADER, sign
from tests.eventually import aeventually
from tests.stack import Stack

WEBHOOK_SECRET = "demo-webhook-secret"
CALL_TIMEOUT = 60.0
"""Seconds: dozens of requests at once on a small machine are slow, and slow is not what these tests are about."""


class Shop:
    """Use it as an async context manager; one HTTP client, with as many connections as there are calls at once."""

    def __init__(self, stack: Stack, username: str = "ops") -> None:
        self.stack = stack
        self.http = stack.async_api(username, limits=httpx.Limits(max_connections=200, max_keepalive_connections=50))
        self.http.timeout = httpx.Timeout(CALL_TIMEOUT)

    async def __aenter__(self) -> "Shop":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.http.aclose()

    # ── By the API ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def send_order(self, *lines: tuple[str, int], key: str | None = None) -> httpx.Response:
        body = {
            "customer_id": "SOAK-001",
            "customer_email": "soak@example.com",
            "items": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
        }
        return await self.http.post("/api/orders", json=body, headers=_key(key))

    async def place(self, *lines: tuple[str, int]) -> dict[str, Any]:
        """An order that waits for its payment."""
        answer = await self.send_order(*lines)
        assert answer.status_code == 201, answer.text
        order_id = answer.json()["order_id"]
        return await self.until(order_id, lambda order: order["stage"] == "awaiting_payment")

    async def post(self, order_id: str, noun: str, body: dict[str, Any], key: str | None = None) -> httpx.Response:
        return await self.http.post(f"/api/orders/{order_id}/{noun}", json=body, headers=_key(key))

    async def pay(self, order: dict[str, Any], token: str = "tok_visa", key: str | None = None) -> httpx.Response:
        body = {"payment_method": "card", "card_token": token, "amount_cents": order["total_cents"]}
        return await self.post(order["order_id"], "payment", body, key)

    @staticmethod
    async def insist(send: Callable[[], Any], within: float = 120.0) -> httpx.Response:
        """Repeats a request until it is answered with something else than 503, or not broken off: what 503 promises."""
        end = time.monotonic() + within
        while True:
            try:
                answer: httpx.Response = await send()
            except httpx.TransportError:
                if time.monotonic() > end:
                    raise
            else:
                if answer.status_code != 503 or time.monotonic() > end:
                    return answer
            await asyncio.sleep(0.5)

    async def order(self, order_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"/api/orders/{order_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def until(
        self, order_id: str, holds: Callable[[dict[str, Any]], bool], timeout: float = 30.0
    ) -> dict[str, Any]:
        """The order, as soon as something holds for it."""
        last: dict[str, Any] = {}

        async def ask() -> bool:
            nonlocal last
            last = await self.order(order_id)
            assert holds(last), f"{order_id} is {last['status']} at {last['stage']}, payment {last['payment']}"
            return True

        await aeventually(ask, timeout=timeout, every=0.2)
        return last

    # ── By the webhook ───────────────────────────────────────────────────────────────────────────────────────────────

    async def send_event(self, event: dict[str, Any]) -> httpx.Response:
        body = json.dumps(event).encode()
        headers = {HEADER: sign(body, WEBHOOK_SECRET, int(time.time())), "Content-Type": "application/json"}
        return await self.http.post("/webhooks/payments", content=body, headers=headers)

    # ── Its books ────────────────────────────────────────────────────────────────────────────────────────────────────

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """``query`` with ``?`` for its parameters, on whichever database it is."""
        return self.stack.sql(query.replace("?", "%s") if self.stack.database_url else query, *parameters)

    def charges(self, order_id: str) -> list[int]:
        """The cents of each charge that the provider has made for an order."""
        query = "SELECT amount_cents FROM orders_sandboxcharge WHERE order_id = ? AND is_charged"
        return [amount for (amount,) in self.rows(query, order_id)]

    def net(self, order_id: str) -> int:
        """What the provider has of the customer's money, in cents."""
        query = "SELECT SUM(amount_cents - refunded_cents) FROM orders_sandboxcharge WHERE order_id = ? AND is_charged"
        return int(self.rows(query, order_id)[0][0] or 0)

    def held(self, order_id: str) -> int:
        """Pieces that an order holds."""
        return int(self.rows("SELECT SUM(quantity) FROM orders_reservation WHERE order_id = ?", order_id)[0][0] or 0)

    def pieces(self) -> dict[str, int]:
        """All pieces of each product, free or held: nothing that orders do may change these numbers."""
        query = """SELECT p.sku, p.stock + COALESCE((SELECT SUM(r.quantity) FROM orders_reservation r
                   WHERE r.product_id = p.id), 0) FROM orders_product p"""
        return {sku: int(count) for sku, count in self.rows(query)}

    def stock(self, sku: str) -> int:
        return int(self.rows("SELECT stock FROM orders_product WHERE sku = ?", sku)[0][0])


def _key(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid4())}


def event(kind: str, order: dict[str, Any], *, payment_id: str = "", amount_cents: int | None = None) -> dict[str, Any]:
    """A payment event about an order; ``kind`` is ``succeeded``, ``failed`` or ``refunded``."""
    return {
        "id": f"evt_{uuid4().hex}",
        "type": f"payment.{kind}",
        "created": int(time.time()),
        "data": {
            "order_id": order["order_id"],
            "payment_id": payment_id or f"pay_{uuid4().hex[:20]}",
            "amount_cents": order["total_cents"] if amount_cents is None else amount_cents,
            "currency": order["currency"],
        },
    }


def kinds(order: dict[str, Any]) -> list[str]:
    """What its timeline tells."""
    return [entry["kind"] for entry in order["timeline"]]


@dataclass
class Tally:
    """Counts outcomes, for the line that a soak prints."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def __str__(self) -> str:
        return ", ".join(f"{what}: {count}" for what, count in sorted(self.counts.items()))
