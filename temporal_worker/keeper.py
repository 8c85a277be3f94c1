"""Keeps a workflow's row in the database up to date, beside its story. Workflow code is its home."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import workflow

SAVES_AT_ONCE = "save-each-version-at-once"
"""Patch: workflows from before it go on saving one version after the other."""


class ProjectionKeeper:
    """Saves each version as soon as it is there, also while an older one is still being saved.

    It must not wait for the save before: when a worker without the workflow in its cache gets a message, the SDK hands it
    over together with the end of an activity that led to no command, but one after the other in a replay
    (temporalio/sdk-rust#1146). What is begun because of a message therefore must not depend on what has ended, or it is
    begun in another order in the replay, and the workflow is stuck.

    ``version`` tells the state's version now; ``save`` saves the state and returns the version that it saved. The row
    takes only a newer version, so that it does not matter which save arrives first.
    """

    def __init__(self, version: Callable[[], int], save: Callable[[], Awaitable[int]], saved_version: int = 0) -> None:
        self._version = version
        self._save = save
        self._saved_version = self._begun_version = saved_version
        self._saves: set[asyncio.Task[None]] = set()

    @property
    def is_saved(self) -> bool:
        return self._saved_version >= self._version()

    @property
    def is_behind(self) -> bool:
        """There is a version that no save was begun for."""
        return self._begun_version < self._version()

    async def keep(self) -> None:
        """Goes on until it is cancelled."""
        if not workflow.patched(SAVES_AT_ONCE):
            await self.keep_one_by_one()
        while True:
            await workflow.wait_condition(lambda: self.is_behind)
            self.begin()

    def begin(self) -> None:
        """Begins to save what is there now, if it is new."""
        if not self.is_behind:
            return
        self._begun_version = self._version()
        save = asyncio.create_task(self._save_now())
        self._saves.add(save)
        save.add_done_callback(self._saves.discard)

    async def keep_one_by_one(self) -> None:
        """As before the patch."""
        while True:
            await workflow.wait_condition(lambda: not self.is_saved)
            await self._save_now()

    async def _save_now(self) -> None:
        saved_version = await self._save()
        self._saved_version = max(self._saved_version, saved_version)  # one that began later may have ended before

    async def saved(self) -> None:
        """Until the newest version is in the row, and no save is under way any more."""
        await workflow.wait_condition(lambda: self.is_saved and not self._saves)
