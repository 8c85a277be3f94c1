"""One reader for all listeners, and none when nobody listens."""

import asyncio
import threading

import pytest

from temporal_worker.models import ChangeCounter
from temporal_worker.pulse import Pulse
from tests.temporal_worker.conftest import eventually
from tests.temporal_worker.counting import bump, count_reads

pytestmark = pytest.mark.django_db(transaction=True)


def readers() -> int:
    return sum(thread.name == "pulse" for thread in threading.enumerate())


@pytest.fixture
def pulse() -> Pulse:
    return Pulse(read_every=0.05)


class TestListen:
    async def test_hears_of_each_change(self, pulse: Pulse) -> None:
        heard: list[int] = []
        end = pulse.listen("orders", heard.append)
        await eventually(lambda: heard == [0])
        await bump("orders")
        await bump("approvals")
        await eventually(lambda: heard == [0, 1])
        end()
        await eventually(lambda: not pulse.is_reading)

    async def test_misses_nothing_since_the_page_was_drawn(self, pulse: Pulse) -> None:
        await bump("orders")
        heard: list[int] = []
        end = pulse.listen("orders", heard.append, after=0)
        await eventually(lambda: heard == [1])
        end()

    async def test_is_quiet_when_nothing_has_changed(self, pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
        reads = count_reads(monkeypatch)
        value = await bump("orders")
        heard: list[int] = []
        end = pulse.listen("orders", heard.append, after=value)
        await eventually(lambda: reads() >= 3)
        assert heard == []
        end()

    async def test_many_listeners_share_one_reader(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pulse, reads = Pulse(read_every=1.0), count_reads(monkeypatch)
        heard: list[int] = []
        ends = [pulse.listen("orders", heard.append) for _ in range(50)]
        await eventually(lambda: heard.count(0) == 50)
        assert reads() <= 2
        assert readers() == 1
        for end in ends:
            end()
        await eventually(lambda: not pulse.is_reading and not readers())

    async def test_calls_back_on_the_listeners_own_loop(self, pulse: Pulse) -> None:
        def elsewhere() -> bool:
            async def listen() -> bool:
                called = asyncio.Event()
                loops: list[asyncio.AbstractEventLoop] = []

                def callback(_: int) -> None:
                    loops.append(asyncio.get_running_loop())
                    called.set()

                end = pulse.listen("orders", callback)
                await asyncio.wait_for(called.wait(), 5)
                end()
                return loops == [asyncio.get_running_loop()]

            return asyncio.run(listen())

        assert await asyncio.to_thread(elsewhere)

    async def test_forgets_a_listener_whose_loop_is_gone(self, pulse: Pulse) -> None:
        async def listen_and_leave() -> None:
            pulse.listen("orders", lambda _: None)

        await asyncio.to_thread(asyncio.run, listen_and_leave())
        await bump("orders")
        await eventually(lambda: not pulse.is_reading)

    async def test_survives_a_database_that_is_away(self, pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
        read = ChangeCounter.read
        failures: list[int] = []

        def away() -> dict[str, int]:
            failures.append(1)
            raise ConnectionError

        monkeypatch.setattr(ChangeCounter, "read", away)
        heard: list[int] = []
        end = pulse.listen("orders", heard.append)
        await eventually(lambda: len(failures) > 1)
        monkeypatch.setattr(ChangeCounter, "read", read)
        await eventually(lambda: heard == [0])
        end()
        await eventually(lambda: not pulse.is_reading)
