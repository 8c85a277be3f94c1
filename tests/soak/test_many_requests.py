"""A thousand requests wait for one person: the inbox is as quick as an empty one, and a hundred are decided by one press."""

import asyncio
import re
from collections.abc import Callable
from time import monotonic, perf_counter

import pytest

from tests.eventually import aeventually
from tests.soak.desk import Desk, fields_of
from tests.soak.office import Json, Office, at_once
from tests.soak.shop import Shop
from tests.soak.sizes import pick
from tests.soak.viewers import percentile

FEW, MANY = 10, 1_000
REAL = pick(short=110, full=MANY)
"""Requests that are workflows. The others of the thousand are rows such as workflows save."""
ASKED_AT_ONCE = 12
LOOKS = pick(short=25, full=60)
"""Page loads in a measurement."""
ROUNDS = 5
SLOWER_BY = 0.2
"""Seconds that the full inbox may take more than the empty one, at p95."""
BULK = 100
DECIDED_WITHIN = 120.0
LOOK_EVERY = 0.2
"""Seconds, as the one before."""
WORDS = "All hundred of them."
PAGES = (
    "/approvals/",
    "/approvals/?tab=groups",
    "/approvals/?kind=expense&amount=small",
    "/api/approvals",
    "/api/approvals?limit=100",
)


class TestThousandInOneInbox:
    """Three chapters of one story: the inbox fills up, is looked at, and is worked off."""

    async def test_costs_as_many_queries_as_ten(
        self, sqlite_office: Office, say: Callable[[str], None], asked: list[Json]
    ) -> None:
        async with sqlite_office as office, office.desk("busy") as desk:
            asked += await _ask(office, FEW)
            await _waiting(desk, FEW)
            few = {path: await _queries(office, desk, path) for path in PAGES}
            start = monotonic()
            asked += await _ask(office, REAL - FEW)
            rate = (REAL - FEW) / (monotonic() - start)
            if REAL < MANY:
                fill = f"from tests.soak.hiring import fill_inbox; fill_inbox('busy', {MANY - REAL})"
                await asyncio.to_thread(office.stack.manage, "shell", "-v", "0", "-c", fill)
            await _waiting(desk, MANY)
            many = {path: await _queries(office, desk, path) for path in PAGES}
        say(
            f"{MANY} requests for one person, {REAL} of them workflows, {rate:.0f} asked a second; SQL of the pages: {many}"
        )
        assert many == few
        assert min(many.values()) > 0, "The counter counts nothing."

    async def test_is_as_quick_as_an_empty_one(
        self, sqlite_office: Office, say: Callable[[str], None], asked: list[Json]
    ) -> None:
        assert len(asked) == REAL
        async with sqlite_office as office, office.desk("busy") as busy, office.desk("idle") as idle:
            await _waiting(idle, 0)
            # A machine that is busy with something else spoils a round; what holds in one of five can hold.
            for _ in range(ROUNDS):
                full, empty = await _loads(busy, idle)
                slower = percentile(full, 0.95) - percentile(empty, 0.95)
                say(
                    f"inbox of {MANY}: p50 {percentile(full, 0.5) * 1000:.0f} ms, p95 {percentile(full, 0.95) * 1000:.0f} ms; "
                    f"empty: p50 {percentile(empty, 0.5) * 1000:.0f} ms, p95 {percentile(empty, 0.95) * 1000:.0f} ms"
                )
                if slower <= SLOWER_BY:
                    break
        assert slower <= SLOWER_BY

    async def test_a_hundred_are_decided_once_however_often_it_is_pressed(
        self, sqlite_office: Office, say: Callable[[str], None], asked: list[Json]
    ) -> None:
        assert len(asked) == REAL
        chosen = [request["request_id"] for request in asked[:BULK]]
        async with sqlite_office as office, office.desk("busy") as desk:
            inbox = fields_of((await desk.http.get("/approvals/")).text)
            items = {"item": [f"{request['request_id']}:{request['state_version']}" for request in asked[:BULK]]}
            page = await desk.http.post("/approvals/bulk/", data=inbox | items | {"decision": "approve"})
            assert page.status_code == 200, page.text
            listed = re.findall(r'name="item" value="([^"]+)"', page.text)
            assert listed == items["item"]
            assert f"Approve {BULK} requests" in page.text
            assert await _decided(office, chosen) == {}, "Seeing them again decides nothing."

            form = fields_of(page.text) | {"item": listed, "comment": WORDS}
            start = monotonic()
            pressed = await at_once([lambda: desk.http.post("/approvals/bulk/", data=form)] * 2)
            shown = [await _shown(desk, pressed[0].headers["Location"])]
            while shown[-1] < BULK and monotonic() - start < DECIDED_WITHIN:
                await asyncio.sleep(LOOK_EVERY)
                shown.append(await _shown(desk, pressed[0].headers["Location"]))
            took = monotonic() - start
            pressed.append(await desk.http.post("/approvals/bulk/", data=form))

            assert {answer.status_code for answer in pressed} == {302}
            assert len({answer.headers["Location"] for answer in pressed}) == 1
            assert shown == sorted(shown), "Progress never goes back."
            assert len(set(shown) - {0, BULK}) >= 3, shown
            assert f"{BULK} of {BULK} approved." in (await desk.http.get(pressed[0].headers["Location"])).text
            assert await _decided(office, chosen) == dict.fromkeys(chosen, 1)
            rest = [request["request_id"] for request in asked[BULK:][:FEW]]
            assert await _decided(office, rest) == {}
            await _waiting(desk, MANY - BULK)
            jobs = office.rows("SELECT COUNT(*), COUNT(finished_at) FROM approvals_bulkjob WHERE comment = ?", WORDS)
            assert jobs == [(1, 1)]
        say(f"{BULK} decided by one press in {took:.1f} s; the page said {len(set(shown))} different numbers meanwhile")


@pytest.fixture(scope="module")
def asked() -> list[Json]:
    """The requests that are workflows; the first chapter asks them."""
    return []


async def _ask(office: Office, count: int) -> list[Json]:
    room = asyncio.Semaphore(ASKED_AT_ONCE)

    async def one(number: int) -> Json:
        async with room:
            return await office.ask("expense", f"Request {number:04}", amount_cents=1_000 + number)

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def _waiting(desk: Desk, count: int) -> None:
    """Until this many wait for whoever sits there."""

    async def ask() -> bool:
        answer = await desk.http.get("/approvals/")
        assert answer.status_code == 200
        found = re.search(r'id="tab-mine"[^>]*>Waiting for me <span>([\d,]+)</span>', answer.text)
        assert found, answer.text
        return int(found[1].replace(",", "")) == count

    await aeventually(ask, timeout=60, every=0.2)


async def _queries(office: Office, desk: Desk, path: str) -> int:
    """SQL statements of one load, when it has been loaded before."""
    assert (await desk.http.get(path)).status_code == 200
    before = await _counted(office)
    assert (await desk.http.get(path)).status_code == 200
    return await _counted(office) - before


async def _counted(office: Office) -> int:
    return int((await office.http.get("/counts")).json()["sql"]["pages"])


async def _loads(*desks: Desk) -> list[list[float]]:
    """Seconds of each load, one after the other, for each desk."""
    taken: list[list[float]] = [[] for _ in desks]
    for _ in range(LOOKS):
        for desk, seconds in zip(desks, taken, strict=True):
            start = perf_counter()
            assert (await desk.http.get("/approvals/")).status_code == 200
            seconds.append(perf_counter() - start)
    return taken


async def _shown(desk: Desk, job: str) -> int:
    """How many are through, as the page of the job says."""
    answer = await Shop.insist(lambda: desk.http.get(f"{job}progress/"))
    found = re.search(rf"<strong>(\d+) of {BULK} (?:are through|approved)\.</strong>", answer.text)
    assert found, answer.text
    return int(found[1])


async def _decided(office: Office, request_ids: list[str]) -> dict[str, int]:
    """Accepted decisions of each request, by its history; those without any are left out."""
    counts = {request_id: len(await office.accepted(request_id)) for request_id in request_ids}
    return {request_id: count for request_id, count in counts.items() if count}
