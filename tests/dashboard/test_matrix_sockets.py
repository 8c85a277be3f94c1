"""Every live page × everybody: who may not look is told so by the code that the socket is closed with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator

from dashboard import asgi, health_watch, live_pages
from tests.dashboard.everybody import STRANGERS, World, address_of, made
from tests.dashboard.routes import SOCKETS
from tests.live_pages import close_code


def test_each_socket_is_declared() -> None:
    there = [str(route.pattern) for route in asgi.websocket_urls.routes]
    assert (there[0], there[-1]) == (r"\x00", ""), "What no page listens on is answered 4404."
    assert set(there[1:-1]) == set(SOCKETS)


class _SilentHub:
    """Nothing moves."""

    @asynccontextmanager
    async def watch(self, *args: Any) -> AsyncIterator[Any]:
        async def frames() -> AsyncIterator[Any]:
            await asyncio.get_running_loop().create_future()
            yield

        yield frames()


@pytest.mark.django_db(transaction=True)
async def test_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not is told so by 4403 or 4404; the others' sockets stay open."""
    monkeypatch.setattr(health_watch, "listen", lambda callback: lambda: None)
    monkeypatch.setattr(live_pages, "get_hub", _SilentHub)
    world = await sync_to_async(made)()
    asks = [(path, who) for path in SOCKETS for who in (*STRANGERS, *world.people)]
    statuses = [403 if who in STRANGERS else SOCKETS[path](world.people[who]) for path, who in asks]
    # All at once: an open socket shows itself by staying open for a moment.
    found = await asyncio.gather(
        *(
            _close_code(world, path, who, 15 if status else 1)
            for (path, who), status in zip(asks, statuses, strict=True)
        )
    )
    wrong = [
        f"/{path} by {who}: {code}, not {status}"
        for (path, who), status, code in zip(asks, statuses, found, strict=True)
        if code != (4000 + status if status else None)
    ]
    assert not wrong, "\n".join(wrong)


async def _close_code(world: World, path: str, who: str, patience: float) -> int | None:
    headers = [(b"origin", b"http://localhost"), (b"host", b"localhost")]
    if cookie := world.browsers[who].cookies.get("sessionid"):
        headers.append((b"cookie", f"sessionid={cookie.value}".encode()))
    socket = WebsocketCommunicator(asgi.application, address_of(path, world.named), headers)
    assert (await socket.connect(15))[0]
    try:
        return await asyncio.wait_for(close_code(socket), patience)
    except TimeoutError:
        return None
    finally:
        await socket.disconnect(15)
