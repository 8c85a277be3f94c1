"""The threads of one batch: one that writes to the database, and some that send."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from django.db import connections

from campaigns.channels import ChannelProvider, get_provider

T = TypeVar("T")


class Desk:
    """Each thread has a database connection and a provider of its own, made when it needs them, until ``close``.

    One thread writes: two that wrote at once would wait for each other, on SQLite in naps of up to a tenth of a second.
    """

    def __init__(self, channel: str, senders: int) -> None:
        self._channel = channel
        self._books = ThreadPoolExecutor(1, thread_name_prefix="batch-books")
        self._senders = ThreadPoolExecutor(senders, thread_name_prefix="batch-sender")
        self._threads = {self._books: 1, self._senders: senders}
        self._local = threading.local()
        self.room = asyncio.Semaphore(senders)
        """Messages that may be under way at once, from before the intent to the recorded outcome: so many at most are
        unknown after a crash."""
        self.ends = threading.Event()
        """Set when nothing may begin any more: whoever waits to try again gives up."""

    async def do(self, work: Callable[..., T], *args: object) -> T:
        """Run something on the thread that writes."""
        return await asyncio.get_running_loop().run_in_executor(self._books, partial(work, *args))

    async def send(self, work: Callable[[ChannelProvider], T]) -> T:
        """Run something on a thread that sends, with its provider."""
        return await asyncio.get_running_loop().run_in_executor(self._senders, lambda: work(self._provider()))

    def _provider(self) -> ChannelProvider:
        if not hasattr(self._local, "provider"):
            self._local.provider = get_provider(self._channel)
        provider: ChannelProvider = self._local.provider
        return provider

    async def close(self) -> None:
        """Each thread closes what is its own: nobody else may."""
        await asyncio.gather(*(self._close(pool, threads) for pool, threads in self._threads.items()))

    async def _close(self, pool: ThreadPoolExecutor, threads: int) -> None:
        all_there = threading.Barrier(threads)

        def leave() -> None:
            all_there.wait(10)
            try:
                if hasattr(self._local, "provider"):
                    self._local.provider.close()
            finally:
                connections.close_all()

        loop = asyncio.get_running_loop()
        try:
            await asyncio.gather(*(loop.run_in_executor(pool, leave) for _ in range(threads)))
        finally:
            pool.shutdown(wait=False)
