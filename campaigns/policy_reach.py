"""For whom a cap policy decides, as a query: as :mod:`campaigns.policies` finds it for each person.

Of the policies as they would be when one of them was changed, or some were gone: nothing is saved for the question.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model, Q, QuerySet, Subquery

from campaigns.models import CapPolicy, Contact

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class After:
    """The policies with the one that is ``changed`` as it is here, and without those that are ``gone``.

    ``of`` narrows the question to the people whom these, as they are now, let go to others.
    """

    changed: CapPolicy | None = None
    gone: Sequence[CapPolicy] = ()
    of: Sequence[CapPolicy] = ()

    def people_of(self, policy: CapPolicy, rows: QuerySet[M]) -> QuerySet[M] | None:
        """Those of ``rows``, by their ``user_id``, that are of people for whom the policy decides; None: it is for nobody."""
        rows = rows.exclude(
            user_id__in=Subquery(Contact.objects.filter(own_cap__isnull=False).order_by().values("user_id"))
        )
        found = self._under(policy, rows)
        return found.filter(self._was_held_by(policy)) if found is not None and self.of else found

    def others(self) -> list[CapPolicy]:
        """All that are for somebody and stay as they are."""
        return list(self._stay().exclude(is_default=False, segment=None, user_id="").select_related("segment"))

    def lets_go_of(self, before: CapPolicy) -> bool:
        """Whether some of the people of the changed policy, as it was, may come under another one."""
        assert self.changed is not None
        is_moved = any(getattr(before, name) != getattr(self.changed, name) for name in ("is_default", "user_id"))
        return is_moved or before.segment != self.changed.segment or before.priority < self.changed.priority

    def _was_held_by(self, policy: CapPolicy) -> Q:
        """Whom one of ``of`` keeps from this policy as long as it is there: whoever is of both, and comes under this one
        after that, came under one of those."""
        held = Q(user_id__in=[one.user_id for one in self.of if one.user_id])
        for one in self.of:
            if one.segment is not None and (policy.segment is None or _rank(one) < _rank(policy)):
                held |= Q(user_id__in=_members(one))
        return held

    def _under(self, policy: CapPolicy, rows: QuerySet[M]) -> QuerySet[M] | None:
        if policy.user_id:
            return rows.filter(user_id=policy.user_id)
        if policy.segment is None and not policy.is_default:
            return None
        rows = rows.exclude(user_id__in=Subquery(self._stay().exclude(user_id="").values("user_id")))
        if self.changed is not None and self.changed.user_id:
            rows = rows.exclude(user_id=self.changed.user_id)
        if policy.segment is not None:
            rows = rows.filter(user_id__in=_members(policy))
        for other in self._before(policy):
            rows = rows.exclude(user_id__in=_members(other))
        return rows

    def _before(self, policy: CapPolicy) -> list[CapPolicy]:
        """Policies of segments that decide before this one: all of them before the one for everybody."""
        found = list(self._stay().exclude(segment=None).select_related("segment"))
        if self.changed is not None and self.changed.segment is not None:
            found.append(self.changed)
        others = [other for other in found if other is not policy and (other.pk is None or other.pk != policy.pk)]
        return others if policy.segment is None else [other for other in others if _rank(other) < _rank(policy)]

    def _stay(self) -> QuerySet[CapPolicy]:
        changed = [] if self.changed is None or self.changed.pk is None else [self.changed]
        return CapPolicy.objects.order_by().exclude(pk__in=[one.pk for one in (*changed, *self.gone)])


def _rank(policy: CapPolicy) -> tuple[int, float]:
    """The lowest decides; of two alike the older one, and a new one is the youngest."""
    return policy.priority, policy.pk or float("inf")


def _members(policy: CapPolicy) -> Subquery:
    assert policy.segment is not None
    return Subquery(policy.segment.contacts(Contact.objects.order_by()).values("user_id"))
