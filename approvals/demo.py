"""The approval area's demo data: who reports to whom, who decides about what, and requests that wait for people."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from approvals import gateway
from approvals.contract import ApprovalView, AtExpiry, Door, LevelRule, MailMode
from approvals.gateway import ApprovalProblem, Unavailable
from approvals.models import ApprovalRequest, Employee, Policy, PolicyLevel
from approvals.models.policies import WhenNobodyElse

log = structlog.get_logger(__name__)

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


# ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────────────────

Step = Callable[[ApprovalView, str], ApprovalView]
"""What somebody does with a request that looks like this, under this key."""


@dataclass(frozen=True)
class DemoRequest:
    """One request and what has happened with it so far. ``in_days`` is when a leave or a journey begins and ends."""

    name: str
    requester: str
    kind: str
    title: str
    description: str
    amount_cents: int | None = None
    in_days: tuple[int, int] | None = None
    steps: tuple[Step, ...] = ()


def decides(username: str, approved: bool, comment: str = "") -> Step:
    return lambda view, key: gateway.decide(
        view.request_id,
        user=_user(username),
        door=Door.WEB,
        approved=approved,
        comment=comment,
        state_version=view.state_version,
        key=key,
    )


def wants_changes(username: str, comment: str) -> Step:
    return lambda view, key: gateway.request_changes(
        view.request_id,
        user=_user(username),
        door=Door.WEB,
        comment=comment,
        state_version=view.state_version,
        key=key,
    )


def asks_again(title: str, description: str, amount_cents: int) -> Step:
    return lambda view, key: gateway.resubmit(
        view.request_id,
        user=_user(view.requester),
        door=Door.WEB,
        title=title,
        description=description,
        amount_cents=amount_cents,
        key=key,
    )


def hands_over(username: str, to: str, reason: str) -> Step:
    return lambda view, key: gateway.delegate(
        view.request_id,
        user=_user(username),
        door=Door.WEB,
        to=to,
        until=timezone.now() + 3 * DAY,
        reason=reason,
        key=key,
    )


def says(username: str, text: str) -> Step:
    return lambda view, key: gateway.add_comment(
        view.request_id, user=_user(username), door=Door.WEB, text=text, key=key
    )


def attaches(username: str, name: str, text: str) -> Step:
    return lambda view, key: gateway.attach(
        view.request_id,
        user=_user(username),
        door=Door.WEB,
        name=name,
        content=text.encode(),
        content_type="text/csv",
        key=key,
    )


REQUESTS = (
    DemoRequest(
        "journey",
        "employee",
        "travel",
        "Design conference in Kraków",
        "Three days; the talk on accessible tables is ours.",
        96_000,
        (30, 33),
        (
            hands_over("manager", "hr", "On the road, mostly without a connection."),
            decides("hr", True, "Good for the team. Book the early train."),
        ),
    ),
    DemoRequest(
        "monitor",
        "employee",
        "expense",
        "Second monitor for working at home",
        "27 inches, as in the office.",
        44_900,
        steps=(decides("manager", False, "IT lends these: ask them for one of the spare screens first."),),
    ),
    DemoRequest(
        "stand",
        "marketer",
        "contract",
        "Stand at the autumn trade fair",
        "Corner stand, 24 m², with power and a small stage. The organiser holds it for two weeks.",
        3_600_000,
        steps=(decides("manager", True), decides("director", True, "Within this year's budget.")),
    ),
    DemoRequest(
        "parental",
        "ops",
        "leave",
        "Parental leave, first month",
        "Handover of the night shifts is agreed with Emil.",
        in_days=(45, 75),
        steps=(decides("manager", True, "Congratulations!"),),
    ),
    DemoRequest(
        "headsets",
        "ops",
        "expense",
        "Headsets for the service desk",
        "Sixteen of them; the old ones break at the hinge.",
        248_000,
        steps=(decides("manager", True),),
    ),
    DemoRequest(
        "licences",
        "marketer",
        "purchase",
        "Licences for the newsletter tool",
        "Forty seats for a year. The old contract ends with the month.",
        720_000,
        steps=(decides("manager", True),),
    ),
    DemoRequest(
        "manager-journey",
        "manager",
        "travel",
        "Visit to the warehouse in Malmö",
        "Two days with the shift leads, about the returns.",
        58_000,
        (12, 14),
    ),
    DemoRequest(
        "laptops",
        "employee",
        "purchase",
        "Five laptops for the design team",
        "14 inches, 64 GB, with three years of service on site.",
        1_840_000,
        steps=(
            wants_changes("manager", "32 GB will do, and two of the old ones still have a year of service."),
            asks_again(
                "Three laptops for the design team", "14 inches, 32 GB, with three years of service on site.", 389_700
            ),
        ),
    ),
    DemoRequest(
        "spring",
        "marketer",
        "campaign",
        "Spring letter to last year's customers",
        "One mail to 12,400 people who agreed to it, and a reminder a week later.",
        180_000,
        steps=(decides("hr", True, "The words on opting out are right."),),
    ),
    DemoRequest(
        "train",
        "employee",
        "expense",
        "Train to Hamburg and back",
        "Workshop with the print shop. Second class, booked late because the date moved.",
        18_450,
        steps=(
            attaches(
                "employee",
                "receipts.csv",
                "what,amount\nTrain out,89.90\nTrain back,94.60\n",
            ),
            says("employee", "@manager the receipts are attached."),
        ),
    ),
    DemoRequest(
        "refund",
        "ops",
        "refund",
        "Keyboard that arrived broken, for Lucía Fernández",
        "She has sent pictures and does not want another one.",
        7_999,
    ),
    DemoRequest(
        "holidays",
        "employee",
        "leave",
        "Two weeks in Lisbon",
        "Mina looks after the open designs.",
        in_days=(20, 34),
    ),
)


def unasked_requests() -> list[DemoRequest]:
    """Which of the demo's requests have never been asked: all on the first start, none later."""
    asked = set(ApprovalRequest.objects.values_list("idempotency_key", flat=True))
    return [demo for demo in REQUESTS if f"{demo.requester}:{_key(demo)}" not in asked]


def ask_demo_requests() -> None:
    """Ask them, and do what has happened with each so far. Needs Temporal and a worker.

    What is refused – an administrator changed the people or the policies meanwhile – stays as far as it came.
    """
    for demo in unasked_requests():
        try:
            _tell(demo)
        except Unavailable:
            raise
        except ApprovalProblem as problem:
            log.warning("demo_request_refused", demo=demo.name, problem=problem.detail)


def _tell(demo: DemoRequest) -> None:
    today = timezone.now().date()
    starts_on, ends_on = [str(today + days * DAY) for days in demo.in_days or ()] or ("", "")
    view = gateway.submit_request(
        user=_user(demo.requester),
        door=Door.WEB,
        kind=demo.kind,
        title=demo.title,
        description=demo.description,
        amount_cents=demo.amount_cents,
        starts_on=starts_on,
        ends_on=ends_on,
        key=_key(demo),
    )
    for number, step in enumerate(demo.steps, start=1):
        view = step(view, f"{_key(demo)}-{number}")


def _key(demo: DemoRequest) -> str:
    return f"demo-{demo.name}"


def _user(username: str) -> User:
    return User.objects.get(username=username)
