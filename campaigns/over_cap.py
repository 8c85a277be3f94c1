"""Who would be over a cap: people who have had more messages in the last 24 hours than a policy would allow.

One query, for which the send log's index by time is read: it costs what was sent in a day, however large the log is, and
of a day with very many messages it reads the newest. (Measured on SQLite: 0.2 s for 20,000 messages of a day behind a
million older ones.)
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Aggregate, Count, F, Q, QuerySet, Subquery
from django.utils import timezone

from campaigns.contract import WindowKind
from campaigns.models import CapPolicy, Contact, SendLog
from campaigns.models.words import COUNTED

WINDOW = timedelta(hours=24)
MESSAGES = 300_000
"""Messages that are looked at, the newest. It bounds the time; with more in a day, the answer is "at least"."""
MOST = 100_000
"""People that are counted one by one; whoever is behind them makes it "more than"."""


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
        number = len(self.people)
        some = "at least " if self.is_more else "at most " if self.is_at_most else ""
        return f"{some}{number:,} {'person' if number == 1 else 'people'}"


def who_is_over(policy: CapPolicy, now: datetime | None = None) -> OverCap:
    """For a policy as it is or as it would be, saved or not."""
    now = now or timezone.now()
    since, is_all = _since(now)
    rows = over_query(policy, since, now)
    if rows is None:
        return OverCap()
    people = [(row["user_id"], row["total"]) for row in rows[: MOST + 1]]
    return OverCap(people[:MOST], len(people) > MOST or not is_all, policy.window == WindowKind.CALENDAR)


def _since(now: datetime) -> tuple[datetime, bool]:
    """From when on messages are looked at, and whether these are the whole day's."""
    of_the_day = SendLog.objects.filter(at__gt=now - WINDOW, at__lte=now).order_by("-at")
    first = of_the_day.values_list("at", flat=True)[MESSAGES : MESSAGES + 1]
    return next(((at, False) for at in first), (now - WINDOW, True))


def over_query(policy: CapPolicy, since: datetime, now: datetime) -> QuerySet[SendLog, Any] | None:
    """The query behind it; None when the policy has no cap, or is for nobody."""
    rules = [("", "", policy.max_per_day)]
    rules += [("channel", name, most) for name, most in sorted(policy.per_channel.items())]
    rules += [("category", name, most) for name, most in sorted(policy.per_category.items())]
    rules = [rule for rule in rules if rule[2] is not None]
    sends = _of_its_people(policy, SendLog.objects.filter(at__gt=since, at__lte=now))
    if not rules or sends is None:
        return None
    sends = sends.filter(outcome__in=COUNTED, is_test=False).order_by()
    if not policy.count_transactional:
        sends = sends.filter(transactional=False)
    counted: dict[str, Aggregate] = {"total": Count("pk")}
    over = Q()
    for number, (name, value, most) in enumerate(rules):
        alias = f"of_rule_{number}"
        counted[alias] = Count("pk", filter=Q(**{name: value})) if name else Count("pk")
        over |= Q(**{f"{alias}__gt": most})
    return sends.values("user_id").annotate(**counted).filter(over).order_by(F("total").desc(), "user_id")


def _of_its_people(policy: CapPolicy, sends: QuerySet[SendLog]) -> QuerySet[SendLog] | None:
    """Messages to those for whom this policy decides: as :mod:`campaigns.policies` finds it for each of them."""
    others = CapPolicy.objects.exclude(pk=policy.pk).order_by()
    if policy.user_id:
        return sends.filter(user_id=policy.user_id)
    if policy.segment is None and not policy.is_default:
        return None
    sends = sends.exclude(user_id__in=Subquery(others.exclude(user_id="").values("user_id")))
    before = others.exclude(segment=None)
    if policy.segment is not None:
        members = policy.segment.contacts(Contact.objects.order_by())
        sends = sends.filter(user_id__in=Subquery(members.values("user_id")))
        is_before = Q(priority__lt=policy.priority)
        before = before.filter(is_before | Q(priority=policy.priority, pk__lt=policy.pk) if policy.pk else is_before)
    for other in before.select_related("segment"):
        if other.segment is not None:
            members = other.segment.contacts(Contact.objects.order_by())
            sends = sends.exclude(user_id__in=Subquery(members.values("user_id")))
    return sends
