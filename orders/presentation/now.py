"""What is going on: a card for each running timer, the attempts of a charge, what passes by itself between two timers, and the
problem that needs a person.
"""

from dataclasses import dataclass
from datetime import datetime

from dashboard.phrases import counted, span
from orders.contract import OrderStage, OrderStatus, OrderView, Problem, Step
from orders.presentation.status import LATE_SHIPMENT, STEP_WORDS

# More marks than this would be hairlines; then only the words tell the attempts.
MOST_MARKS = 12
RETRY_TIMER = "payment_retry"
ONE_KEY = "All attempts share one key, so the card can be charged only once."


@dataclass(frozen=True)
class TimerCard:
    """``left`` is the part of the time that is left, in per cent of the whole, at the moment of drawing."""

    id: str
    label: str
    icon: str
    started_at: datetime
    ends_at: datetime
    lead: str
    then: str
    left: int = 100
    length: str = ""
    attempts: tuple[str, ...] = ()
    attempts_label: str = ""
    retry_step: str = ""


@dataclass(frozen=True)
class PassingCard:
    """Stands where the last timer's card stood until the next one begins: what is below would move up and down again else."""

    label: str
    icon: str
    until: str
    lead: str
    then: str


@dataclass(frozen=True)
class ProblemCard:
    title: str
    error: str
    since: datetime
    retry_step: str
    retry_label: str = "Retry"
    shortages: tuple[str, ...] = ()


def cards_of(view: OrderView, now: datetime) -> list[TimerCard]:
    retry = [_retry_card(view, now)] if view.payment.next_attempt_at else []
    others = [timer for timer in view.countdowns if timer.name != RETRY_TIMER]
    timers = [
        TimerCard(
            id=f"timer-{timer.name}",
            label=timer.label,
            icon="truck" if "ship" in timer.name or "deliver" in timer.name else "clock",
            started_at=timer.started_at,
            ends_at=timer.ends_at,
            lead=_lead(timer.then)[0],
            then=_lead(timer.then)[1],
            left=_left(timer.started_at, timer.ends_at, now),
            length=span(timer.ends_at - timer.started_at),
        )
        for timer in sorted(others, key=lambda timer: timer.ends_at)
    ]
    return [*retry, *timers]


def passing_of(view: OrderView) -> PassingCard | None:
    is_saving = view.status == OrderStatus.PAID and view.stage == OrderStage.STATUS_UPDATE
    if not is_saving or view.countdowns or view.problem:
        return None
    return PassingCard(
        label="What comes next",
        icon="truck",
        until="In a moment",
        lead="The payment is being saved.",
        then=" After that the time to ship the order begins to run, unless it is held for a review first.",
    )


def _retry_card(view: OrderView, now: datetime) -> TimerCard:
    payment = view.payment
    assert payment.next_attempt_at is not None
    marks = ["is-failed"] * payment.attempt + ["is-next"]
    marks += [""] * (payment.max_attempts - len(marks))
    return TimerCard(
        id="timer-payment-retry",
        label="Next payment attempt",
        icon="retry",
        started_at=now,
        ends_at=payment.next_attempt_at,
        lead=f"Attempt {payment.attempt} of {payment.max_attempts} failed: ",
        then=f"{payment.last_error.rstrip('.') or 'no answer'}. {ONE_KEY}",
        attempts=tuple(marks) if len(marks) <= MOST_MARKS else (),
        attempts_label=f"Attempt {payment.attempt} of {payment.max_attempts} failed",
        retry_step="payment",
    )


def problem_of(view: OrderView) -> ProblemCard | None:
    problem: Problem | None = view.problem
    if problem is None:
        return None
    title = "It has not been shipped in time"
    is_review = problem.step == Step.REVIEW
    if is_review:
        title = "It is held for a review"
    elif problem.step != LATE_SHIPMENT:
        title = f"{STEP_WORDS.get(problem.step, 'A step')} has stopped"
    if view.shortages:
        verb = "is" if len(view.shortages) == 1 else "are"
        title = f"{counted(len(view.shortages), 'line').capitalize()} of this order {verb} short of stock"
    names = {line.sku: line.name or line.sku for line in view.items}
    return ProblemCard(
        title=title,
        error=problem.error,
        since=problem.since,
        retry_step=problem.step if problem.retryable else "",
        retry_label="Release…" if is_review else "Retry",
        shortages=tuple(
            f"{names.get(short.sku, short.sku)} ({short.sku}): {short.wanted:,} wanted, {short.available:,} in stock"
            for short in view.shortages
        ),
    )


def _left(started_at: datetime, ends_at: datetime, now: datetime) -> int:
    whole = (ends_at - started_at).total_seconds()
    if whole <= 0:
        return 0
    return max(0, min(100, round(100 * (ends_at - now).total_seconds() / whole)))


def _lead(then: str) -> tuple[str, str]:
    """The first clause stands out: what happens, before how."""
    for mark in (":", ";", ". ", ","):
        head, found, rest = then.partition(mark)
        if found and rest.strip():
            return head + mark.strip(), f" {rest.strip()}"
    return then, ""
