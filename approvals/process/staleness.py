"""A decision on what its author has not seen: what has changed since, and who was first."""

from typing import Any

from temporalio.exceptions import ApplicationError

from approvals.contract import InvalidField, RefusalCode, RoundView
from approvals.process.refusing import first_of, how, refuse
from approvals.process.state import ApprovalState
from temporal_worker.money import money


def has_not_seen(state: ApprovalState, by: str, seen: int) -> ApplicationError | None:
    it = state.it
    if seen == it.state_version:
        return None
    if seen > it.state_version:
        raise InvalidField("state_version", f"is {seen}, and the request is only at {it.state_version}")
    missed = [change for change in it.changes if change.state_version > seen]
    if changes := [change for change in missed if change.what == "resubmitted"]:
        now, then = it.rounds[-1], _round_at(it.rounds, seen)
        differences = differences_between(then, now)
        words = ", ".join(_said(one, it.currency) for one in differences) or "nothing but the round"
        return refuse(
            RefusalCode.STALE,
            f"The request has changed since you opened it ({words}); round {it.round} is open now. Your decision was not taken.",
            first=first_of(changes[-1]),
            differences=differences,
            state_version=it.state_version,
        )
    level = next((change for change in missed if change.what == "level"), None)
    if level is None:
        return refuse(RefusalCode.STALE, "The request has changed since you opened it.", state_version=it.state_version)
    return refuse(
        RefusalCode.ALREADY_DECIDED,
        f"It was decided before: {level.text.rstrip('.')} {how(level.door, level.at)} {it.current_level.name} decides now.",
        first=first_of(level),
        state_version=it.state_version,
    )


def _said(difference: dict[str, Any], currency: str) -> str:
    """One difference in a sentence: amounts as money, of a long text only that it is another one."""
    name, before, after = difference["field"], difference["before"], difference["after"]
    if name == "description":
        return "another description"
    if name == "amount_cents":
        return f"amount {_money(before, currency)} → {_money(after, currency)}"
    return f"{name.removesuffix('_on')} {before or 'nothing'} → {after or 'nothing'}"


def _money(cents: int | None, currency: str) -> str:
    return "none" if cents is None else money(cents, currency)


def _round_at(rounds: list[RoundView], state_version: int) -> RoundView:
    """The round that was open at a state version."""
    return [one for one in rounds if one.state_version <= max(state_version, 1)][-1]


def differences_between(before: RoundView, after: RoundView) -> list[dict[str, Any]]:
    """What two rounds differ in, field by field."""
    return [
        {"field": name, "before": getattr(before, name), "after": getattr(after, name)}
        for name in ("title", "description", "amount_cents", "starts_on", "ends_on")
        if getattr(before, name) != getattr(after, name)
    ]
