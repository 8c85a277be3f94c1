"""The approval area's demo data: who reports to whom, and who decides about what. Its requests: ``demo_requests.py``."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction

from approvals.contract import AtExpiry, LevelRule, MailMode
from approvals.models import Employee, Policy, PolicyLevel
from approvals.models.policies import WhenNobodyElse

# username: (manager, department). At the top, two people answer to each other.
EMPLOYEES = {
    "employee": ("manager", "Design"),
    "ops": ("manager", "Operations"),
    "marketer": ("manager", "Communication"),
    "manager": ("director", "Operations"),
    "hr": ("director", "People"),
    "director": ("vp", "Finance"),
    "vp": ("director", "Finance"),
    "admin": ("vp", "IT"),
}
GROUPS = {
    "People": ("hr",),
    "Finance": ("director", "vp"),
    "Communication": ("hr", "manager", "marketer"),
}


@dataclass(frozen=True)
class DemoLevel:
    name: str
    users: tuple[str, ...] = ()
    group: str = ""
    is_manager: bool = False
    escalate_to: tuple[str, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    """Further fields of :class:`approvals.models.PolicyLevel`."""


@dataclass(frozen=True)
class DemoPolicy:
    name: str
    kind: str
    levels: tuple[DemoLevel, ...]
    from_cents: int | None = None
    below_cents: int | None = None
    around_the_clock: bool = False


DAY = timedelta(days=1)
UPWARDS = {"reminder_every": DAY, "escalate_after": 2 * DAY, "escalate_to_managers": True}
MANAGER = DemoLevel("Manager", is_manager=True, fields=UPWARDS)
DIRECTOR = DemoLevel("Director", users=("director",), fields=UPWARDS)
VP = DemoLevel("VP", users=("vp",), fields={"reminder_every": DAY, "escalate_after": 3 * DAY})
ANY_OF_FINANCE = DemoLevel("Finance", group="Finance", fields={"reminder_every": DAY})
ALL_OF_FINANCE = DemoLevel(
    "Finance", group="Finance", fields={"rule": LevelRule.ALL, "reminder_every": DAY, "at_expiry": AtExpiry.REJECT}
)
POLICIES = (
    DemoPolicy("Leave", "leave", (MANAGER, DemoLevel("HR", group="People", fields={"reminder_every": DAY}))),
    DemoPolicy("Expenses under 1,000", "expense", (MANAGER,), below_cents=100_000),
    DemoPolicy("Expenses under 10,000", "expense", (MANAGER, DIRECTOR), from_cents=100_000, below_cents=1_000_000),
    DemoPolicy("Expenses from 10,000", "expense", (MANAGER, DIRECTOR, VP), from_cents=1_000_000),
    DemoPolicy("Purchases under 5,000", "purchase", (MANAGER,), below_cents=500_000),
    DemoPolicy("Purchases from 5,000", "purchase", (MANAGER, ANY_OF_FINANCE), from_cents=500_000),
    DemoPolicy("Contracts", "contract", (MANAGER, ALL_OF_FINANCE)),
    DemoPolicy(
        "Travel",
        "travel",
        (
            DemoLevel(
                "Manager",
                is_manager=True,
                escalate_to=("director",),
                fields={"reminder_every": DAY, "at_expiry": AtExpiry.ESCALATE},
            ),
        ),
    ),
    # A customer waits for it: at night and at weekends too.
    DemoPolicy(
        "Refunds",
        "refund",
        (
            DemoLevel(
                "Manager",
                is_manager=True,
                escalate_to=("director",),
                fields={"reminder_every": timedelta(minutes=30), "escalate_after": timedelta(hours=1)},
            ),
        ),
        around_the_clock=True,
    ),
    DemoPolicy(
        "Campaigns",
        "campaign",
        (
            DemoLevel(
                "Two of Communication",
                group="Communication",
                fields={"rule": LevelRule.N_OF_M, "needed": 2, "reminder_every": DAY},
            ),
        ),
    ),
    DemoPolicy("Anything else", "other", (MANAGER,)),
)


@transaction.atomic
def load_demo_policies() -> None:
    """Employees, groups and policies for the demo's users, once: where some are, an administrator has the say."""
    if not Employee.objects.exists():
        users = {user.username: user for user in User.objects.filter(username__in=EMPLOYEES)}
        Employee.objects.bulk_create(
            Employee(user=users[username], manager=users[manager], department=department)
            for username, (manager, department) in EMPLOYEES.items()
        )
    if not Policy.objects.exists():
        for name, usernames in GROUPS.items():
            group, created = Group.objects.get_or_create(name=name)
            if created:
                group.user_set.set(User.objects.filter(username__in=usernames))
        for policy in POLICIES:
            _write_policy(policy)


def _write_policy(demo: DemoPolicy) -> None:
    policy = Policy.objects.create(
        name=demo.name,
        kind=demo.kind,
        min_amount_cents=demo.from_cents,
        max_amount_cents=demo.below_cents,
        # With three people at the top, some of their own requests would find nobody for each level.
        when_nobody_else=WhenNobodyElse.LEAVE_OUT,
        working_hours_only=not demo.around_the_clock,
        mail=MailMode.DECIDE,
    )
    for position, words in enumerate(demo.levels, start=1):
        level = PolicyLevel.objects.create(
            policy=policy,
            position=position,
            name=words.name,
            requesters_manager=words.is_manager,
            **words.fields,
        )
        level.users.set(User.objects.filter(username__in=words.users))
        level.groups.set(Group.objects.filter(name=words.group))
        level.escalate_to.set(User.objects.filter(username__in=words.escalate_to))
