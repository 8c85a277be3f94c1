"""The actor as others see it."""

from datetime import datetime

from campaigns.actor.rules import ROLLING_DAY, Case
from campaigns.actor.state import ActorState
from campaigns.actor.zones import day_around
from campaigns.contract import (
    MARKETING,
    ActorView,
    CapPolicy,
    Channel,
    ChannelView,
    RunView,
    SendRecord,
    user_actor_workflow_id,
)

MAX_SHOWN = 200
"""Messages that a view lists; ``count`` counts all."""


def view_of(
    state: ActorState,
    now: datetime,
    version: int,
    run: RunView,
    brought: CapPolicy | None = None,
    *,
    with_decisions: bool,
) -> ActorView:
    """All of it at an instant, as the next request will be judged: by ``brought``, when that is newer than what is known.

    ``with_decisions`` is for queries: what an update answers stays in the history.
    """
    it, policy = state.it, state.policy_for(brought)
    case = Case(policy, it.preferences, it.sends, "", MARKETING)
    counted = case.counted_at(now)
    start, end = _window(case, counted, now)
    channels = [_channel(state, channel, now, brought) for channel in Channel]
    return ActorView(
        user_id=state.user_id,
        workflow_id=user_actor_workflow_id(state.user_id),
        version=version,
        cap=policy if it.own_cap or it.policy or brought else None,
        sends_in_window=[send for send in it.sends if send.at >= start][-MAX_SHOWN:],
        opted_out_channels=it.preferences.opted_out_channels,
        next_allowed_at={one.channel: one.decision.next_allowed_at for one in channels},
        decisions=list(it.decisions) if with_decisions else [],
        at=now,
        opted_out_categories=it.preferences.opted_out_categories,
        preferences=it.preferences,
        policy=it.policy,
        own_cap=it.own_cap,
        count=len(counted),
        window_starts_at=start,
        window_ends_at=end,
        channels=channels,
        run=run,
    )


def _window(case: Case, counted: list[SendRecord], now: datetime) -> tuple[datetime, datetime | None]:
    if case.is_calendar:
        return day_around(now, case.zone)
    return now - ROLLING_DAY, counted[0].at + ROLLING_DAY if counted else None


def _channel(state: ActorState, channel: Channel, now: datetime, brought: CapPolicy | None) -> ChannelView:
    policy = state.policy_for(brought)
    counted = Case(policy, state.it.preferences, state.it.sends, channel, MARKETING).counted_at(now)
    return ChannelView(
        channel=channel,
        count=sum(send.channel == channel for send in counted),
        limit=(policy.per_channel or {}).get(channel),
        decision=state.judge_case(channel, MARKETING, brought, now),
    )
