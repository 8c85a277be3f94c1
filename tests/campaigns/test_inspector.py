"""What a person's page says: the lede, the line of time over changes of the clock, the list of decisions."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.template.loader import render_to_string

from campaigns.contract import CapPolicy, Change, OptOut, QuietHours, SendDecision
from campaigns.inspector.clock import Clock
from campaigns.inspector.dayline import Dayline
from campaigns.inspector.page import ActorPage
from campaigns.inspector.words import change_words, left_words
from dashboard.phrases import plain
from tests.campaigns.inspected import NOON, at, page, sent

MOCKUP = CapPolicy(
    version=7,
    max_per_day=3,
    min_hours_between=2,
    window="calendar",
    per_channel={"email": 2, "sms": 1, "push": 3},
    quiet_hours=QuietHours("21:00", "08:00"),
)
SENDS = [sent(at("2026-11-19 09:40"), "sms"), sent(at("2026-11-19 12:41"), "email")]


def words(one: ActorPage) -> str:
    return plain(one.lede).replace("\u00a0", " ")


class TestClock:
    berlin = Clock(ZoneInfo("Europe/Berlin"), NOON)

    @pytest.mark.parametrize(
        ("moment", "short", "when"),
        [
            ("2026-11-19 14:41", "14:41", "at 14:41"),
            ("2026-11-20 08:00", "Fri 08:00", "tomorrow at 08:00"),
            ("2026-11-18 23:00", "Wed 23:00", "yesterday at 23:00"),
            ("2026-12-24 08:00", "24 Dec 08:00", "on Thu 24 Dec at 08:00"),
            ("2027-01-02 08:00", "2 Jan 2027 08:00", "on Sat 2 Jan 2027 at 08:00"),
        ],
    )
    def test_words(self, moment: str, short: str, when: str) -> None:
        assert self.berlin.short(at(moment)).replace("\u00a0", " ") == short
        assert self.berlin.when(at(moment)).replace("\u00a0", " ") == when

    def test_an_hour_that_comes_twice_says_which_of_the_two(self) -> None:
        clock = Clock(ZoneInfo("Europe/Berlin"), at("2026-10-25 12:00"))
        assert clock.time(at("2026-10-25 02:30", fold=0)) == "02:30\u00a0CEST"
        assert clock.time(at("2026-10-25 02:30", fold=1)) == "02:30\u00a0CET"
        assert clock.time(at("2026-10-25 03:30")) == "03:30"
        assert clock.time(at("2026-03-29 03:30")) == "03:30"

    @pytest.mark.parametrize(
        ("zone", "offset", "place"),
        [
            ("Pacific/Kiritimati", "UTC+14", "Kiritimati"),
            ("Etc/GMT+12", "UTC−12", "GMT+12"),
            ("Asia/Kolkata", "UTC+5:30", "Kolkata"),
            ("America/St_Johns", "UTC−3:30", "St Johns"),
            ("UTC", "UTC", "UTC"),
        ],
    )
    def test_the_zone_as_it_stands_now(self, zone: str, offset: str, place: str) -> None:
        clock = Clock(ZoneInfo(zone), NOON)
        assert (clock.offset, clock.place) == (offset, place)


class TestLede:
    def test_as_in_the_drawing(self) -> None:
        told = words(page(SENDS, cap=MOCKUP))
        assert told.startswith("Not now. The next one is allowed by e-mail and push at 14:41, 2 h after the last.")
        assert "One of three sends is left today." in told
        assert told.endswith("SMS waits until tomorrow at 08:00.")

    def test_yes_and_how_many_are_left(self) -> None:
        assert words(page([])) == "Yes, a marketing message may go out now. Three of three sends are left today."

    def test_yes_by_some(self) -> None:
        told = words(page([], opt_outs=[OptOut(channel="sms")]))
        assert told.startswith("Yes, a marketing message may go out now, by e-mail and push.")
        assert told.endswith("Never by SMS: they have opted out.")

    def test_all_used_up(self) -> None:
        sends = [sent(at(f"2026-11-19 {hour}:00")) for hour in ("09", "10", "11")]
        told = words(page(sends))
        assert told.startswith("Not now. The next one is allowed tomorrow at 00:00, when a new day begins for them.")
        assert "All three sends are used up today." in told

    def test_rolling(self) -> None:
        sends = [sent(at("2026-11-18 18:30"))]
        told = words(page(sends, cap=CapPolicy(version=1, max_per_day=1)))
        assert "allowed at 18:30, when the oldest has been sent for 24 hours." in told
        assert "The one send is used up in these 24 hours." in told

    def test_never(self) -> None:
        one = page([], opt_outs=[OptOut()])
        assert words(one) == "No marketing message may go to them. They have opted out."
        assert one.standing == ("ended", "Opted out")
        assert words(page([], cap=CapPolicy(version=1, max_per_day=0))).endswith("Their cap allows none.")

    def test_what_the_database_knows_comes_first(self) -> None:
        refusal = SendDecision(False, "missing_address", "They have no address for sms.", channel="sms")
        told = words(page([], refusals={"sms": refusal}))
        assert told.endswith("Never by SMS: they have no address for it.")

    def test_a_pause(self) -> None:
        one = page([], paused_until=at("2026-11-24 08:00"))
        assert "on Tue 24 Nov at 08:00, when the pause that they asked for ends." in words(one)
        assert one.standing == ("idle", "Paused")
        assert one.turns_at is not None

    @pytest.mark.parametrize(
        ("limit", "count", "said"),
        [
            (1, 0, "One of one send is left today."),
            (20, 3, "17 of 20 sends are left today."),
            (3, 5, "All three sends are used up today."),
        ],
    )
    def test_left(self, limit: int, count: int, said: str) -> None:
        assert left_words(limit, count, "today") == said


def line(one: ActorPage) -> Dayline:
    return one.dayline


def ticks(day: Dayline) -> list[str]:
    return [tick.text.replace("\u00a0", " ") for tick in day.ticks]


class TestTitle:
    def test_says_how_they_stand_and_goes_with_what_comes_by_the_socket(self) -> None:
        one = page([], opt_outs=[OptOut()])
        assert one.title == "Opted out · Maren Holt"
        head = render_to_string("campaigns/_inspector_head.html", {"page": one})
        assert 'data-title="Opted out · Maren Holt · Callboard"' in head
        assert page(SENDS, cap=MOCKUP).title.partition(" · ")[0] == page(SENDS, cap=MOCKUP).standing[1]


class TestDayline:
    def test_as_in_the_drawing(self) -> None:
        day = line(page(SENDS, cap=MOCKUP))
        assert (day.title, day.height, day.rows) == ("Today", 232, 3)
        assert day.note.replace("\u00a0", " ").startswith("Thu 19 Nov in their zone, Berlin (UTC+1).")
        assert [(span.x, span.width) for span in day.quiet] == [("0.00%", "33.33%"), ("87.50%", "12.50%")]
        assert [(bar.x, bar.y, bar.text) for bar in day.bars] == [
            ("40.28%", 76, "1 · SMS 09:40"),
            ("52.85%", 54, "2 · E-mail 12:41"),
            ("61.18%", 32, "3 · free from 14:41"),
        ]
        assert day.gap is not None
        assert (day.gap.x, day.gap.width) == ("52.85%", "8.33%")
        assert [(lane.x, lane.until, lane.text, lane.wait.replace("\u00a0", " ")) for lane in day.lanes] == [
            ("61.18%", "87.50%", "from 14:41", ""),
            ("", "", "", "Fri 08:00"),
            ("61.18%", "87.50%", "from 14:41", ""),
        ]
        assert day.now_x == "58.90%"

    @pytest.mark.parametrize(
        ("date", "hours", "nine"),
        [("2026-11-19", 24, 9 / 24), ("2026-03-29", 23, 8 / 23), ("2026-10-25", 25, 10 / 25)],
    )
    def test_a_day_of_the_change_is_shorter_or_longer_and_its_hours_stand_right(
        self, date: str, hours: int, nine: float
    ) -> None:
        day = line(page([sent(at(f"{date} 09:00"))], at(f"{date} 12:00"), cap=MOCKUP))
        assert day.scale.end - day.scale.start == timedelta(hours=hours)
        assert day.bars[0].x == f"{100 * nine:.2f}%"
        assert ticks(day) == ["00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]
        # Quiet until 08:00 by the clock, which is an hour earlier or later after midnight.
        assert day.quiet_spans[0][1] == at(f"{date} 08:00")

    def test_their_own_quiet_hours_are_drawn_with_those_of_the_cap(self) -> None:
        cap = CapPolicy(version=1, window="calendar", quiet_hours=QuietHours("21:00", "08:00"))
        drawn = page([], cap=cap, quiet_hours=QuietHours("07:30", "09:15"))
        assert drawn.dayline.quiet_spans == [
            (at("2026-11-19 00:00"), at("2026-11-19 09:15")),
            (at("2026-11-19 21:00"), at("2026-11-20 00:00")),
        ]
        assert drawn.own_quiet == "07:30 – 09:15, as they wish"
        assert "Their own quiet hours from 07:30 to 09:15." in drawn.dayline.desc
        asleep = page([], at("2026-11-19 08:30"), cap=cap, quiet_hours=QuietHours("07:30", "09:15"))
        assert "at 09:15, when their quiet hours end, as they wish." in words(asleep)
        assert {line.held_by for line in asleep.lines} == {"Their own quiet hours"}

    def test_quiet_hours_over_the_change_end_by_the_clock(self) -> None:
        """The clocks go on at 02:00: half past two is skipped, and stands for three."""
        cap = CapPolicy(version=1, window="calendar", quiet_hours=QuietHours("01:00", "02:30"))
        day = line(page([], at("2026-03-29 12:00"), cap=cap))
        assert day.quiet_spans == [(at("2026-03-29 01:00"), at("2026-03-29 03:00"))]
        # They go back at 03:00: it is quiet before the first half past two only.
        day = line(page([], at("2026-10-25 12:00"), cap=cap))
        assert day.quiet_spans == [(at("2026-10-25 01:00"), at("2026-10-25 02:30", fold=0))]

    @pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "Pacific/Apia", "Asia/Kathmandu"])
    def test_at_the_ends_of_the_world(self, zone: str) -> None:
        now = datetime(2026, 11, 19, 11, 30, tzinfo=UTC)
        day = line(page([sent(now - timedelta(minutes=20))], now, zone=zone, cap=MOCKUP))
        local = now.astimezone(ZoneInfo(zone))
        assert day.scale.start.astimezone(ZoneInfo(zone)).date() == local.date()
        assert day.scale.end - day.scale.start == timedelta(hours=24)
        share = (local.hour * 60 + local.minute) / 1440
        assert day.now_x == f"{100 * share:.2f}%"
        assert day.now_label == f"{local:%H:%M}"

    def test_the_rolling_window_has_now_in_its_middle_and_slots_of_24_hours(self) -> None:
        day = line(page([sent(NOON - timedelta(hours=12), "push")], cap=CapPolicy(version=1, max_per_day=2)))
        assert (day.now_x, day.title) == ("50.00%", "The last and the next 24 hours")
        assert [(bar.x, bar.width, bar.is_free) for bar in day.bars] == [
            ("25.00%", "50.00%", False),
            ("50.00%", "50.00%", True),
        ]
        assert any(text.startswith("Fri") for text in ticks(day))

    @pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
    def test_the_rolling_window_counts_hours_and_not_the_clock(self, date: str, hours: int) -> None:
        """A day after half past one is half past one by the clock only where the clocks stayed as they were."""
        began = at(f"{date} 01:30")
        day = line(page([sent(began)], began + timedelta(hours=1), cap=CapPolicy(version=1, max_per_day=1)))
        freed = began + timedelta(hours=24)
        assert {lane.text.replace("\u00a0", " ") for lane in day.lanes} == {
            f"from Mon {'02' if hours == 23 else '00'}:30"
        }
        assert day.lanes[0].x == day.scale.x(freed)

    def test_large_caps_no_cap_and_none_allowed(self) -> None:
        many = [sent(NOON - timedelta(minutes=number)) for number in range(9)]
        large = line(page(many, cap=CapPolicy(version=1, max_per_day=20)))
        assert (large.rows, large.more, large.bars[-1].text[:3]) == (6, "+ 3 earlier", "9 ·")
        free = line(page([], cap=CapPolicy(version=1)))
        assert (free.has_limit, free.cap_label, free.bars) == (False, "No cap", [])
        none = line(page([], cap=CapPolicy(version=1, max_per_day=0)))
        assert (none.has_limit, none.bars, {lane.wait for lane in none.lanes}) == (True, [], {"The cap allows none"})

    def test_the_drawing_in_words(self) -> None:
        assert "2 sent that count, a cap of 3." in line(page(SENDS, cap=MOCKUP)).desc

    def test_what_does_not_count_is_hollow(self) -> None:
        notice = sent(at("2026-11-19 11:05"), "email", transactional=True)
        day = line(page([*SENDS, notice], cap=MOCKUP))
        assert sorted(mark.kind for mark in day.marks) == ["sent", "sent", "uncounted"]
        assert [bar.text for bar in day.bars][:2] == ["1 · SMS 09:40", "2 · E-mail 12:41"]


class TestTurns:
    """When the page says something else though nobody sends anything."""

    def test_at_the_next_moment_that_matters(self) -> None:
        assert page(SENDS, cap=MOCKUP).turns_at == at("2026-11-19 14:41")
        assert page([], cap=MOCKUP).turns_at == at("2026-11-19 21:00")
        assert page([]).turns_at == at("2026-11-20 00:00")

    def test_with_nothing_to_come_not_at_all(self) -> None:
        assert page([], cap=CapPolicy(version=1)).turns_at is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Change("max_per_day", "3", "4"), "messages a day 3 → 4"),
        (Change("per_channel.sms", "1", "2"), "SMS a day 1 → 2"),
        (Change("per_category.news", "1", "2"), "news a day 1 → 2"),
        (Change("min_hours_between", "2", "1.45"), "gap 2 h → 1 h 27 m"),
        (Change("min_hours_between", "2", "0"), "gap 2 h → 0 h"),
        (Change("quiet_hours", "21:00-08:00", ""), "quiet hours 21:00 – 08:00 → none"),
        (Change("paused_until", "x", ""), "end their pause"),
        (Change("opted_out_channels", "sms", ""), "lift the opt-out of sms"),
        (Change("opt_outs", "sms/news", ""), "lift the opt-out of sms, news"),
        (Change("opt_outs", "all", ""), "lift the opt-out of everything"),
    ],
)
def test_changes_in_words(change: Change, said: str) -> None:
    assert change_words(change).replace("\u00a0", " ") == said
