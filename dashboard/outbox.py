"""What a page's socket has to say and has not said yet."""

import asyncio


class Outbox:
    """What waits to be sent. A newer fragment takes the place of an older one, so a slow browser skips ahead."""

    def __init__(self) -> None:
        self._waiting: dict[str, str] = {}
        self._news = asyncio.Event()
        self._ended = False

    def put(self, name: str, html: str) -> None:
        self._waiting.pop(name, None)
        self._waiting[name] = html
        self._news.set()

    def end(self) -> None:
        """Nothing more will come; what waits is still to be taken."""
        self._ended = True
        self._news.set()

    async def take(self) -> list[str]:
        """All that waits, as soon as there is something; empty at the end."""
        while not self._waiting and not self._ended:
            await self._news.wait()
            self._news.clear()
        taken, self._waiting = list(self._waiting.values()), {}
        return taken
