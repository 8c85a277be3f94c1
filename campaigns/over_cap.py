"""Who would be over a cap: people who have had more messages in the last 24 hours than a policy would allow, and people to
whom the next one would have to wait because of the last one.

Each question is one query, for which the send log's index by time is read: it costs what was sent in a day – or in the gap –,
however large the log is, and of a span with very many messages it reads the newest. Whose policy is whose is
:mod:`campaigns.policy_reach`; whoever has a cap of their own is reached by none.

Measured on PostgreSQL with a million rows, 332,000 of them of the last day, 250,000 contacts and a policy for a quarter of
them, on two cores that others were using too: 1.0 s for the caps, 0.3 to 1.0 s for a gap of six hours to a month, 0.4 s for
the quiet hours, 5 s at most for a change by which people come under another policy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Aggregate, Count, F, Q, QuerySet
from django.utils import timezone

from campaigns.actor.zones import quiet_until
from campaigns.contract import QuietHours, WindowKind
from campaigns.models import CapPolicy, Contact, SendLog
from campaigns.models.words import COUNTED
from campaigns.policy_reach import After

WINDOW = timedelta(hours=24)
MESSAGES = 300_000
"""Messages that are looked at, the newest. It bounds the time; with more in a day, the answer is "at least"."""
MOST = 100_000
"""People that are counted one by one; whoever is behind them makes it "more than"."""

NOT_COUNTED = (
    "Not counted: who has a cap of their own, whom no policy reaches; what people wish themselves – gaps, quiet hours, pauses, "
    "opt-outs –, which holds beside every policy; the gap and the quiet hours of a policy that takes people over; and what is "
    "being asked for at this moment."
)


@dataclass(frozen=True)
class OverCap:
    """``people`` are ``(user_id, messages)``, the most messages first. ``is_more``: there are, or may be, more than these.

    ``is_at_most``: a calendar day is shorter than the 24 hours that were looked at, so that some may be below it.
    """

    people: list[tuple[str, int]] = field(default_factory=list)
    is_more: bool = False
    is_at_most: bool = False

    def __bool__(self) -> bool:
        return bool(self.people)

    @property
    def words(self) -> str:
        """As in "1,204 people"."""
        some = "at least " if self.is_more else "at most " if self.is_at_most else ""
        return f"{some}{people_words(len(self.people))}"

    def __add__(self, other: "OverCap") -> "OverCap":
        """Of two policies: nobody is under both."""
        people = sorted([*self.people, *other.people], key=lambda one: (-one[1], one[0]))
        is_more = self.is_more or other.is_more or len(people) > MOST
        return OverCap(people[:MOST], is_more, self.is_at_most or other.is_at_most)


def people_words(number: int) -> str:
    return f"{number:,} {'person' if number == 1 else 'people'}"


@dataclass(frozen=True)
class Waiting:
    """How many people have had a message less than ``hours`` ago, so that the next one would wait for the gap."""

    number: int = 0
    hours: float = 0
    is_more: bool = False

    @property
    def words(self) -> str:
        return f"{'at least ' if self.is_more else ''}{people_words(self.number)}"


def who_is_over(policy: CapPolicy, now: datetime | None = None, after: After | None = None) -> OverCap:
    """For a policy as it is or as it would be, saved or not."""
    now = now or timezone.now()
    since, is_all = _since(now, WINDOW)
    rows = over_query(policy, since, now, after)
    if rows is None:
        return OverCap()
    people = [(row["user_id"], row["total"]) for row in rows[: MOST + 1]]
    return OverCap(people[:MOST], len(people) > MOST or not is_all, policy.window == WindowKind.CALENDAR)


def who_would_wait(policy: CapPolicy, now: datetime | None = None, after: After | None = None) -> Waiting:
    """For the hours that must lie between two messages."""
    hours = policy.min_hours_between
    if not hours:
        return Waiting()
    now = now or timezone.now()
    since, is_all = _since(now, timedelta(hours=hours))
    sends = _counted(policy, since, now, after or After(policy))
    number = 0 if sends is None else sends.aggregate(number=Count("user_id", distinct=True))["number"]
    return Waiting(number, hours, not is_all)


def for_whom_it_is_quiet(policy: CapPolicy, now: datetime | None = None, after: After | None = None) -> tuple[int, int]:
    """For how many people the policy's quiet hours would hold a message at this moment, and of how many."""
    contacts = (after or After(policy)).people_of(policy, Contact.objects.filter(erased_at=None))
    if contacts is None or policy.quiet_from is None or policy.quiet_to is None:
        return 0, 0
    now, quiet = now or timezone.now(), QuietHours(f"{policy.quiet_from:%H:%M}", f"{policy.quiet_to:%H:%M}")
    by_zone = dict(contacts.order_by().values_list("time_zone").annotate(number=Count("pk")))
    held = [zone for zone in by_zone if quiet_until(now, quiet, ZoneInfo(zone or policy.time_zone)) is not None]
    return sum(by_zone[zone] for zone in held), sum(by_zone.values())


def would_change(changed: CapPolicy, before: CapPolicy | None = None) -> tuple[OverCap, Waiting]:
    """What the change of one policy leads to: for its own people, and for those who come under another one by it.

    ``before`` is the policy as it is now; None of a new one.
    """
    after, now = After(changed), timezone.now()
    over, waiting = who_is_over(changed, now, after), who_would_wait(changed, now, after)
    if before is not None and after.lets_go_of(before):
        over += _who_is_over_others(replace(after, of=[before]), now)
    return over, waiting


def who_would_be_over_without(gone: Sequence[CapPolicy]) -> OverCap:
    """Who is over the policies that take these policies' people over when they are deleted, all of them at once."""
    return _who_is_over_others(After(gone=gone, of=gone), timezone.now())


def _who_is_over_others(after: After, now: datetime) -> OverCap:
    found = OverCap()
    for other in after.others():
        found += who_is_over(other, now, after)
    return found


def _since(now: datetime, span: timedelta) -> tuple[datetime, bool]:
    """From when on messages are looked at, and whether these are all of the span."""
    of_the_span = SendLog.objects.filter(at__gt=now - span, at__lte=now).order_by("-at")
    first = of_the_span.values_list("at", flat=True)[MESSAGES : MESSAGES + 1]
    return next(((at, False) for at in first), (now - span, True))


def over_query(
    policy: CapPolicy, since: datetime, now: datetime, after: After | None = None
) -> QuerySet[SendLog, Any] | None:
    """The query behind it; None when the policy has no cap, or is for nobody."""
    rules = list(_rules(policy))
    sends = _counted(policy, since, now, after or After(policy)) if rules else None
    if sends is None:
        return None
    counted: dict[str, Aggregate] = {"total": Count("pk")}
    over = Q()
    for number, (name, value, most) in enumerate(rules):
        alias = f"of_rule_{number}"
        counted[alias] = Count("pk", filter=Q(**{name: value})) if name else Count("pk")
        over |= Q(**{f"{alias}__gt": most})
    return sends.values("user_id").annotate(**counted).filter(over).order_by(F("total").desc(), "user_id")


def _rules(policy: CapPolicy) -> Iterator[tuple[str, str, int]]:
    """Of what, and how many at most."""
    if policy.max_per_day is not None:
        yield "", "", policy.max_per_day
    for name, caps in (("channel", policy.per_channel), ("category", policy.per_category)):
        yield from ((name, value, most) for value, most in sorted(caps.items()) if most is not None)


def _counted(policy: CapPolicy, since: datetime, now: datetime, after: After) -> QuerySet[SendLog] | None:
    """Messages that use the policy up, to those for whom it decides."""
    sends = after.people_of(policy, SendLog.objects.filter(at__gt=since, at__lte=now))
    if sends is None:
        return None
    sends = sends.filter(outcome__in=COUNTED, is_test=False).order_by()
    return sends if policy.count_transactional else sends.filter(transactional=False)
