"""PostgreSQL says that something was counted, and pages need not wait for the next look."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from temporal_worker import announcements
from temporal_worker import pulse as pulse_module
from temporal_worker.models import ChangeCounter
from temporal_worker.pulse import Pulse
from tests.temporal_worker.conftest import eventually
from tests.temporal_worker.counting import bump, count_reads

pytestmark = pytest.mark.usefixtures("counters_on_postgres")


LISTENERS = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"


def ask(sql: str) -> int:
    with connections["postgres"].cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    return int(row[0]) if row else 0


async def listening() -> int:
    return await sync_to_async(ask)(f"SELECT COUNT(*) {LISTENERS}")


async def listening_is_over() -> bool:
    return not await listening()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse_module, "LOOK_ANYWAY", 60.0)


@pytest.fixture
def pulse() -> Pulse:
    return Pulse(read_every=0.05)


async def test_it_reads_when_something_is_announced_and_not_before(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, reads = await bump("announced"), count_reads(monkeypatch)
    heard: list[int] = []
    end = pulse.listen("announced", heard.append, after=value)
    await eventually(lambda: reads() == 1)
    await asyncio.sleep(0.3)
    assert reads() == 1, "Six times as long as it would wait without announcements."
    await bump("announced")
    await eventually(lambda: heard == [value + 1])
    assert reads() == 2
    end()
    await eventually(lambda: not pulse.is_reading)
    await eventually(listening_is_over)


async def test_many_changes_are_read_once_in_each_while(monkeypatch: pytest.MonkeyPatch) -> None:
    pulse, reads = Pulse(read_every=2.0), count_reads(monkeypatch)
    value = await bump("many")
    heard: list[int] = []
    end = pulse.listen("many", heard.append, after=value)
    await eventually(lambda: reads() == 1)
    for _ in range(20):
        await bump("many")
    await eventually(lambda: heard == [value + 20])
    assert reads() == 2
    end()


async def test_who_joins_is_told_what_they_lack(pulse: Pulse) -> None:
    value = await bump("joined")
    first: list[int] = []
    ends = [pulse.listen("joined", first.append, after=value)]
    await asyncio.sleep(0.2)
    late: list[int] = []
    ends.append(pulse.listen("joined", late.append, after=value - 1))
    await eventually(lambda: late == [value])
    assert first == []
    for end in ends:
        end()


async def test_a_change_that_nobody_announced_ends_the_waiting_for_announcements(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse_module, "LOOK_ANYWAY", 0.2)
    value, reads = await bump("silent"), count_reads(monkeypatch)
    heard: list[int] = []
    end = pulse.listen("silent", heard.append, after=value)
    await eventually(lambda: reads() >= 2)
    await ChangeCounter.objects.using("postgres").filter(name="silent").aupdate(value=value + 1)
    await eventually(lambda: heard == [value + 1])
    await eventually(listening_is_over)
    monkeypatch.setattr(pulse_module, "LOOK_ANYWAY", 60.0)
    await ChangeCounter.objects.using("postgres").filter(name="silent").aupdate(value=value + 2)
    await eventually(lambda: heard == [value + 1, value + 2])
    end()


async def test_a_lost_connection_is_opened_again(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcements, "TRIED_AGAIN_AFTER", 0.3)
    value = await bump("lost")
    heard: list[int] = []
    end = pulse.listen("lost", heard.append, after=value)
    await eventually(listening)
    await sync_to_async(ask)(f"SELECT pg_terminate_backend(pid) {LISTENERS}")
    await bump("lost")
    await eventually(lambda: heard == [value + 1])
    await eventually(listening)
    await bump("lost")
    await eventually(lambda: heard == [value + 1, value + 2])
    end()
