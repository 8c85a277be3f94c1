"""Hundreds of people look at one order: each change is on all their screens at once, and looking costs nothing."""

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic, perf_counter
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest
from temporalio.client import WorkflowHandle

from orders.contract import By, Door, ItemInput
from tests.eventually import aeventually
from tests.soak.conftest import started
from tests.soak.desk import Desk
from tests.soak.shop import Shop
from tests.soak.sizes import pick
from tests.soak.viewers import Viewer, all_have, make_sessions, open_viewer, percentile, watching
from tests.stack import Stack

VIEWERS = 200
LISTS = 5
"""Open orders lists beside them: they make the process read the change counter once a second."""
CHANGES = pick(short=10, full=100)
IDLE = pick(short=5, full=60)
"""Seconds."""
TOLD_WITHIN = 0.3
ROUNDS = 6
BETWEEN_ROUNDS = 5.0
"""Seconds: what keeps the machine busy may be over by then."""
POLLERS = 50
CONNECTIONS_OF_THREADS = 16
STATEMENTS_OF_A_LOOK = 3
"""Of the process's own look at the health: the database, the workers, what is saved late."""


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One whose web process counts its SQL and its calls to Temporal."""
    stack = Stack(tmp_path_factory.mktemp("viewers"))
    stack.webs[0].command[-1] = "tests.soak.counting:application"
    yield from started(stack)


@pytest.fixture(scope="module")
def sessions(own_stack: Stack) -> list[str]:
    return make_sessions(own_stack, VIEWERS + LISTS)


class TestTwoHundredSockets:
    async def test_a_change_is_on_all_of_them(
        self, own_stack: Stack, sessions: list[str], say: Callable[[str], None]
    ) -> None:
        order, handle = await _order(own_stack)
        version = order["version"]
        async with watching(own_stack.base_url, _path(order), sessions[:VIEWERS]) as viewers:
            await all_have(viewers, version)
            await aeventually(lambda: _has_waits(handle, 1))
            # A machine that is busy with something else spoils a round; what holds in one of them can hold.
            for number in range(ROUNDS):
                await asyncio.sleep(BETWEEN_ROUNDS if number else 0)
                events, _, _ = await _history(handle)
                told = await _tell(handle, viewers)
                p50, p95 = percentile(told, 0.5), percentile(told, 0.95)
                say(
                    f"{VIEWERS} sockets, {CHANGES} changes, from the sending of add_item (its own work included) to each "
                    f"socket: p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms, slowest {max(told) * 1000:.0f} ms"
                )
                await aeventually(lambda events=events: _has_waits(handle, CHANGES, after=events))  # type: ignore[misc]
                _, waits, changes = await _history(handle, after=events)
                assert changes == CHANGES
                assert waits == CHANGES, "One accepted wait_for_progress for each change."
                if p95 <= TOLD_WITHIN:
                    break
            open_files = [_database_connections(own_stack) for _ in range(20) if not await asyncio.sleep(0.1)]
            say(
                f"database connections of the web process meanwhile, 20 looks: {open_files}; threads: {_threads(own_stack)}"
            )
            # SQLite's stay open, one for each thread that ever asked; no viewer has one of its own.
            assert max(open_files) <= CONNECTIONS_OF_THREADS < VIEWERS / 10
        assert p95 <= TOLD_WITHIN

    async def test_nobody_moves_for_a_while_and_it_costs_nothing(
        self, own_stack: Stack, sessions: list[str], say: Callable[[str], None]
    ) -> None:
        order, handle = await _order(own_stack)
        async with (
            watching(own_stack.base_url, _path(order), sessions[:VIEWERS]) as viewers,
            watching(own_stack.base_url, "/ws/orders/?after=0", sessions[VIEWERS:]),
        ):
            await all_have(viewers, order["version"])
            await asyncio.sleep(2)
            events, _, _ = await _history(handle)
            start = monotonic()
            before = await _counts(own_stack)
            await asyncio.sleep(IDLE)
            after, seconds = await _counts(own_stack), monotonic() - start
            events_after, _, _ = await _history(handle)

        sql = {reader: after["sql"].get(reader, 0) - before["sql"].get(reader, 0) for reader in after["sql"]}
        say(f"{VIEWERS} order pages and {LISTS} lists, idle for {seconds:.0f} s: SQL {sql}, calls and events 0")
        assert sql.pop("pages", 0) == 0, "A page that nobody touches has asked the database."
        # What is left is the process's own, the same for one page and for two hundred: one read of the change counter
        # a second, and every two seconds the look whether database and workers are there and how late changes are saved.
        assert sql.pop("pulse", 0) <= seconds + 1
        assert sql.pop("health", 0) <= STATEMENTS_OF_A_LOOK * (seconds / 2 + 1)
        assert sql == {}
        assert after["calls"] == before["calls"], "An idle page has asked Temporal."
        assert events_after == events, "An idle page has left something in the history."

    async def test_closed_ones_leave_nothing(self, own_stack: Stack, sessions: list[str]) -> None:
        order, handle = await _order(own_stack)
        async with watching(own_stack.base_url, _path(order), sessions[:VIEWERS]) as viewers:
            await all_have(viewers, order["version"])
            assert (await _counts(own_stack))["viewers"] == VIEWERS
            version = await _change(handle)
            # Half of them while the change is on its way to them, without a word, as a lost laptop does.
            for viewer in viewers[::2]:
                viewer.socket.transport.abort()
            await all_have(viewers[1::2], version)

        async def are_gone() -> None:
            counts = await _counts(own_stack)
            assert (counts["viewers"], counts["watched"], counts["follows"]) == (0, 0, 0), counts

        await aeventually(lambda: _holds(are_gone), timeout=10)
        # The last wait is answered by the next change; nobody asks for the one after it.
        await _change(handle)
        events, _, _ = await _history(handle)
        await _change(handle)
        _, waits, changes = await _history(handle, after=events)
        assert (waits, changes) == (0, 1)

    async def test_who_logs_out_is_shown_no_more(self, own_stack: Stack) -> None:
        order, handle = await _order(own_stack)
        async with await Desk.of(own_stack.base_url, "employee") as desk:
            leaving = await open_viewer(own_stack.base_url, _path(order), desk.session)
            reading = asyncio.create_task(leaving.read())
            await all_have([leaving], order["version"])
            assert (await desk.post("/accounts/logout/", {})).status_code == 302
            start = monotonic()
            await asyncio.wait_for(reading, 5)
            assert leaving.close_code == 4403
            assert monotonic() - start < 2
            seen = dict(leaving.seen)
            await _change(handle)
            assert leaving.seen == seen


class TestConnections:
    async def test_viewers_on_postgresql_hold_none(self, postgres_stack: Stack, say: Callable[[str], None]) -> None:
        order, handle = await _order(postgres_stack)
        viewing = make_sessions(postgres_stack, VIEWERS)
        async with watching(postgres_stack.base_url, _path(order), viewing) as viewers:
            await all_have(viewers, order["version"])
            await all_have(viewers, await _change(handle))
            await asyncio.sleep(1)
            connections = [_postgres_connections(postgres_stack) for _ in range(20) if not await asyncio.sleep(0.1)]
        say(f"{VIEWERS} sockets on PostgreSQL: {connections} connections of web and worker in 20 looks")
        assert percentile(connections, 0.5) <= 3


class TestFallback:
    async def test_pollers_on_postgresql_leave_room_for_others(
        self, postgres_stack: Stack, say: Callable[[str], None]
    ) -> None:
        stack = postgres_stack
        order, handle = await _order(stack)
        cookies = [{"Cookie": f"sessionid={session}"} for session in make_sessions(stack, POLLERS + 1)]
        limits = httpx.Limits(max_connections=POLLERS + 5)
        async with httpx.AsyncClient(base_url=stack.base_url, timeout=30, limits=limits) as http:

            async def poll(headers: dict[str, str], after: int) -> tuple[httpx.Response, float]:
                url = f"/orders/{order['order_id']}/live/?after={after}"
                return await http.get(url, headers=headers), perf_counter()

            # Once through all that first requests load.
            await asyncio.gather(*(poll(headers, 0) for headers in cookies[1:]))
            await http.get("/orders/", headers=cookies[0])
            polls = [asyncio.create_task(poll(headers, order["version"])) for headers in cookies[1:]]
            await asyncio.sleep(3)
            assert not any(each.done() for each in polls)

            pages, connections = [], []
            for _ in range(20):
                start = perf_counter()
                assert (await http.get("/orders/", headers=cookies[0])).status_code == 200
                pages.append(perf_counter() - start)
                connections.append(_postgres_connections(stack))
                await asyncio.sleep(0.05)

            sent = perf_counter()
            version = await _change(handle)
            answers = await asyncio.gather(*polls)
            told = [at - sent for _, at in answers]
            assert {answer.status_code for answer, _ in answers} == {200}
            assert all(f'data-version="{version}"' in answer.text for answer, _ in answers)
        say(
            f"{POLLERS} long polls on PostgreSQL: an ordinary page p95 {percentile(pages, 0.95) * 1000:.0f} ms, "
            f"connections {percentile(connections, 0.5):.0f} (most {max(connections)}), a change p95 "
            f"{percentile(told, 0.95) * 1000:.0f} ms"
        )
        assert max(pages) < 2
        assert percentile(connections, 0.5) <= 3
        assert max(told) < 3


# ── What they share ──────────────────────────────────────────────────────────────────────────────────────────────────


async def _order(stack: Stack) -> tuple[dict[str, Any], WorkflowHandle[Any, Any]]:
    """An order that waits for its payment and has come to rest: nothing moves it but its test."""
    async with Shop(stack) as shop:
        order_id = (await shop.place(("MOUSE-001", 1)))["order_id"]
        await shop.until(order_id, lambda seen: "mail_sent" in [entry["kind"] for entry in seen["timeline"]])
        order = await shop.order(order_id)
    client = await stack.temporal_client()
    return order, client.get_workflow_handle(order["workflow_id"])


async def _tell(handle: WorkflowHandle[Any, Any], viewers: list[Viewer]) -> list[float]:
    """Seconds from the sending of each change to each viewer who has it."""
    told: list[float] = []
    for _ in range(CHANGES):
        sent = perf_counter()
        version = await _change(handle)
        await all_have(viewers, version)
        told += [viewer.told_at(version) - sent for viewer in viewers]
        await asyncio.sleep(0.3)  # what follows from it is over: the row saved, the next wait under way
    return told


def _path(order: dict[str, Any]) -> str:
    return f"/ws/orders/{order['order_id']}/?after=0"


async def _change(handle: WorkflowHandle[Any, Any]) -> int:
    """One piece more; returns the version that has it."""
    item = ItemInput("CABLE-USBC", 1, By("ops", Door.CLI))
    order = await handle.execute_update("add_item", item, id=str(uuid4()))
    return int(order["version"])


async def _history(handle: WorkflowHandle[Any, Any], after: int = 0) -> tuple[int, int, int]:
    """The last event's number; and after an event, the accepted waits and the accepted changes."""
    last, waits, changes = 0, 0, 0
    async for found in handle.fetch_history_events():
        last = found.event_id
        name = found.workflow_execution_update_accepted_event_attributes.accepted_request.input.name
        waits += last > after and name == "wait_for_progress"
        changes += last > after and name == "add_item"
    return last, waits, changes


async def _has_waits(handle: WorkflowHandle[Any, Any], number: int, after: int = 0) -> bool:
    """The next wait is asked for when everybody has been told."""
    _, waits, _ = await _history(handle, after)
    return waits >= number


async def _counts(stack: Stack) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=stack.base_url) as http:
        return (await http.get("/counts")).json()  # type: ignore[no-any-return]


async def _holds(check: Callable[[], Any]) -> bool:
    await check()
    return True


def _database_connections(stack: Stack) -> int:
    """How often the web process has the SQLite file open."""
    files = psutil.Process(stack.webs[0].pid).open_files()
    return sum(file.path.endswith("callboard.sqlite3") for file in files)


def _threads(stack: Stack) -> int:
    return psutil.Process(stack.webs[0].pid).num_threads()


def _postgres_connections(stack: Stack) -> int:
    """Connections to the stack's database, of web and worker together, but for the one that asks."""
    query = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return int(stack.sql(query)[0][0])
