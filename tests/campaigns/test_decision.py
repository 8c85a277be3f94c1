"""The decision about one message: each rule, which of them decides, when it would be allowed, and what would change it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaigns.actor.decision import decide, earliest
from campaigns.actor.rules import Case
from campaigns.contract import CapPolicy, Change, OptOut, Preferences, QuietHours, SendDecision, SendRecord

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def sent(hours_ago: float, channel: str = "email", category: str = "marketing", **more: Any) -> SendRecord:
    return SendRecord(f"G{hours_ago:g}", "C", channel, NOW - hours_ago * HOUR, category, **more)


def case(*sends: SendRecord, channel: str = "email", category: str = "marketing", **more: Any) -> Case:
    transactional = more.pop("transactional", False)
    own = {"quiet_hours": more.pop("own_quiet", None)}
    wished = set(Preferences.__dataclass_fields__) - set(own)
    preferences = {"time_zone": "", **own, **{name: more.pop(name) for name in list(more) if name in wished}}
    policy = CapPolicy(**{"version": 4, **more})
    wishes = Preferences(**preferences)
    return Case(policy, wishes, sorted(sends, key=lambda send: send.at), channel, category, transactional)


def told(decision: SendDecision) -> tuple[Any, ...]:
    return decision.code, decision.rule, decision.limit, decision.count, decision.next_allowed_at


class TestEachRule:
    def test_without_rules_everything_is_allowed(self) -> None:
        decision = decide(case(*map(sent, range(1, 9))), NOW)
        assert (decision.allowed, decision.code, decision.next_allowed_at) == (True, "allowed", NOW)

    def test_max_per_day_rolling(self) -> None:
        full = case(sent(25), sent(23), sent(5), sent(1), max_per_day=3)
        decision = decide(full, NOW)
        assert told(decision) == ("cap_day", "max_per_day", 3, 3, NOW + HOUR)
        assert (decision.used_by, decision.policy_version) == (["G23", "G5", "G1"], 4)
        assert decision.changes == [Change("max_per_day", "3", "4")]
        assert decide(full, NOW + HOUR).reason == "Message 3 of 3 in 24 hours."

    def test_a_message_counts_for_less_than_24_hours(self) -> None:
        assert decide(case(sent(24), max_per_day=1), NOW).allowed
        assert not decide(case(sent(24), max_per_day=1), NOW - timedelta.resolution).allowed

    def test_over_the_cap_it_waits_until_enough_have_fallen_out(self) -> None:
        decision = decide(case(sent(23), sent(5), sent(4), sent(1), max_per_day=2), NOW)
        assert told(decision) == ("cap_day", "max_per_day", 2, 4, NOW + 20 * HOUR)
        assert decision.changes == [Change("max_per_day", "2", "5")]

    def test_none_allowed_is_for_ever(self) -> None:
        decision = decide(case(max_per_day=0), NOW)
        assert told(decision) == ("cap_day", "max_per_day", 0, 0, None)
        assert decision.reason == "The cap allows no messages."

    @pytest.mark.parametrize(
        ("zone", "count", "until"),
        [
            ("UTC", 2, "2026-11-22T00:00+00:00"),
            ("Pacific/Kiritimati", 1, "2026-11-22T10:00+00:00"),  # two in the morning of the 22nd
            ("Etc/GMT+12", 1, "2026-11-22T12:00+00:00"),  # the 21st has just begun
        ],
    )
    def test_max_per_day_calendar(self, zone: str, count: int, until: str) -> None:
        sends = [sent(25), sent(11.5), sent(0)]
        full = case(*sends, max_per_day=count, window="calendar", time_zone=zone)
        assert told(decide(full, NOW)) == ("cap_day", "max_per_day", count, count, datetime.fromisoformat(until))
        assert decide(case(*sends, max_per_day=count + 1, window="calendar", time_zone=zone), NOW).allowed

    def test_the_zone_of_the_policy_is_for_those_whose_own_is_unknown(self) -> None:
        policy: dict[str, Any] = {"max_per_day": 1, "window": "calendar"}
        early = sent(3)
        assert not decide(case(early, **policy), NOW).allowed
        assert decide(case(early, **policy, time_zone="Pacific/Kiritimati"), NOW).allowed
        known = Case(CapPolicy(1, **policy, time_zone="Pacific/Kiritimati"), Preferences("UTC"), [early], "email", "m")
        unknown = replace(known, preferences=Preferences())
        assert not decide(known, NOW).allowed
        assert decide(unknown, NOW).allowed

    def test_caps_of_channel_and_category(self) -> None:
        rules: dict[str, Any] = {"per_channel": {"sms": 1, "push": None}, "per_category": {"news": 1}}
        sends = (sent(5, "sms"), sent(4, "push", "news"))
        assert told(decide(case(*sends, channel="sms", **rules), NOW)) == (
            "cap_channel",
            "per_channel.sms",
            1,
            1,
            NOW + 19 * HOUR,
        )
        by_category = decide(case(*sends, category="news", **rules), NOW)
        assert told(by_category) == ("cap_category", "per_category.news", 1, 1, NOW + 20 * HOUR)
        assert by_category.used_by == ["G4"]
        assert decide(case(*sends, channel="push", **rules), NOW).allowed

    def test_min_hours_between(self) -> None:
        decision = decide(case(sent(30), sent(1.456), min_hours_between=2), NOW)
        assert decision.next_allowed_at == NOW - 1.456 * HOUR + 2 * HOUR
        assert (decision.code, decision.limit, decision.used_by) == ("min_gap", 2, ["G1.456"])
        assert decision.reason == "2 h must lie between two messages; the last was 1 h 27 min ago."
        assert decision.changes == [Change("min_hours_between", "2", "1.45")]
        assert decide(case(sent(2), min_hours_between=2), NOW).allowed
        assert decide(case(sent(0), min_hours_between=0), NOW).allowed

    def test_quiet_hours(self) -> None:
        quiet = QuietHours("12:30", "15:00")
        decision = decide(case(quiet_hours=quiet, time_zone="Europe/Berlin"), NOW)
        assert told(decision) == ("quiet_hours", "quiet_hours", None, 0, NOW + 2 * HOUR)
        assert decision.reason == "Quiet hours until 15:00 (Europe/Berlin)."
        assert decision.changes == [Change("quiet_hours", "12:30-15:00", "13:01-15:00")]
        late = decide(case(quiet_hours=quiet, time_zone="Europe/Berlin"), NOW + 1.5 * HOUR)
        assert late.changes == [Change("quiet_hours", "12:30-15:00", "12:30-14:30")]

    @pytest.mark.parametrize(
        ("opt_out", "refused", "field"),
        [
            (OptOut("email"), True, "opted_out_channels"),
            (OptOut(category="marketing"), True, "opted_out_categories"),
            (OptOut("email", "marketing"), True, "opt_outs"),
            (OptOut(), True, "opt_outs"),
            (OptOut("sms"), False, ""),
            (OptOut("sms", "marketing"), False, ""),
            (OptOut("email", "news"), False, ""),
        ],
    )
    def test_opt_outs(self, opt_out: OptOut, refused: bool, field: str) -> None:
        decision = decide(case(opt_outs=[opt_out]), NOW)
        assert (decision.allowed, decision.rule) == (not refused, field)
        assert decision.code == ("opted_out" if refused else "allowed")
        if refused:
            assert decision.next_allowed_at is None
            assert [change.field for change in decision.changes] == [field]

    def test_a_pause(self) -> None:
        decision = decide(case(paused_until=NOW + HOUR), NOW)
        assert told(decision) == ("paused_by_user", "paused_until", None, 0, NOW + HOUR)
        assert decide(case(paused_until=NOW), NOW).allowed

    def test_how_often_they_wish_to_hear_of_us(self) -> None:
        decision = decide(case(sent(30), hours_between=168, min_hours_between=2, max_per_day=3), NOW)
        assert told(decision) == ("min_gap", "hours_between", 168, 1, NOW + 138 * HOUR)
        assert decision.reason == "They wish 168 h between two messages; the last was 30 h 0 min ago."
        assert decision.changes == [Change("hours_between", "168", "30")]
        assert decide(case(sent(168), hours_between=168), NOW).allowed
        assert decide(case(hours_between=168), NOW).allowed
        longer = decide(case(sent(1), hours_between=24, min_hours_between=48), NOW)
        assert (longer.rule, longer.also) == ("min_hours_between", ["min_gap"])

    def test_the_quiet_hours_that_they_wish(self) -> None:
        own, cap = QuietHours("12:30", "15:00"), QuietHours("11:00", "14:00")
        decision = decide(case(own_quiet=own, time_zone="Europe/Berlin"), NOW)
        assert told(decision) == ("quiet_hours", "own_quiet_hours", None, 0, NOW + 2 * HOUR)
        assert decision.reason == "They wish quiet hours until 15:00 (Europe/Berlin)."
        assert decision.changes == [Change("own_quiet_hours", "12:30-15:00", "13:01-15:00")]
        both = decide(case(own_quiet=own, quiet_hours=cap, time_zone="Europe/Berlin"), NOW)
        assert (both.rule, both.also, both.next_allowed_at) == ("own_quiet_hours", ["quiet_hours"], NOW + 2 * HOUR)
        assert [change.field for change in both.changes] == ["quiet_hours", "own_quiet_hours"]
        before = decide(case(own_quiet=own, quiet_hours=cap, time_zone="Europe/Berlin"), NOW - HOUR)
        assert (before.rule, before.next_allowed_at) == ("quiet_hours", NOW + 2 * HOUR), "one runs into the other"
        assert decide(case(own_quiet=own, quiet_hours=cap, time_zone="Europe/Berlin"), NOW + 2 * HOUR).allowed
        assert decide(case(own_quiet=own, transactional=True, time_zone="Europe/Berlin"), NOW).allowed

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
    def test_quiet_hours_that_leave_no_time_of_day_end_in_never(self, zone: str) -> None:
        own, cap = QuietHours("08:00", "21:30"), QuietHours("21:00", "08:00")
        for at in (NOW, datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2027, 3, 13, 12, tzinfo=UTC)):
            decision = decide(case(own_quiet=own, quiet_hours=cap, time_zone=zone), at)
            assert (decision.code, decision.next_allowed_at) == ("quiet_hours", None)
        gap = QuietHours("08:00", "20:59")
        assert decide(case(own_quiet=gap, quiet_hours=cap, time_zone=zone), NOW).next_allowed_at is not None

    def test_suppressed_and_unknown_channels(self) -> None:
        assert decide(case(suppressed_channels=["email"]), NOW).code == "suppressed"
        unknown = decide(case(channel="fax"), NOW)
        assert (unknown.code, unknown.next_allowed_at, unknown.changes) == ("unknown_channel", None, [])


class TestTransactional:
    def test_passes_caps_gaps_quiet_hours_and_pauses(self) -> None:
        rules: dict[str, Any] = {"max_per_day": 1, "min_hours_between": 9, "quiet_hours": QuietHours("00:00", "23:59")}
        held = case(sent(1), **rules, paused_until=NOW + HOUR)
        assert not decide(held, NOW).allowed
        assert decide(replace(held, transactional=True), NOW).allowed

    @pytest.mark.parametrize(
        "wish",
        [
            {"opt_outs": [OptOut("email")]},
            {"opt_outs": [OptOut()]},
            {"opt_outs": [OptOut("email", "orders")], "category": "orders"},
            {"opt_outs": [OptOut(category="transactional")], "category": "transactional"},
            {"suppressed_channels": ["email"]},
        ],
    )
    def test_obeys_opt_outs(self, wish: dict[str, Any]) -> None:
        assert not decide(case(**wish, transactional=True), NOW).allowed

    @pytest.mark.parametrize("out", [OptOut(category="marketing"), OptOut("email", "marketing")])
    def test_but_none_of_marketing_whatever_its_own_category(self, out: OptOut) -> None:
        assert not decide(case(opt_outs=[out], category="marketing"), NOW).allowed
        for category in ("marketing", "transactional", "orders"):
            assert decide(case(opt_outs=[out], category=category, transactional=True), NOW).allowed
        also = decide(case(opt_outs=[out, OptOut("email")], category="marketing", transactional=True), NOW)
        assert [change.field for change in also.changes] == ["opted_out_channels"], "only what stands in its way"

    def test_is_not_held_by_an_opt_out_of_another_category(self) -> None:
        assert decide(case(opt_outs=[OptOut(category="marketing")], category="orders", transactional=True), NOW).allowed

    @pytest.mark.parametrize("counts", [True, False])
    def test_counts_or_not_by_policy(self, counts: bool) -> None:
        rules: dict[str, Any] = {"max_per_day": 1, "min_hours_between": 1, "count_transactional": counts}
        assert decide(case(sent(0.5, transactional=True), **rules), NOW).allowed is not counts


class TestSeveralRules:
    def test_the_one_that_lasts_longest_decides(self) -> None:
        decision = decide(
            case(sent(1), max_per_day=1, min_hours_between=2, quiet_hours=QuietHours("11:00", "13:30")), NOW
        )
        assert (decision.code, decision.also) == ("cap_day", ["min_gap", "quiet_hours"])
        assert [change.field for change in decision.changes] == ["max_per_day", "min_hours_between", "quiet_hours"]

    def test_what_waiting_cannot_help_comes_before_all(self) -> None:
        decision = decide(case(sent(1), max_per_day=1, opt_outs=[OptOut("email")]), NOW)
        assert (decision.code, decision.next_allowed_at, decision.also) == ("opted_out", None, ["cap_day"])

    def test_the_earliest_instant_is_outside_all_of_them(self) -> None:
        """The gap ends in the quiet hours, and these in a pause."""
        night = case(
            sent(1), min_hours_between=9.5, quiet_hours=QuietHours("20:00", "07:00"), paused_until=NOW + 20 * HOUR
        )
        assert earliest(night, NOW) == NOW + 20 * HOUR
        unpaused = replace(night, preferences=Preferences())
        assert earliest(unpaused, NOW) == NOW + 19 * HOUR
        assert decide(unpaused, NOW).code == "min_gap"

    def test_one_minute_a_day_is_found(self) -> None:
        quiet = QuietHours("12:00", "11:59")
        assert earliest(case(sent(23.99), max_per_day=1, quiet_hours=quiet), NOW) == NOW + 24 * HOUR - timedelta(
            minutes=1
        )
