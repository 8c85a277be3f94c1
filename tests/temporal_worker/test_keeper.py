"""Rows are saved version by version, at once: a save may overtake the one before it."""

import asyncio

from temporal_worker.keeper import ProjectionKeeper


class Row:
    """Something with a version, whose saves end when the test says so."""

    def __init__(self) -> None:
        self.version = 0
        self.ends: dict[int, asyncio.Event] = {}

    async def save(self) -> int:
        version = self.version
        self.ends[version] = asyncio.Event()
        await self.ends[version].wait()
        return version


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_save_that_is_overtaken_takes_nothing_back() -> None:
    row = Row()
    keeper = ProjectionKeeper(lambda: row.version, row.save)
    for row.version in (1, 2):
        assert keeper.is_behind
        keeper.begin()
        await settle()
    assert not keeper.is_behind
    row.ends[2].set()
    await settle()
    assert keeper.is_saved
    row.ends[1].set()
    await settle()
    assert keeper.is_saved


async def test_a_version_is_saved_once() -> None:
    row = Row()
    keeper = ProjectionKeeper(lambda: row.version, row.save, saved_version=3)
    row.version = 3
    keeper.begin()
    row.version = 4
    keeper.begin()
    keeper.begin()
    await settle()
    assert set(row.ends) == {4}
    assert not keeper.is_saved
    row.ends[4].set()
    await settle()
    assert keeper.is_saved
