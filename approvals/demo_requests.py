"""The demo's requests, and what has happened with each so far. They need Temporal and a worker, and are asked once."""

from dataclasses import dataclass

from django.utils import timezone

from approvals import gateway
from approvals.contract import Door
from approvals.demo_steps import (
    DAY,
    Rules,
    Step,
    asks_again,
    attaches,
    decides,
    escalates_soon,
    expires_soon,
    hands_over,
    says,
    user_called,
    wants_changes,
    withdraws,
)
from approvals.models import ApprovalRequest
from dashboard.demo_telling import tell, untold


@dataclass(frozen=True)
class DemoRequest:
    """One request and what has happened with it so far. ``in_days`` is when a leave or a journey begins and ends.

    What time has done to it is done in seconds, by ``rules`` of its own.
    """

    name: str
    requester: str
    kind: str
    title: str
    description: str
    amount_cents: int | None = None
    in_days: tuple[int, int] | None = None
    steps: tuple[Step, ...] = ()
    rules: Rules | None = None


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
    DemoRequest(
        "chairs",
        "ops",
        "purchase",
        "Chairs for the packing tables",
        "Six, height-adjustable. Offers from two shops are attached to the old request.",
        210_000,
        steps=(wants_changes("manager", "Three are enough to begin with. Which of the two offers?"),),
    ),
    DemoRequest(
        "course",
        "employee",
        "expense",
        "Evening course in letterpress",
        "Ten evenings; the workshop is round the corner.",
        32_000,
        steps=(withdraws("The course is full; I ask again in spring."),),
    ),
    DemoRequest(
        "fair",
        "marketer",
        "expense",
        "Ticket for the book fair",
        "One day. The early price ends tonight.",
        4_800,
        rules=expires_soon,
    ),
    DemoRequest(
        "cold-room",
        "ops",
        "purchase",
        "Repair of the cold room",
        "The compressor stops twice a night; the firm can come tomorrow.",
        186_000,
        rules=escalates_soon,
    ),
)


def unasked_requests() -> list[DemoRequest]:
    """Which of the demo's requests have never been asked: all on the first start, none later."""
    return untold(REQUESTS, lambda demo: f"{demo.requester}:{_key(demo)}", ApprovalRequest.objects.all())


def ask_demo_requests() -> None:
    """Ask them, and do what has happened with each so far. Needs Temporal and a worker."""
    tell(unasked_requests(), _begin)


def _begin(demo: DemoRequest) -> None:
    today = timezone.now().date()
    starts_on, ends_on = [str(today + days * DAY) for days in demo.in_days or ()] or ("", "")
    view = gateway.submit_request(
        user=user_called(demo.requester),
        door=Door.WEB,
        kind=demo.kind,
        title=demo.title,
        description=demo.description,
        amount_cents=demo.amount_cents,
        starts_on=starts_on,
        ends_on=ends_on,
        key=_key(demo),
        rules=demo.rules,
    )
    for number, step in enumerate(demo.steps, start=1):
        view = step(view, f"{_key(demo)}-{number}")


def _key(demo: DemoRequest) -> str:
    return f"demo-{demo.name}"
