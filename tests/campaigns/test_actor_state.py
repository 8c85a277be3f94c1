"""What an actor remembers, and that it stays small however many messages a person gets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from temporalio.converter import default

from campaigns.actor.state import ActorState
from campaigns.contract import (
    MAX_KNOWN_IDS,
    MAX_SENDS,
    CapPolicy,
    MessageSentInput,
    OptOut,
    Preferences,
    PreferencesInput,
    ReleaseInput,
    SendRecord,
    SendRequest,
    UserActorInput,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FREE = CapPolicy(version=1)


def request(grant_id: str, **more: object) -> SendRequest:
    return replace(SendRequest(grant_id, "C", "email", "marketing", FREE), **more)  # type: ignore[arg-type]


def actor(**start: object) -> ActorState:
    return ActorState(UserActorInput("U", **start), NOW)  # type: ignore[arg-type]


class TestPolicy:
    def test_who_comes_into_another_segment_comes_under_its_cap(self) -> None:
        """No policy has changed, so both have the same version: the one brought decides, and stays."""
        state = actor()
        generous, strict = CapPolicy(version=4, max_per_day=10), CapPolicy(version=4, max_per_day=2)
        for grant_id in ("A", "B"):
            state.grant(request(grant_id, policy=generous), NOW)
        decision = state.judge(request("C", policy=strict), NOW)
        assert (decision.allowed, decision.code, decision.limit) == (False, "cap_day", 2)
        state.grant(request("T", policy=strict, transactional=True), NOW)
        assert state.policy_for() == strict

    def test_an_older_one_comes_too_late(self) -> None:
        state = actor()
        newer = CapPolicy(version=5, max_per_day=1)
        state.grant(request("A", policy=newer), NOW)
        assert not state.judge(request("B", policy=CapPolicy(version=4)), NOW).allowed
        assert state.policy_for(CapPolicy(version=4)) == newer


class TestLastWords:
    """What doors tell later: the newest word holds, in whatever order and however often they come."""

    def test_an_older_word_changes_nothing_of_a_newer_one(self) -> None:
        state = actor(preferences=Preferences("Europe/Berlin", "de"))
        state.set_preferences(PreferencesInput(time_zone="Asia/Tokyo"), NOW)
        imported = PreferencesInput(time_zone="Europe/Paris", locale="fr", said_at=NOW - MINUTE)
        state.set_preferences(imported, NOW + MINUTE)
        assert (state.it.preferences.time_zone, state.it.preferences.locale) == ("Asia/Tokyo", "fr")
        assert state.it.preferences.said_at == {"time_zone": NOW, "locale": NOW - MINUTE}

    def test_a_word_that_comes_again_undoes_nothing(self) -> None:
        state = actor(preferences=Preferences("Europe/Berlin", "de"))
        imported = PreferencesInput(time_zone="Europe/Paris", suppressed_channels=["sms", "sms"], said_at=NOW)
        for _ in range(2):
            state.set_preferences(imported, NOW + MINUTE)
        state.set_preferences(PreferencesInput(time_zone="Asia/Tokyo", suppressed_channels=[]), NOW + 2 * MINUTE)
        state.set_preferences(imported, NOW + 3 * MINUTE)
        assert (state.it.preferences.time_zone, state.it.preferences.suppressed_channels) == ("Asia/Tokyo", [])

    def test_what_is_unknown_can_be_forgotten_again(self) -> None:
        state = actor(preferences=Preferences("Europe/Berlin", "de"))
        state.set_preferences(PreferencesInput(time_zone="", locale="", said_at=NOW), NOW)
        assert (state.it.preferences.time_zone, state.it.preferences.locale) == ("", "")

    def test_a_clock_that_is_ahead_has_not_the_last_word_for_long(self) -> None:
        state = actor()
        state.set_preferences(PreferencesInput(locale="de", said_at=NOW + 5 * HOUR), NOW)
        state.set_preferences(PreferencesInput(locale="fr"), NOW + MINUTE)
        assert state.it.preferences.locale == "fr"

    def test_what_is_said_now_holds_though_the_clock_was_set_back(self) -> None:
        state = actor()
        state.set_preferences(PreferencesInput(locale="de"), NOW)
        state.set_preferences(PreferencesInput(locale="fr"), NOW - HOUR)
        assert (state.it.preferences.locale, state.it.preferences.said_at["locale"]) == ("fr", NOW)


class TestMemory:
    def test_what_may_still_count_is_kept(self) -> None:
        """Of a window of 24 hours nothing is missing after 23, nor of a calendar day that began two days ago elsewhere."""
        state = actor()
        for grant_id in ("A", "B", "C"):
            state.grant(request(grant_id), NOW)
        state.grant(request("D", transactional=True), NOW + 47 * HOUR)
        assert [send.grant_id for send in state.it.sends] == ["A", "B", "C", "D"]
        state.grant(request("E", transactional=True), NOW + 48 * HOUR)
        assert [send.grant_id for send in state.it.sends] == ["C", "D", "E"], "the newest marketing one, for the gap"

    def test_a_gap_of_a_week_outlives_the_window(self) -> None:
        weekly = CapPolicy(version=1, min_hours_between=168)
        state = actor()
        state.grant(request("A", policy=weekly), NOW)
        for day in range(1, 7):
            state.grant(request(f"order {day}", transactional=True), NOW + day * 24 * HOUR)
        decision = state.judge(request("B", policy=weekly), NOW + 167 * HOUR)
        assert (decision.code, decision.used_by, decision.next_allowed_at) == ("min_gap", ["A"], NOW + 168 * HOUR)

    def test_a_life_of_messages_fits_into_one_message(self) -> None:
        """Ten a day for three years: a Temporal payload has room for 2 MiB."""
        state = actor()
        for number in range(11_000):
            state.grant(request(f"CMP-20261121-120000-7f3a:{number}:USER-001"), NOW + number * 144 * MINUTE)
        assert len(state.it.sends) < 25
        assert len(state.known) == MAX_KNOWN_IDS
        resumed = UserActorInput("U", resume=state.memory())
        assert len(default().payload_converter.to_payload(resumed).data) < 200_000
        again = ActorState(resumed, NOW)
        for number in (10_999, 10_900, 2_000):
            late = again.judge(request(f"CMP-20261121-120000-7f3a:{number}:USER-001"), NOW + number * 144 * MINUTE)
            assert late.code == ("grant_spent" if number < 10_999 else "allowed")

    def test_a_flood_of_one_kind_hides_nothing_of_another(self) -> None:
        rule = CapPolicy(version=2, per_channel={"sms": 1}, max_per_day=900)
        state = actor()
        state.grant(request("text", channel="sms"), NOW)
        for number in range(MAX_SENDS + 100):
            at = NOW + number * timedelta(seconds=1)
            state.sent_elsewhere(MessageSentInput(f"flood-{number}", "email", "x", at), at)
        assert len(state.it.sends) == MAX_SENDS
        later = NOW + HOUR
        assert state.judge(request("B", channel="sms", policy=rule), later).also == ["cap_channel"]
        assert state.judge(request("C", policy=rule), later).code == "cap_day"
        assert not state.sent_elsewhere(MessageSentInput("flood-0", "email", "x", NOW), later), "known for good"

    def test_seeds_of_a_clock_that_is_ahead_count_from_now(self) -> None:
        state = actor(sends=[SendRecord("A", "C", "email", NOW + 5 * HOUR)])
        assert [send.at for send in state.it.sends] == [NOW]

    def test_a_message_that_is_reported_late_takes_its_place(self) -> None:
        state = actor()
        state.grant(request("A"), NOW)
        state.sent_elsewhere(MessageSentInput("before", "email", "x", NOW - HOUR), NOW)
        assert [send.grant_id for send in state.it.sends] == ["before", "A"]
        state.sent_elsewhere(MessageSentInput("long before", "email", "x", NOW - 72 * HOUR), NOW)
        state.sent_elsewhere(MessageSentInput("longer ago", "email", "x", NOW - 73 * HOUR), NOW)
        assert [send.grant_id for send in state.it.sends] == ["long before", "before", "A"]

    def test_the_newest_given_back_leaves_the_one_before_it_for_the_gap(self) -> None:
        """Also where that is so long ago that it counts for nothing else."""
        state = actor(preferences=Preferences("UTC", hours_between=168))
        state.grant(request("A"), NOW)
        state.sent_elsewhere(MessageSentInput("before", "email", "marketing", NOW - 72 * HOUR), NOW)
        assert state.release(ReleaseInput("A"), NOW + MINUTE)
        decision = state.judge(request("B"), NOW + MINUTE)
        assert (decision.allowed, decision.next_allowed_at) == (False, NOW + (168 - 72) * HOUR)

    def test_what_is_long_past_is_not_given_back(self) -> None:
        """What was before it is forgotten: with it the gap to that would be lost."""
        state = actor(preferences=Preferences("UTC", hours_between=168))
        state.sent_elsewhere(MessageSentInput("before", "email", "marketing", NOW - HOUR), NOW)
        state.grant(request("A"), NOW)
        later = NOW + 49 * HOUR
        state.grant(request("T", transactional=True), later)
        assert not state.release(ReleaseInput("A"), later)
        assert state.judge(request("B"), later).next_allowed_at == NOW + 168 * HOUR

    def test_whoever_opts_out_of_everything_imaginable_gets_nothing(self) -> None:
        state = actor(preferences=Preferences())
        for number in range(500):
            state.opt_out(OptOut(category=f"category {number}"), NOW)
        assert len(state.it.preferences.opt_outs) == 201
        assert state.judge(request("A"), NOW).code == "opted_out"

    def test_a_clock_that_was_set_back_takes_nothing_from_the_cap(self) -> None:
        for window in ("rolling", "calendar"):
            one = CapPolicy(version=1, max_per_day=1, window=window)
            state = actor()
            state.grant(request("A", policy=one), NOW)
            assert not state.judge(request("B", policy=one), NOW - MINUTE).allowed
            assert not state.judge(request("B", policy=one), NOW - 13 * HOUR).allowed
