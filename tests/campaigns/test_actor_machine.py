"""The actor equals its model whatever happens in whatever order, and no window ever holds more than the cap."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from unittest import TestCase

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from temporalio.converter import default, value_to_type

from campaigns.actor.state import KEPT, ActorState
from campaigns.contract import (
    CapPolicy,
    Channel,
    FrequencyCapInput,
    MessageSentInput,
    OptOut,
    PreferencesInput,
    QuietHours,
    ReleaseInput,
    SendRequest,
    UserActorInput,
)
from tests.campaigns.actor_model import CHANGES_OF_THE_CLOCK, Model, changes_of, over_the_cap

TICK = timedelta.resolution
CHANNELS = st.sampled_from(["email", "sms", "push"])
CATEGORIES = st.sampled_from(["marketing", "news"])
ZONES = st.sampled_from(sorted(CHANGES_OF_THE_CLOCK))
CAPS = st.sampled_from([None, 0, 1, 2, 2, 3])
QUIET = st.sampled_from(
    [None, None, QuietHours("22:00", "07:30"), QuietHours("12:30", "15:00"), QuietHours("07:30", "22:00")]
)
POLICIES = st.builds(
    CapPolicy,
    version=st.just(0),
    max_per_day=CAPS,
    min_hours_between=st.sampled_from([None, None, None, None, 0.0, 0.5, 3.0, 30.0, 168.0]),
    window=st.sampled_from(["rolling", "calendar"]),
    per_channel=st.none() | st.dictionaries(CHANNELS, CAPS),
    per_category=st.none() | st.dictionaries(CATEGORIES, CAPS),
    quiet_hours=st.sampled_from([None, None, None, None, QuietHours("21:00", "08:00"), QuietHours("12:00", "13:30")]),
    count_transactional=st.booleans(),
)
SPANS = st.sampled_from(
    [TICK, timedelta(minutes=20), timedelta(hours=1), timedelta(hours=5), timedelta(hours=13), timedelta(hours=21),
     timedelta(hours=24), timedelta(hours=24) - TICK, timedelta(days=3)]
)  # fmt: skip


class ActorMachine(RuleBasedStateMachine):
    """``fixed`` machines keep one policy, so that every window of the whole story can be held against it."""

    fixed = False

    @initialize(zone=ZONES, policy=POLICIES, before=st.integers(0, 40), change=st.integers(0, 1))
    def begin(self, zone: str, policy: CapPolicy, before: int, change: int) -> None:
        around = changes_of(zone)
        self.now = around[change % len(around)] - timedelta(hours=before)
        self.policy = replace(policy, version=1)
        self.asked: list[SendRequest] = []
        self.model = Model(zone_said_at=self.now)
        self.actor = ActorState(UserActorInput("U"), self.now)
        self.actor.set_preferences(PreferencesInput(time_zone=zone), self.now)
        self.model.zone = zone

    # ── Asking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(channel=CHANNELS, category=CATEGORIES, transactional=st.sampled_from([False] * 4 + [True]))
    def send(self, channel: str, category: str, transactional: bool) -> None:
        grant_id = f"C{len(self.asked)}:1:U"
        self.asked.append(SendRequest(grant_id, "C", channel, category, self.policy, transactional))
        self.ask(self.asked[-1])

    @rule(times=st.integers(1, 3), span=SPANS)
    def send_some(self, times: int, span: timedelta) -> None:
        """What most of a life is: some messages, and then some time."""
        for _ in range(times):
            self.send("email", "marketing", False)
        self.now += span

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        """A repeat after a lost answer, or long after."""
        self.ask(replace(data.draw(st.sampled_from(self.asked)), policy=self.policy))

    def ask(self, request: SendRequest) -> None:
        decision = self.actor.judge(request, self.now)
        granted = next((send for send in self.model.sends if send.grant_id == request.grant_id), None)
        if granted is not None and not decision.allowed:
            assert (decision.code, granted.at <= self.now - KEPT) == ("grant_spent", True)
            return
        assert decision.allowed == (granted is not None or self.model.allows(request, self.now)), decision
        if decision.allowed:
            grant = self.actor.grant(request, self.now)
            assert grant.granted_at == (granted.at if granted else self.now)
            self.model.grant(request, self.now)
        elif decision.code != "grant_spent":
            self.check_next(request, decision.next_allowed_at)

    def check_next(self, request: SendRequest, earliest: datetime | None) -> None:
        if earliest is None:
            days = [self.now + timedelta(hours=7 * step) for step in range(12)]
            assert not any(self.model.allows(request, at) for at in days)
            return
        assert earliest > self.now
        assert self.model.allows(request, earliest)
        for part in (0.25, 0.5, 0.9, 1):
            before = min(self.now + (earliest - self.now) * part, earliest - TICK)
            assert not self.model.allows(request, before)

    # ── What becomes of it ───────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """A definite failure gives the slot back. Of what is long past nothing is left to give back."""
        grant_id = data.draw(st.sampled_from(self.asked)).grant_id
        self.actor.release(ReleaseInput(grant_id), self.now)
        self.model.release(grant_id, self.now)

    @rule()
    def unknown(self) -> None:
        """Nobody knows what became of the last message: nobody tells the actor anything, and its slot stays taken."""

    @precondition(lambda self: not self.fixed)
    @rule(channel=CHANNELS, ago=SPANS)
    def sent_elsewhere(self, channel: str, ago: timedelta) -> None:
        message = MessageSentInput(f"other-{len(self.asked)}", channel, "marketing", self.now - ago)
        if self.actor.sent_elsewhere(message, self.now):
            request = SendRequest(message.message_id, "", channel, "marketing", self.policy)
            policy, self.model.policy = self.model.policy, None
            self.model.grant(request, self.now - ago)
            self.model.policy = policy

    # ── Wishes and policies ──────────────────────────────────────────────────────────────────────────────────────────

    @rule(channel=st.sampled_from(["", *Channel]), category=st.sampled_from(["", "marketing", "news"]))
    def opt_out_or_in(self, channel: str, category: str) -> None:
        wish = OptOut(channel, category)
        if (channel, category) in self.model.out:
            self.actor.opt_in(wish, self.now)
        else:
            self.actor.opt_out(wish, self.now)
        self.model.out ^= {(channel, category)}

    @precondition(lambda self: self.model.out)
    @rule()
    def opt_in_to_everything(self) -> None:
        self.actor.set_preferences(PreferencesInput(opt_outs=[]), self.now)
        self.model.out = set()

    @rule(span=SPANS | st.none())
    def pause(self, span: timedelta | None) -> None:
        until = None if span is None else self.now + span
        self.actor.set_preferences(PreferencesInput(paused_until=until), self.now)
        self.model.paused_until = until

    @rule(hours=st.sampled_from([None, 1, 24, 168]))
    def wish_for_less(self, hours: float | None) -> None:
        self.actor.set_preferences(PreferencesInput(hours_between=hours), self.now)
        self.model.hours_between = hours

    @rule(quiet=QUIET)
    def wish_for_quiet(self, quiet: QuietHours | None) -> None:
        self.actor.set_preferences(PreferencesInput(quiet_hours=quiet), self.now)
        self.model.quiet = quiet

    @precondition(lambda self: not self.fixed)
    @rule(policy=POLICIES, is_newer=st.booleans())
    def change_policy(self, policy: CapPolicy, is_newer: bool) -> None:
        """The next requests bring it; one that is older than what the actor knows changes nothing."""
        self.policy = replace(policy, version=self.policy.version + 1 if is_newer else 0)

    @precondition(lambda self: not self.fixed)
    @rule(policy=POLICIES, cleared=st.booleans())
    def set_own_cap(self, policy: CapPolicy, cleared: bool) -> None:
        self.actor.set_own_cap(FrequencyCapInput(**{**vars(policy), "version": 5}, cleared=cleared))
        self.model.own_cap = None if cleared else replace(policy, version=5)

    @precondition(lambda self: not self.fixed)
    @rule(zone=ZONES)
    def move(self, zone: str) -> None:
        self.actor.set_preferences(PreferencesInput(time_zone=zone), self.now)
        self.model.hear_of_zone(zone, self.now)

    @precondition(lambda self: not self.fixed)
    @rule(zone=ZONES, ago=SPANS)
    def hear_late_that_they_moved(self, zone: str, ago: timedelta) -> None:
        """An import has said it, and it comes after what the person has said since."""
        self.actor.set_preferences(PreferencesInput(time_zone=zone, said_at=self.now - ago), self.now)
        self.model.hear_of_zone(zone, self.now - ago)

    # ── Time, and the actor's own ends ───────────────────────────────────────────────────────────────────────────────

    @rule(span=SPANS)
    def wait(self, span: timedelta) -> None:
        self.now += span

    @rule()
    def continue_as_new(self) -> None:
        """By way of JSON, as Temporal does it."""
        resumed = UserActorInput("U", resume=self.actor.memory())
        payload = json.loads(default().payload_converter.to_payload(resumed).data)
        self.actor = ActorState(value_to_type(UserActorInput, payload), self.now)

    @rule()
    def lose_and_create_again(self) -> None:
        """The actor is gone, and the next one is seeded from the send log."""
        self.actor = ActorState(self.model.seed("U", self.now), self.now)

    # ── Always ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def no_window_is_over_the_cap(self) -> None:
        if self.fixed:
            assert over_the_cap(self.model, self.policy) == []

    @invariant()
    def memory_is_small(self) -> None:
        old = [send for send in self.actor.it.sends if send.at <= self.now - timedelta(hours=48)]
        assert len(self.actor.it.decisions) <= 50
        assert len(old) <= 2 or self.actor.it.sends[-1].at < self.now, "forgotten with the next message"


class OnePolicyMachine(ActorMachine):
    fixed = True


def machines(examples: int) -> list[type[TestCase]]:
    """Both machines as test cases, of so many stories each."""
    of = settings(
        max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    return [type(one.__name__, (one.TestCase,), {"settings": of}) for one in (ActorMachine, OnePolicyMachine)]


TestActorEqualsItsModel, TestNoWindowIsOverTheCap = machines(20)  # the soak tells a hundred, or two thousand
