"""How much one process takes: bytes and events of its history in Temporal, bytes of its rows in PostgreSQL."""

import asyncio
import os
import subprocess
import sys
import tempfile
from statistics import median
from typing import Any

import psycopg
from django.conf import settings
from temporalio.client import Client

from approvals.contract import approval_workflow_id
from campaigns.contract import campaign_workflow_id, shard_workflow_id, user_actor_workflow_id
from orders.contract import order_workflow_id
from tests.benchmarks.figures import Figure
from tests.eventually import aeventually
from tests.postgres import Postgres
from tests.soak.shop import Shop
from tests.stack import Stack

ORDERS = 5
PEOPLE = ("USER-101", "USER-102", "USER-103", "USER-104", "USER-105")
MESSAGES = 3
"""As many as the demo's cap allows."""
ROWS = {"orders": 3_000, "requests": 1_000, "sends": 30_000}


async def measure(stack: Stack) -> list[Figure]:
    client = await stack.temporal_client()
    figures = await _orders(stack, client)
    figures += await _requests(stack, client)
    figures += await _actors(stack, client)
    figures += await _campaign(stack, client)
    return figures + await asyncio.to_thread(_rows)


async def _size(client: Client, workflow_id: str) -> tuple[int, int]:
    """Events and bytes of the newest run."""
    info = (await client.get_workflow_handle(workflow_id).describe()).raw_description.workflow_execution_info
    return info.history_length, info.history_size_bytes


def _figures(what: str, sizes: list[tuple[int, int]]) -> list[Figure]:
    return [
        _plain(f"{what}, history", median(events for events, _ in sizes), "events"),
        _plain(f"{what}, history", median(size for _, size in sizes) / 1000, "kB"),
    ]


def _plain(name: str, value: float, unit: str) -> Figure:
    return Figure(name, value, unit, None, None, "", None)


async def _orders(stack: Stack, client: Client) -> list[Figure]:
    """Paid, shipped, delivered; nobody looked on."""
    sizes = []
    async with Shop(stack) as shop:
        for _ in range(ORDERS):
            order = await shop.place(("MOUSE-001", 1), ("KEYBOARD-001", 1))
            order_id = order["order_id"]
            await shop.pay(order)
            await shop.until(order_id, lambda now: now["status"] == "paid")
            await shop.post(order_id, "shipment", {"carrier": "DHL", "tracking_number": "JD014600003SE"})
            await shop.post(order_id, "delivery", {})
            await shop.until(order_id, lambda now: now["status"] == "delivered")
            await client.get_workflow_handle(order_workflow_id(order_id)).result()
            sizes.append(await _size(client, order_workflow_id(order_id)))
    return _figures("order from cart to doorstep", sizes)


async def _requests(stack: Stack, client: Client) -> list[Figure]:
    """Asked, mailed to one level, approved."""
    sizes = []
    async with stack.async_api("employee") as employee, stack.async_api("manager") as manager:
        for number in range(ORDERS):
            body = {"kind": "expense", "title": f"Cables, {number}", "amount_cents": 4_000}
            asked = await employee.post(
                "/api/approvals", json=body, headers={"Idempotency-Key": f"sizes-{number}-asked"}
            )
            assert asked.status_code == 201, asked.text
            request_id = asked.json()["request_id"]
            decided = await manager.post(
                f"/api/approvals/{request_id}/decisions",
                json={"approved": True, "state_version": asked.json()["state_version"]},
                headers={"Idempotency-Key": f"sizes-{number}-decided"},
            )
            assert decided.status_code == 200, decided.text
            await client.get_workflow_handle(approval_workflow_id(request_id)).result()
            sizes.append(await _size(client, approval_workflow_id(request_id)))
    return _figures("request of one level", sizes)


async def _actors(stack: Stack, client: Client) -> list[Figure]:
    """What an actor takes at rest, and what each message adds."""
    sizes: list[list[tuple[int, int]]] = []
    async with stack.async_api("marketer") as marketer:
        for number in range(MESSAGES):
            for user_id in PEOPLE:
                body = {"channel": "push", "category": "news", "grant_id": f"sizes-{number}"}
                answer = await marketer.post(f"/api/users/{user_id}/send-requests", json=body)
                assert answer.status_code in (200, 201), answer.text
            sizes.append([await _size(client, user_actor_workflow_id(user_id)) for user_id in PEOPLE])
    first, last = sizes[0], sizes[-1]
    added = [((b[0] - a[0]) / (MESSAGES - 1), (b[1] - a[1]) / (MESSAGES - 1)) for a, b in zip(first, last, strict=True)]
    return [
        *_figures("actor with its first message", first),
        _plain("each message more", median(events for events, _ in added), "events"),
        _plain("each message more", median(size for _, size in added) / 1000, "kB"),
    ]


async def _campaign(stack: Stack, client: Client) -> list[Figure]:
    """To all contacts of the demo: five hundred."""
    async with stack.async_api("marketer") as marketer:
        body = {
            "name": "Sizes",
            "channel": "push",
            "audience": "all",
            "template": {"subject": "Hello", "body": "New keyboards."},
        }
        made = await marketer.post("/api/campaigns", json=body, headers={"Idempotency-Key": "sizes-campaign"})
        assert made.status_code == 201, made.text
        campaign_id = made.json()["campaign_id"]
        launched = await marketer.post(f"/api/campaigns/{campaign_id}/launch")
        assert launched.status_code < 300, launched.text

    async def has_shards() -> bool:
        ((settled,),) = stack.sql(
            "SELECT COUNT(*) FROM campaigns_campaignrecipient r JOIN campaigns_campaign c ON c.id = r.campaign_id "
            "WHERE c.campaign_id = ? AND r.state = 'sent'",
            campaign_id,
        )
        return bool(settled >= 400)

    await aeventually(has_shards, timeout=300, every=1)
    return [
        *_figures("campaign to 500", [await _size(client, campaign_workflow_id(campaign_id))]),
        *_figures("its shard", [await _size(client, shard_workflow_id(campaign_id, 1))]),
    ]


def _rows() -> list[Figure]:
    """Made-up rows, which are as large as real ones, in a PostgreSQL of their own; indexes count."""
    with tempfile.TemporaryDirectory() as directory:
        server = Postgres()
        try:
            url = server.create_database()
            _manage(url, directory, "migrate", "-v", "0")
            empty = _bytes(url)
            _manage(url, directory, "generate_rows", *(f"--{name}={count}" for name, count in ROWS.items()))
            full = _bytes(url)
        finally:
            server.stop()
    areas = {
        "orders": "order with its timeline",
        "approvals": "request with its trail",
        "campaigns": "send with its row",
    }
    return [
        _plain(f"{words}, rows", (full[area] - empty[area]) / count / 1000, "kB")
        for (area, words), count in zip(areas.items(), ROWS.values(), strict=True)
    ]


def _manage(url: str, directory: str, *arguments: str) -> None:
    environment = os.environ | {"DATABASE_URL": url, "DATA_DIR": directory, "DEBUG": "1", "LOG_LEVEL": "ERROR"}
    environment["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
    subprocess.run(command, env=environment, cwd=settings.BASE_DIR, check=True, timeout=300)


def _bytes(url: str) -> dict[str, int]:
    """By area: tables with their indexes and long values."""
    query = """SELECT split_part(relname, '_', 1), SUM(pg_total_relation_size(relid))::bigint
               FROM pg_stat_user_tables GROUP BY 1"""
    with psycopg.connect(url) as connection:
        rows: list[Any] = connection.execute(query).fetchall()
    return dict(rows)
