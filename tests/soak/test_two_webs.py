"""Two web processes over one database: who loses their session or their rights at one loses their open pages at the other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import pytest

from tests.eventually import aeventually
from tests.soak.conftest import started
from tests.soak.desk import Desk, fields_of
from tests.soak.shop import Shop
from tests.soak.viewers import Viewer, open_viewer
from tests.stack import Stack

ENDS_WITHIN = 5.0
SETTLES = 2.0
"""Seconds after which a page that is open stays open by itself: the first read of the counters is over."""


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    yield from started(Stack(tmp_path_factory.mktemp("webs"), webs=2))


@pytest.fixture(scope="module")
async def paths(own_stack: Stack) -> list[str]:
    """Sockets of each kind that whoever is staff may open: a process's, a list's, the home page's and the shell's."""
    async with Shop(own_stack) as shop:
        order_id = (await shop.place(("MOUSE-001", 1)))["order_id"]
    return [f"/ws/orders/{order_id}/?after=0", "/ws/orders/?after=0", "/ws/home/", "/ws/approvals/", "/ws/shell/"]


class Tabs:
    """One person's open pages, all on one web process."""

    def __init__(self) -> None:
        self.viewers: dict[str, Viewer] = {}
        self.ended_at: dict[str, float] = {}

    async def open(self, base_url: str, paths: list[str], session: str) -> None:
        self.viewers = {path: await open_viewer(base_url, path, session) for path in paths}
        self._reading = [asyncio.create_task(self._read(path)) for path in paths]
        await asyncio.sleep(SETTLES)
        assert not self.ended_at

    async def _read(self, path: str) -> None:
        await self.viewers[path].read()
        self.ended_at[path] = monotonic()

    async def close(self) -> None:
        await asyncio.gather(*(one.socket.close() for one in self.viewers.values()))
        await asyncio.gather(*self._reading)


@asynccontextmanager
async def looking(stack: Stack, who: str, paths: list[str]) -> AsyncIterator[tuple[Desk, Tabs]]:
    """Logs in at the first web process and looks through the second."""
    here, there = stack.base_urls
    tabs = Tabs()
    async with await Desk.of(here, who) as desk:
        await tabs.open(there, paths, desk.session)
        try:
            yield desk, tabs
        finally:
            await tabs.close()


async def all_end(tabs: Tabs, say: Callable[[str], None], what: str) -> None:
    begun = monotonic()
    await aeventually(lambda: len(tabs.ended_at) == len(tabs.viewers), timeout=ENDS_WITHIN, every=0.05)
    assert {one.close_code for one in tabs.viewers.values()} == {4403}
    say(f"{what}: pages on the other web process end after {max(tabs.ended_at.values()) - begun:.1f} s at the latest")


class TestOnTheOtherProcess:
    async def test_log_out(self, own_stack: Stack, paths: list[str], say: Callable[[str], None]) -> None:
        async with looking(own_stack, "employee", paths) as (desk, tabs):
            assert (await desk.post("/accounts/logout/", {})).status_code == 302
            await all_end(tabs, say, "Log-out")

    async def test_deactivation(self, own_stack: Stack, paths: list[str], say: Callable[[str], None]) -> None:
        async with looking(own_stack, "hr", paths) as (_, tabs):
            await _change_person(own_stack, "hr", is_active=None)
            await all_end(tabs, say, "Deactivation")

    async def test_a_lost_role(self, own_stack: Stack, paths: list[str], say: Callable[[str], None]) -> None:
        async with looking(own_stack, "director", paths) as (_, tabs):
            await _change_person(own_stack, "director", groups=[])
            await all_end(tabs, say, "A lost role")

    async def test_whoever_else_looks_goes_on(self, own_stack: Stack, paths: list[str]) -> None:
        async with looking(own_stack, "manager", paths) as (_, tabs), looking(own_stack, "vp", paths) as (desk, others):
            await desk.post("/accounts/logout/", {})
            await aeventually(lambda: len(others.ended_at) == len(paths), timeout=ENDS_WITHIN, every=0.05)
            await asyncio.sleep(1)
            assert not tabs.ended_at


async def _change_person(stack: Stack, username: str, **changed: Any) -> None:
    """As an administrator does it, at the first web process; a field that is None is left out, as an empty box is."""
    [(pk, first_name, last_name, email)] = stack.sql(
        "SELECT id, first_name, last_name, email FROM auth_user WHERE username = ?", username
    )
    groups = [group for (group,) in stack.sql("SELECT group_id FROM auth_user_groups WHERE user_id = ?", pk)]
    fields = {
        "username": username,
        "first_name": first_name,
        "last_name": last_name,
        "email": email,
        "is_active": "on",
        "groups": groups,
    }
    posted = {name: value for name, value in {**fields, **changed}.items() if value is not None}
    page = f"/admin/auth/user/{pk}/change/"
    async with await Desk.of(stack.base_urls[0], "admin") as admin:
        answer = await admin.post(page, posted)
        if answer.status_code == 200:  # "Do you mean it?"
            confirmed = {"_confirmed": fields_of(answer.text)["_confirmed"]}
            answer = await admin.post(page, posted | confirmed)
        assert answer.status_code == 302, answer.text
