"""What the demo's people decided in the last fortnight, before the demo began.

As the past of the orders (``orders/demo_past.py``): the rows that are left of requests whose workflows Temporal has no more,
written by the request's own bookkeeping with the clock put back. Their trails are chained as all are, so that the audit
finds nothing wrong with them; it says that Temporal has forgotten them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random

from django.contrib.auth.models import User
from django.db import transaction

from approvals import projection
from approvals.contract import ApprovalInput, ApprovalStatus, ApprovalView, By, Door, PolicySnapshot
from approvals.gateway import InvalidRequest, preview_policy
from approvals.gateway.submitting import people_of
from approvals.models import ApprovalRequest
from approvals.process.state import ApprovalState
from dashboard.demo_rhythm import OFFICE, Clock, chance_of, moments

WEEK = (7, 6, 6, 5, 4, 0, 0)
"""Requests of a Monday, …, a Sunday."""


@dataclass(frozen=True)
class Ask:
    """What is asked again and again, by whom, for how much (cents)."""

    kind: str
    title: str
    description: str
    cents: tuple[int, int] | None
    requesters: tuple[str, ...] = ("employee", "ops", "marketer")


ASKS = (
    Ask("expense", "Lunch with a supplier", "Four people, at the station.", (6_000, 14_000)),
    Ask("expense", "Taxi after the late shift", "The last train had gone.", (2_400, 5_200)),
    Ask("expense", "Printer paper and toner", "The cupboard was empty.", (3_900, 21_000)),
    Ask("expense", "Team day at the lake", "Boats, and something to eat, for nine.", (110_000, 190_000)),
    Ask("purchase", "Desk lamps for the studio", "The old ones flicker.", (12_000, 64_000)),
    Ask("purchase", "Pallet trucks for the warehouse", "Two, with scales.", (510_000, 880_000), ("ops",)),
    Ask("leave", "A long weekend", "Nothing of mine is due.", None),
    Ask("leave", "A week in the mountains", "The others know what is open.", None),
    Ask("travel", "Two days at the print shop", "To see the proofs.", (21_000, 48_000)),
    Ask("other", "Working from Porto for a fortnight", "Same hours, same telephone.", None),
)
YES = ("", "", "", "Fine.", "Good; keep the receipt.", "Within the budget.")
NO = ("Not this month, please.", "We have one of these in the cellar.", "Ask again after the stocktaking.")


@transaction.atomic
def load_demo_past(now: datetime) -> int:
    """Writes them, if there is no request yet, and returns how many. The demo's people and policies have to be there."""
    if ApprovalRequest.objects.exists():
        return 0
    views = sorted(_views(now), key=lambda view: view.trail[-1].at)
    projection.save_new(views)
    return len(views)


def _views(now: datetime) -> Iterator[ApprovalView]:
    people = {user.username: user for user in User.objects.all()}
    names = {username: user.get_full_name() for username, user in people.items()}
    policies: dict[tuple[Ask, str], PolicySnapshot] = {}
    for number, at in enumerate(moments("requests", WEEK, now, hours=OFFICE)):
        chance = chance_of(f"request {at:%Y-%m-%d} {number}")
        ask = chance.choice(ASKS)
        requester = people.get(chance.choice(ask.requesters))
        cents = round(chance.randint(*ask.cents), -2) if ask.cents else None
        if requester is None:
            continue
        policy = policies.get((ask, requester.username))
        if policy is None or not policy.covers(cents):
            try:
                policy = preview_policy(user=requester, kind=ask.kind, amount_cents=cents)
            except InvalidRequest:  # an administrator has the say about policies
                continue
            policies[ask, requester.username] = policy
        request = ApprovalInput(
            request_id=f"REQ-{at:%Y%m%d-%H%M%S}-{number:04x}",
            kind=ask.kind,
            title=ask.title,
            requester=requester.username,
            policy=policy,
            description=ask.description,
            amount_cents=cents,
            names={name: names[name] for name in people_of(policy) | {requester.username}},
            by=By(requester.username, Door.WEB),
        )
        view = _told(request, at, chance)
        if view.trail[-1].at < now:
            yield view


def _told(request: ApprovalInput, at: datetime, chance: Random) -> ApprovalView:
    """One request from its first word to its last."""
    clock = Clock(at)
    state = ApprovalState(request, clock, lambda: None)
    while state.it.status == ApprovalStatus.PENDING:
        clock.forward(minutes=chance.uniform(10, 150))
        if chance.random() < 0.04:
            state.withdraw(request.by, "Not needed any more.")
            continue
        decider = chance.choice(state.level.undecided)
        approved = chance.random() > 0.14
        comment = chance.choice(YES if approved else NO)
        state.decide(By(decider, Door.WEB), approved, comment, decider, escalated=False)
    return state.view()
