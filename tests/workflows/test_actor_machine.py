"""The real workflow equals the model that the pure rules are held against, with real time between its messages.

Shorter than :mod:`tests.campaigns.test_actor_machine`, for each step is a message to a server. The actor replays
at every task, that is: its worker restarts all the time. Only a failure makes it continue as new: this server, unlike the
real one, loses an update that meets a run's end; :mod:`tests.workflows.test_actor_history` does that on the real one.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from campaigns.actor.state import KEPT
from campaigns.contract import CapPolicy, SendDecision, SendGrant, SendRecord, SendRequest
from tests.campaigns.actor_model import CHANGES_OF_THE_CLOCK, Model, over_the_cap
from tests.campaigns.test_actor_machine import CATEGORIES, CHANNELS, POLICIES, QUIET, ZONES
from tests.servers import start_time_skipping_server
from tests.workflows.actors import Actor, Actors, Refused, at, open_actors

STEPS = st.one_of(
    st.tuples(st.just("send"), CHANNELS, CATEGORIES, st.sampled_from([False, False, False, True])),
    st.tuples(st.just("send"), CHANNELS, CATEGORIES, st.just(False)),
    st.tuples(st.just("send again"), st.integers(0, 9)),
    st.tuples(st.just("fail"), st.integers(0, 9)),
    st.tuples(st.just("unknown")),
    st.tuples(st.just("opt out or in"), CHANNELS),
    st.tuples(st.just("quiet"), QUIET),
    st.tuples(st.just("policy"), POLICIES),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 5, 13, 24, 30])),
    st.tuples(st.just("wait for the next")),
)


@pytest.fixture(scope="module")
async def restless() -> AsyncIterator[Actors]:
    async with (
        await start_time_skipping_server() as env,
        open_actors(env.client, env, max_cached_workflows=0) as actors,
    ):
        yield actors


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # making a failure smaller would take minutes here
)
@given(zone=ZONES, policy=POLICIES, steps=st.lists(STEPS, min_size=10, max_size=25))
async def test_the_workflow_equals_the_model(
    restless: Actors, zone: str, policy: CapPolicy, steps: list[tuple[Any, ...]]
) -> None:
    actor = await restless.start()
    await actor.prefer(time_zone=zone)
    story = Story(actor, Model(zone=zone), replace(policy, version=1))
    for kind, *details in steps:
        await story.tell(kind, *details)
    view = await actor.view()
    assert [s.grant_id for s in view.sends_in_window] == [s.grant_id for s in story.in_window(view.at)]


class Story:
    def __init__(self, actor: Actor, model: Model, policy: CapPolicy) -> None:
        self.actor, self.model, self.policy = actor, model, policy
        self.asked: list[SendRequest] = []
        self.refused_until: datetime | None = None
        self.keys = count()

    async def tell(self, kind: str, *details: Any) -> None:
        match kind:
            case "send":
                channel, category, transactional = details
                request = SendRequest(f"C{len(self.asked)}", "C", channel, category, self.policy, transactional)
                self.asked.append(request)
                await self.ask(request)
            case "send again" if self.asked:
                await self.ask(replace(self.asked[details[0] % len(self.asked)], policy=self.policy))
            case "fail" if self.asked:
                grant_id = self.asked[details[0] % len(self.asked)].grant_id
                released = await self.actor.release(grant_id)
                self.model.release(grant_id, released.at)
                await self.actor.view()
            case "opt out or in":
                pair = (details[0], "")
                await self.actor.signal("opt_in" if pair in self.model.out else "opt_out", channel=details[0])
                self.model.out ^= {pair}
                await self.actor.view()
            case "quiet":
                quiet = details[0]
                await self.actor.prefer(quiet_hours=quiet and {"start": quiet.start, "end": quiet.end})
                self.model.quiet = quiet
            case "policy":
                self.policy = replace(details[0], version=self.policy.version + 1)
            case "wait":
                await self.skip(timedelta(hours=details[0]))
            case "wait for the next" if self.refused_until is not None:
                await self.skip(self.refused_until - await self.now())

    async def ask(self, request: SendRequest) -> None:
        """Under a new update id each time: the server's own memory of updates is not what is tested."""
        known = next((send for send in self.model.sends if send.grant_id == request.grant_id), None)
        fields = {name: getattr(request, name) for name in ("channel", "category", "transactional", "policy")}
        grant, decision = None, None
        try:
            grant = await self.actor.ask(request.grant_id, update_id=f"key-{next(self.keys)}", **fields)
        except Refused as refused:
            decision = refused.decision
        if grant is not None:
            self.check_grant(request, grant, known)
        elif decision is not None and known is not None:
            assert (decision.code, at(decision) - known.at >= KEPT) == ("grant_spent", True)
        elif decision is not None:
            self.check_refusal(request, decision)

    def check_grant(self, request: SendRequest, grant: SendGrant, known: SendRecord | None) -> None:
        assert known is not None or self.model.allows(request, grant.granted_at)
        assert known is None or known.at == grant.granted_at
        self.model.grant(request, grant.granted_at)
        if self.policy.version == 1:  # never changed: it was in force for all of them
            assert over_the_cap(self.model, self.policy) == []

    def check_refusal(self, request: SendRequest, decision: SendDecision) -> None:
        assert not self.model.allows(request, at(decision)), decision
        if decision.next_allowed_at is not None:
            assert self.model.allows(request, decision.next_allowed_at)
            self.refused_until = decision.next_allowed_at

    async def skip(self, span: timedelta) -> None:
        """A task that is under way would time out while hours pass in a moment: the actor answers first."""
        await self.actor.view()
        await self.actor.actors.skip(span)

    async def now(self) -> datetime:
        env = self.actor.actors.env
        assert env is not None
        return await env.get_current_time()

    def in_window(self, now: datetime | None) -> list[Any]:
        assert now is not None
        rules = self.model.policy or CapPolicy(0)
        return [send for send in self.model.sends if self.model.is_same_day(send.at, now, rules)]


def test_the_zones_are_those_of_both_ends_of_the_world() -> None:
    assert {"Pacific/Kiritimati", "Etc/GMT+12", "Europe/Berlin"} <= set(CHANGES_OF_THE_CLOCK)
