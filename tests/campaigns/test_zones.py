"""Local days and quiet hours as instants, over changes of the clock and at the ends of the world."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.actor.zones import day_around, instant_of, quiet_until
from campaigns.contract import QuietHours

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ["Europe/Berlin", "America/New_York", "Africa/Cairo", "America/Nuuk", "America/Havana", "Australia/Lord_Howe",
         "Pacific/Kiritimati", "Etc/GMT+12", "Pacific/Apia", "UTC"]  # fmt: skip


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestInstantOf:
    @pytest.mark.parametrize(
        ("zone", "local", "expected"),
        [
            ("Europe/Berlin", "2026-11-21 08:00", "2026-11-21 07:00"),
            ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:00"),  # skipped: the first instant after the gap
            ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30"),  # twice: the first
            ("Africa/Cairo", "2026-04-24 00:00", "2026-04-23 22:00"),  # midnight itself is skipped
            ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30"),  # a gap of half an hour
            ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 10:00"),  # a day that was left out
            ("Pacific/Kiritimati", "2026-11-21 00:00", "2026-11-20 10:00"),
            ("Etc/GMT+12", "2026-11-21 00:00", "2026-11-21 12:00"),
        ],
    )
    def test_is_when_the_clock_first_shows_it(self, zone: str, local: str, expected: str) -> None:
        wanted = datetime.fromisoformat(local)
        assert instant_of(wanted.date(), wanted.time(), ZoneInfo(zone)) == utc(expected)


class TestDay:
    @pytest.mark.parametrize(
        ("zone", "noon", "hours"),
        [
            ("Europe/Berlin", "2026-11-21", 24),
            ("Europe/Berlin", "2026-03-29", 23),
            ("Europe/Berlin", "2026-10-25", 25),
            ("Australia/Lord_Howe", "2026-04-05", 24.5),
            ("Africa/Cairo", "2026-04-24", 23),
        ],
    )
    def test_lasts_as_long_as_its_clock_takes(self, zone: str, noon: str, hours: float) -> None:
        start, end = day_around(utc(f"{noon} 12:00"), ZoneInfo(zone))
        assert end - start == timedelta(hours=hours)

    def test_goes_on_when_the_clock_is_set_back_over_its_beginning(self) -> None:
        """St. John's set it back at 00:01: half an hour later it was yesterday again, on the clock."""
        start, end = day_around(utc("2010-11-07 03:00"), ZoneInfo("America/St_Johns"))
        assert (start, end) == (utc("2010-11-07 02:30"), utc("2010-11-08 03:30"))

    @given(st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)), st.sampled_from(ZONES))
    def test_holds_its_instant_and_no_other_date(self, at: datetime, name: str) -> None:
        instant, zone = at.replace(tzinfo=UTC), ZoneInfo(name)
        start, end = day_around(instant, zone)
        assert start <= instant < end
        last = end - timedelta.resolution
        assert {start.astimezone(zone).date(), last.astimezone(zone).date()} == {instant.astimezone(zone).date()}
        assert (start - timedelta.resolution).astimezone(zone).date() < start.astimezone(zone).date()


NIGHT, NOON = QuietHours("21:00", "08:00"), QuietHours("12:00", "13:30")
SMALL_HOURS = QuietHours("22:00", "02:30")


class TestQuietHours:
    @pytest.mark.parametrize(
        ("quiet", "at", "until"),
        [
            (NIGHT, "2026-11-21 19:59:59", None),
            (NIGHT, "2026-11-21 20:00", "2026-11-22 07:00"),
            (NIGHT, "2026-11-22 06:59:59.999999", "2026-11-22 07:00"),
            (NIGHT, "2026-11-22 07:00", None),
            (NOON, "2026-11-21 11:00", "2026-11-21 12:30"),
            (NOON, "2026-11-21 12:30", None),
            # The night of the change: eight in the morning is an hour earlier, or later, than the day before.
            (NIGHT, "2026-03-28 23:00", "2026-03-29 06:00"),
            (NIGHT, "2026-10-24 23:00", "2026-10-25 07:00"),
            # The end is skipped: over when the clock has jumped.
            (SMALL_HOURS, "2026-03-29 00:59", "2026-03-29 01:00"),
            (SMALL_HOURS, "2026-03-29 01:00", None),
            # The end comes twice: over at the first, also in the half hour that shows 02:00 to 02:30 again.
            (SMALL_HOURS, "2026-10-25 00:29", "2026-10-25 00:30"),
            (SMALL_HOURS, "2026-10-25 00:30", None),
            (SMALL_HOURS, "2026-10-25 01:15", None),
            # Beginning in the hour that comes twice: from the first on.
            (QuietHours("02:30", "06:00"), "2026-10-25 01:15", "2026-10-25 05:00"),
            # All of it skipped.
            (QuietHours("02:10", "02:50"), "2026-03-29 01:00", None),
        ],
    )
    def test_end_at_an_exact_instant(self, quiet: QuietHours, at: str, until: str | None) -> None:
        assert quiet_until(utc(at), quiet, BERLIN) == (until and utc(until))

    @given(
        st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),
        st.sampled_from(ZONES),
        st.tuples(st.integers(0, 1439), st.integers(0, 1439)).filter(lambda pair: pair[0] != pair[1]),
    )
    def test_are_what_the_clock_shows_where_no_hour_comes_twice(
        self, at: datetime, name: str, minutes: tuple[int, int]
    ) -> None:
        instant, zone = at.replace(tzinfo=UTC), ZoneInfo(name)
        changes = {(instant + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in range(-26, 27)}
        if len(changes) > 1:
            return
        start, end = (time(minute // 60, minute % 60) for minute in minutes)
        clock = instant.astimezone(zone).time()
        shown = start <= clock < end if start < end else clock >= start or clock < end
        until = quiet_until(instant, QuietHours(f"{start:%H:%M}", f"{end:%H:%M}"), zone)
        assert (until is not None) == shown
        if until is not None:
            assert until > instant
            assert until.astimezone(zone).time() == end


def test_a_date_far_away() -> None:
    assert instant_of(date(8999, 12, 31), time(12), BERLIN) == utc("8999-12-31 11:00")
