"""The one decision: may this message go to this person now, why not, and when."""

from datetime import datetime

from campaigns.actor.rules import Case, Hold, holds_at
from campaigns.contract import Change, DecisionCode, SendDecision

MAX_USED_BY = 100
MOST_QUIET_ROUNDS = 8
"""In a day two quiet hours end, one into the other perhaps; on the next one the clocks may change."""


def decide(case: Case, now: datetime) -> SendDecision:
    """Holds the case against all rules at ``now``. It changes nothing, and gives the same answer for the same case."""
    holds = holds_at(case, now)
    if not holds:
        return _allowed(case, now)
    deciding = _deciding(holds)
    return SendDecision(
        allowed=False,
        code=deciding.code,
        reason=deciding.reason,
        rule=deciding.rule,
        limit=deciding.limit,
        count=len(deciding.used),
        used_by=[send.grant_id for send in deciding.used[-MAX_USED_BY:]],
        next_allowed_at=earliest(case, now),
        policy_version=case.policy.version,
        also=[hold.code for hold in holds if hold is not deciding],
        changes=_changes(holds),
        channel=case.channel,
        category=case.category,
        transactional=case.transactional,
        at=now,
    )


def earliest(case: Case, now: datetime) -> datetime | None:
    """The first instant from ``now`` on at which every rule allows it, if nothing is sent meanwhile; None for never.

    Each rule names the instant until which it refuses throughout; the latest of them is asked anew, because quiet hours
    may have begun by then. Caps, gaps and pauses only ever run out, so this ends. Only two quiet hours, the cap's and their
    own, may leave no time of day between them: after days of nothing else nothing will come.
    """
    at, quiet_rounds = now, 0
    while holds := holds_at(case, at):
        untils = [hold.until for hold in holds if hold.until is not None]
        quiet_rounds = quiet_rounds + 1 if all(hold.code == DecisionCode.QUIET_HOURS for hold in holds) else 0
        if len(untils) < len(holds) or quiet_rounds > MOST_QUIET_ROUNDS:
            return None
        at = max(untils)
    return at


def _deciding(holds: list[Hold]) -> Hold:
    """The first that waiting cannot help, else the one that lasts longest; of two alike the first."""
    for hold in holds:
        if hold.until is None:
            return hold
    return max(holds, key=lambda hold: hold.until or datetime.max)


def _changes(holds: list[Hold]) -> list[Change]:
    if all(hold.changes for hold in holds):
        return [change for hold in holds for change in hold.changes]
    return []


def _allowed(case: Case, now: datetime) -> SendDecision:
    limit, used = case.policy.max_per_day, case.counted_at(now)
    if case.transactional:
        reason = "Transactional: no cap, no quiet hours."
    elif limit is None:
        reason = "No rule speaks against it."
    else:
        reason = f"Message {len(used) + 1} of {limit} {case.window_words}."
    return SendDecision(
        allowed=True,
        code=DecisionCode.ALLOWED,
        reason=reason,
        rule="" if limit is None or case.transactional else "max_per_day",
        limit=None if case.transactional else limit,
        count=len(used),
        used_by=[send.grant_id for send in used[-MAX_USED_BY:]],
        next_allowed_at=now,
        policy_version=case.policy.version,
        channel=case.channel,
        category=case.category,
        transactional=case.transactional,
        at=now,
    )
