"""Keeps a workflow's row in the database up to date, beside its story. Workflow code is its home."""

from collections.abc import Awaitable, Callable

from temporalio import workflow


class ProjectionKeeper:
    """Saves the newest version after each change. Changes that come while one is being saved are saved together.

    ``version`` tells the state's version now; ``save`` saves the state and returns the version that it saved.
    """

    def __init__(self, version: Callable[[], int], save: Callable[[], Awaitable[int]], saved_version: int = 0) -> None:
        self._version = version
        self._save = save
        self._saved_version = saved_version

    @property
    def is_saved(self) -> bool:
        return self._saved_version >= self._version()

    async def keep(self) -> None:
        """Goes on until it is cancelled."""
        while True:
            await workflow.wait_condition(lambda: not self.is_saved)
            self._saved_version = max(self._saved_version, await self._save())

    async def saved(self) -> None:
        await workflow.wait_condition(lambda: self.is_saved)
