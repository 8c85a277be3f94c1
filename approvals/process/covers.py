"""Who decides for whom: covers, chains of them, and circles; and who sees a request because of it. Pure."""

from collections.abc import Iterable
from datetime import datetime

from approvals.contract import MAX_CHAIN, ApprovalView, Cover


def deciders_for(principal: str, covers: Iterable[Cover], at: datetime, *, never: str) -> list[str]:
    """Whoever decides for ``principal`` at a moment beside themselves, nearest first.

    ``never`` (the requester) neither covers nor hands on: nobody decides by way of them.
    """
    active = [cover for cover in covers if cover.is_active(at)]
    found: list[str] = []
    nearest = [principal]
    for _ in range(MAX_CHAIN):
        nearest = [
            cover.delegate
            for person in nearest
            for cover in active
            if cover.principal == person and cover.delegate not in {principal, never, *found}
        ]
        nearest = list(dict.fromkeys(nearest))
        found += nearest
    return found


def overlapping(cover: Cover, covers: Iterable[Cover]) -> list[Cover]:
    """The covers that stand on some of the same days."""
    return [other for other in covers if other.starts_at < cover.until and cover.starts_at < other.until]


def makes_a_circle(cover: Cover, covers: Iterable[Cover]) -> bool:
    beside = overlapping(cover, covers)
    seen: set[str] = set()
    ahead = [cover.delegate]
    while ahead:
        person = ahead.pop()
        if person == cover.principal:
            return True
        if person not in seen:
            seen.add(person)
            ahead += [other.delegate for other in beside if other.principal == person]
    return False


def chain_with(cover: Cover, covers: Iterable[Cover]) -> int:
    """How many times a decision would be handed over on the longest way through ``cover``; there are no circles."""
    beside = overlapping(cover, covers)

    def after(person: str) -> int:
        return max((1 + after(other.delegate) for other in beside if other.principal == person), default=0)

    def before(person: str) -> int:
        return max((1 + before(other.principal) for other in beside if other.delegate == person), default=0)

    return before(cover.principal) + 1 + after(cover.delegate)


def people_who_see(view: ApprovalView, at: datetime | None) -> set[str]:
    """Everybody with a part in a request; of those who cover, whoever does at a moment (None: at any)."""
    people = {view.requester, *view.participants}
    for level in view.levels:
        people.update(level.approvers)
        people.update(level.escalate_to)
    covers = [cover for cover in view.covers if at is None or cover.is_active(at)]
    return people | {cover.delegate for cover in covers}
