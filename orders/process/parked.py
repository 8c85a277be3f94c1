"""What of an order waits for a person. It may be more than one thing at once, and each keeps its place until it is over.

The main line stops at one step at a time; the review holds a large order; beside both, payments too many go back, each on
its own. Whoever parks something takes away that and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from temporalio import workflow

from orders.contract import Problem

KEPT = "what-is-parked-is-kept"
"""Patch: before it, what was parked took the place of what had been parked, and a retry woke all that waited at its step."""


class Owner(IntEnum):
    """Who has parked something, in the order in which a person sees it."""

    MAIN_LINE = 1
    BESIDE = 2
    REVIEW = 3


@dataclass(eq=False)
class Stop:
    """One thing that is parked."""

    owner: Owner
    problem: Problem
    is_retried: bool = False


class Parked:
    """``clock`` gives the workflow's time, ``on_change`` is called when what is parked has visibly changed."""

    def __init__(self, clock: Callable[[], datetime], on_change: Callable[[], None]) -> None:
        self._clock, self._on_change = clock, on_change
        self._stops: list[Stop] = []
        self._displaced: list[Stop] = []  # before the patch: still waiting, and shown to nobody

    # ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def shown(self) -> Problem | None:
        """The one that a person sees: what can be tried again comes first, what is only noted (a late shipment) last."""
        return next((stop.problem for stop in self._in_order()), None)

    def is_at(self, step: str) -> bool:
        return any(stop.problem.step == step for stop in self._stops)

    def waits_for_retry(self, step: str, since: datetime | None) -> bool:
        """Whether a person may ask for the step again; ``since`` names the problem that they mean, None any at the step."""
        return bool(self._waiting_at(step, since))

    def _in_order(self) -> list[Stop]:
        return sorted(self._stops, key=lambda stop: (not stop.problem.retryable, stop.owner))

    def _waiting_at(self, step: str, since: datetime | None) -> list[Stop]:
        waiting = [stop for stop in self._in_order() if stop.problem.step == step and stop.problem.retryable]
        return [stop for stop in waiting if since in (None, stop.problem.since)]

    # ── Parking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def park(self, step: str, error: str, *, owner: Owner = Owner.MAIN_LINE, retryable: bool = True) -> Stop:
        """The order needs a person: say at which step and why."""
        if owner != Owner.BESIDE:
            self.drop(owner)
        if self._stops and not workflow.patched(KEPT):
            self._displace(owner)
        stop = Stop(owner, Problem(step, error, self._clock(), retryable))
        self._stops.append(stop)
        self._on_change()
        return stop

    def note(self, step: str, error: str) -> None:
        """Park the main line with what no retry helps against, unless it is there already."""
        if self.is_at(step) or (self._stops and not workflow.patched(KEPT)):
            return
        self.park(step, error, retryable=False)

    def _displace(self, owner: Owner) -> None:
        stays = [stop for stop in self._stops if stop.owner == Owner.REVIEW and owner != Owner.REVIEW]
        self._displaced += [stop for stop in self._stops if stop not in stays]
        self._stops = stays

    # ── Going on ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def retry(self, step: str, since: datetime | None) -> None:
        """A person asks for what they see at this step: one retry wakes one stop."""
        waiting = [stop for stop in self._waiting_at(step, since) if not stop.is_retried]
        displaced = [stop for stop in self._displaced if stop.problem.step == step]
        for stop in [*displaced, *waiting[:1]]:
            stop.is_retried = True

    def unpark(self, stop: Stop) -> None:
        """It is over, or tried again."""
        self._remove(lambda one: one is stop)

    def go_on(self) -> None:
        """The main line goes on."""
        self._remove(lambda one: one.owner == Owner.MAIN_LINE)

    def drop(self, owner: Owner) -> bool:
        """Like :meth:`go_on`, for whoever records why; whether a person sees something else now."""
        before = self.shown
        self._stops = [stop for stop in self._stops if stop.owner != owner]
        return self.shown is not before

    def _remove(self, gone: Callable[[Stop], bool]) -> None:
        before = self.shown
        self._stops = [stop for stop in self._stops if not gone(stop)]
        self._displaced = [stop for stop in self._displaced if not gone(stop)]
        if self.shown is not before:
            self._on_change()
