"""Who would decide a request, before it is asked."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from approvals import gateway
from approvals.contract import AtExpiry, PolicyLevel, PolicySnapshot
from approvals.presentation.levels import rule_words
from dashboard.phrases import counted

MOST_NAMES = 6


@dataclass(frozen=True)
class PreviewLevel:
    name: str
    rule: str
    people: str
    then: str


@dataclass(frozen=True)
class Preview:
    """``problem`` says why nobody can be named yet; ``levels`` who decides, in their order."""

    policy: str = ""
    version: int = 0
    levels: tuple[PreviewLevel, ...] = ()
    left_out: tuple[str, ...] = ()
    length: str = ""
    problem: str = ""


def preview_of(user: User, kind: str, amount_cents: int | None, *, is_amount: bool) -> Preview:
    """For what is typed so far; ``is_amount`` is false while the amount cannot be read."""
    if not kind:
        return Preview()
    if not is_amount:
        return Preview(problem="As soon as the amount can be read, you see here who decides.")
    try:
        policy = gateway.preview_policy(user=user, kind=kind, amount_cents=amount_cents)
    except gateway.ApprovalProblem as problem:
        return Preview(problem=problem.detail)
    return _preview(policy, _names(policy))


def _names(policy: PolicySnapshot) -> dict[str, str]:
    people = {seat.username for level in policy.levels for seat in level.seats}
    people.update(name for level in policy.levels for name in level.escalate_to)
    return {user.username: user.get_full_name() or user.username for user in User.objects.filter(username__in=people)}


def _preview(policy: PolicySnapshot, names: dict[str, str]) -> Preview:
    return Preview(
        policy=policy.name,
        version=policy.version,
        levels=tuple(_level(level, names) for level in policy.levels),
        left_out=tuple(policy.left_out),
        length=counted(max(1, round(policy.expires_seconds / 86_400)), "day"),
    )


def _level(level: PolicyLevel, names: dict[str, str]) -> PreviewLevel:
    people = [names.get(seat.username, seat.username) for seat in level.seats]
    more = f" and {len(people) - MOST_NAMES} others" if len(people) > MOST_NAMES else ""
    escalation = ", ".join(names.get(name, name) for name in level.escalate_to)
    then = f"Goes to {escalation} when nobody decides in time." if escalation else ""
    if level.at_expiry == AtExpiry.APPROVE:
        then = "Counts as approved when nobody decides in time."
    rule = rule_words(level.rule, level.approvals_needed, len(level.seats))
    return PreviewLevel(level.name, rule, ", ".join(people[:MOST_NAMES]) + more, then)
