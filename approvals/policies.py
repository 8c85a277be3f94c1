"""Which policy is for a request, and who its approvers are today: read once, when it is asked."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Q

from approvals.contract import (
    AtExpiry,
    Cover,
    PolicyLevel,
    PolicySnapshot,
    Seat,
    WorkingHours,
)
from approvals.models import Absence, Employee, Policy
from approvals.models import PolicyLevel as LevelRow
from approvals.models.policies import WhenNobodyElse

ONE_LEVEL_DAYS, MORE_LEVELS_DAYS = 7, 14
DAY = 86_400


class NoPolicy(Exception):
    """No policy can be applied. ``field`` of the request is to blame, the text is for its sender."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem


def resolve(requester: User, kind: str, amount_cents: int | None, currency: str = "USD") -> PolicySnapshot:
    """The policy for a request with its people by name; the requester is never among them.

    Raises:
        NoPolicy: there is none, or nobody but the requester could decide one of its levels
    """
    return snapshot_of(policy_for(requester, kind, amount_cents, currency), requester)


def policy_for(requester: User, kind: str, amount_cents: int | None, currency: str = "USD") -> Policy:
    """The policy in force: that of the requester's department before one for every department."""
    employee = Employee.objects.filter(user=requester).first()
    department = employee.department if employee else ""
    rows = Policy.objects.filter(is_active=True, kind=kind).filter(Q(department="") | Q(department=department))
    if not rows.exists():
        raise NoPolicy("kind", f"No policy says who decides about {kind or 'this'} requests.")
    if amount_cents is None:
        fitting = rows.filter(Q(min_amount_cents=None) | Q(min_amount_cents=0))
        problem = "Say how much it is: who decides depends on it."
    else:
        fitting = rows.filter(currency=currency)
        fitting = fitting.filter(Q(min_amount_cents=None) | Q(min_amount_cents__lte=amount_cents))
        fitting = fitting.filter(Q(max_amount_cents=None) | Q(max_amount_cents__gt=amount_cents))
        problem = f"No policy says who decides about {kind} requests of this amount in {currency}."
        if rows.filter(min_amount_cents=None, max_amount_cents=None).exists():
            # Without bounds the amount does not matter, and neither does its currency.
            fitting = fitting | rows.filter(min_amount_cents=None, max_amount_cents=None)
    found = fitting.order_by("-department", "pk").first()
    if found is None or (amount_cents is None and _needs_amount(rows)):
        raise NoPolicy("amount_cents", problem)
    return found


def _needs_amount(rows: Iterable[Policy]) -> bool:
    return any(row.min_amount_cents or row.max_amount_cents is not None for row in rows)


def snapshot_of(policy: Policy, requester: User) -> PolicySnapshot:
    """A policy as it is now, for one requester.

    Raises:
        NoPolicy
    """
    levels: list[PolicyLevel] = []
    left_out: list[str] = []
    people = _People(requester)
    for row in policy.levels.prefetch_related("users", "groups", "escalate_to"):
        level = people.level(row, sole_so_far(levels) if policy.distinct_levels else set())
        if level is not None:
            levels.append(level)
        elif policy.when_nobody_else == WhenNobodyElse.LEAVE_OUT:
            left_out.append(row.name)
        else:
            raise NoPolicy("kind", people.problem(policy, row))
    if not levels:
        raise NoPolicy("kind", f"Nobody but you could decide this: the policy “{policy.name}” names nobody else.")
    days = ONE_LEVEL_DAYS if len(levels) == 1 else MORE_LEVELS_DAYS
    return PolicySnapshot(
        policy_id=str(policy.pk),
        name=policy.name,
        version=policy.version,
        levels=levels,
        min_cents=policy.min_amount_cents,
        max_cents=policy.max_amount_cents,
        expires_seconds=max(1, int(policy.expires_after.total_seconds())) if policy.expires_after else days * DAY,
        max_rounds=policy.max_rounds,
        distinct_levels=policy.distinct_levels,
        comment_to_reject=policy.comment_to_reject,
        slack=policy.slack,
        slack_channel=policy.slack_channel,
        mail=policy.mail,
        working_hours=WorkingHours(
            zone=policy.time_zone,
            start_hour=policy.working_from,
            end_hour=policy.working_to,
            round_the_clock=not policy.working_hours_only,
        ),
        left_out=left_out,
    )


def sole_so_far(levels: Iterable[PolicyLevel]) -> set[str]:
    """Who is bound to decide one of these levels: its rule leaves no choice."""
    return {seat.username for level in levels if level.approvals_needed == len(level.seats) for seat in level.seats}


@dataclass
class _People:
    """Finds the people of levels, for one requester. Closed accounts decide nothing."""

    requester: User

    def level(self, row: LevelRow, bound: set[str]) -> PolicyLevel | None:
        """The level with its people, or None when too few are left. ``bound`` are those that another level needs."""
        seats = self._seats(row, bound)
        needed = row.needed if row.rule == "n_of_m" else 1
        if len(seats) < needed:
            return None
        escalate_to = self._escalation(row, seats) if row.escalate_after or row.at_expiry == AtExpiry.ESCALATE else []
        at_expiry = row.at_expiry if escalate_to or row.at_expiry != AtExpiry.ESCALATE else AtExpiry.EXPIRE
        return PolicyLevel(
            name=row.name,
            seats=seats,
            rule=row.rule,
            needed=needed,
            rejections=min(row.rejections, len(seats)),
            reminder_seconds=int(row.reminder_every.total_seconds()) if row.reminder_every else 0,
            escalation_seconds=int(row.escalate_after.total_seconds()) if row.escalate_after and escalate_to else 0,
            escalate_to=escalate_to,
            at_expiry=at_expiry,
        )

    def _seats(self, row: LevelRow, bound: set[str]) -> list[Seat]:
        """Who may decide the level. When the requester, or who is bound elsewhere, is all there is: their managers."""
        named: dict[str, Seat] = {}
        for user, via in self._named(row):
            named.setdefault(user.username, Seat(user.username, via))
        never = {self.requester.username}
        free = [seat for name, seat in named.items() if name not in never | bound]
        if free:
            return free if len(free) >= self._wanted(row) else [s for n, s in named.items() if n not in never]
        return self._stand_ins(list(named), never | bound)

    def _wanted(self, row: LevelRow) -> int:
        return row.needed if row.rule == "n_of_m" else 1

    def _named(self, row: LevelRow) -> list[tuple[User, str]]:
        named = sorted(row.users.all(), key=lambda user: user.username)
        found = [(user, "user") for user in named if user.is_active]
        for group in row.groups.all():
            found += [(user, group.name) for user in group.user_set.filter(is_active=True).order_by("username")]
        if row.requesters_manager and (manager := manager_of(self.requester)):
            found.append((manager, "manager"))
        return found

    def _stand_ins(self, names: list[str], never: set[str]) -> list[Seat]:
        """The nearest managers above these people who may decide; nobody when the way up ends or goes in a circle."""
        for name in names:
            user, seen = User.objects.filter(username=name).first(), {name}
            while user is not None and (user := manager_of(user)) is not None and user.username not in seen:
                if user.username not in never:
                    return [Seat(user.username, "manager")]
                seen.add(user.username)
        return []

    def _escalation(self, row: LevelRow, seats: list[Seat]) -> list[str]:
        """Whom the level is escalated to: never the requester, and nobody who is in it already."""
        people = sorted(user.username for user in row.escalate_to.all() if user.is_active)
        if row.escalate_to_managers:
            users = User.objects.filter(username__in=[seat.username for seat in seats]).order_by("username")
            people += [manager.username for user in users if (manager := manager_of(user))]
        never = {self.requester.username, *(seat.username for seat in seats)}
        return [name for name in dict.fromkeys(people) if name not in never]

    def problem(self, policy: Policy, row: LevelRow) -> str:
        only_manager = row.requesters_manager and not row.users.exists() and not row.groups.exists()
        if only_manager and manager_of(self.requester) is None:
            return f"“{row.name}” of the policy “{policy.name}” is your manager, and nobody is entered as yours."
        return (
            f"“{row.name}” of the policy “{policy.name}” could be decided by nobody but you, or people whom "
            "another level needs. An administrator has to name somebody else."
        )


def manager_of(user: User) -> User | None:
    """A person's manager, if there is one with an open account."""
    employee = Employee.objects.select_related("manager").filter(user=user).first()
    manager = employee.manager if employee else None
    return manager if manager is not None and manager.is_active else None


def covers_now(usernames: Iterable[str], kind: str, after: object) -> list[Cover]:
    """The absences, running and to come, of these people and of whoever covers for them."""
    found: dict[str, Cover] = {}
    people = set(usernames)
    for _ in range(3):
        rows = Absence.objects.filter(person__username__in=people, ended_at=None, until__gt=after)
        rows = rows.filter(Q(kind="") | Q(kind=kind)).select_related("person", "delegate")
        covers = [row.to_cover() for row in rows if row.delegate.is_active]
        found.update({cover.cover_id: cover for cover in covers})
        people = {cover.delegate for cover in covers}
    return list(found.values())
