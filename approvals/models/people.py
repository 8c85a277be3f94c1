"""Who reports to whom, and who is away."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from approvals.contract import MAX_CHAIN, Cover, RequestKind


class Employee(models.Model):
    """What approvals know of a user beside the log-in."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="employee")
    manager = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="reports"
    )
    department = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["user__username"]
        constraints = [
            models.CheckConstraint(
                condition=Q(manager__isnull=True) | ~Q(manager=F("user")), name="nobody_is_their_own_manager"
            )
        ]

    def __str__(self) -> str:
        return self.user.get_full_name() or self.user.get_username()

    def clean(self) -> None:
        if self.manager_id is not None and self.manager_id == self.user_id:
            raise ValidationError({"manager": "Nobody is their own manager."})


class Absence(models.Model):
    """Out of office: ``delegate`` decides for ``person`` from ``starts_at`` until ``until``, in open requests too.

    Each open request is told by an update (``revision`` makes its id); ``settled_at`` says when all have been.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="absences")
    delegate = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="covers")
    starts_at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True)
    kind = models.CharField(
        "only for",
        max_length=40,
        blank=True,
        choices=[(kind.value, kind.value.capitalize()) for kind in RequestKind],
        help_text="Left empty, it is for requests of every kind.",
    )
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Set when it ended before its time.")
    revision = models.PositiveIntegerField(default=1, editable=False)
    settled_revision = models.PositiveIntegerField(default=0, editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-starts_at"]
        indexes = [models.Index(fields=["person", "until"]), models.Index(fields=["delegate", "until"])]

    def __str__(self) -> str:
        return f"{self.delegate} for {self.person}, {self.starts_at:%Y-%m-%d} to {self.until:%Y-%m-%d}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding and "update_fields" not in kwargs:
            self.revision += 1
        super().save(*args, **kwargs)

    @property
    def cover_id(self) -> str:
        return f"out-of-office:{self.pk}"

    def to_cover(self) -> Cover:
        return Cover(
            cover_id=self.cover_id,
            principal=self.person.get_username(),
            delegate=self.delegate.get_username(),
            starts_at=self.starts_at,
            until=self.until,
            reason=self.reason,
        )

    def clean(self) -> None:
        """Refuses the senseless, circles, and chains longer than three.

        Raises:
            ValidationError: naming the field
        """
        if self.person_id is None or self.delegate_id is None or self.until is None or self.starts_at is None:
            return  # the fields themselves say so already
        if self.person_id == self.delegate_id:
            raise ValidationError({"delegate": "Somebody else has to decide while you are away."})
        if self.until <= self.starts_at:
            raise ValidationError({"until": "It has to end after it starts."})
        if not self.delegate.is_active:
            raise ValidationError({"delegate": "This person's account is closed."})
        if problem := self._chain_problem():
            raise ValidationError({"delegate": problem})

    def _chain_problem(self) -> str:
        """Why this hand-over cannot stand beside those of the same days."""
        others = Absence.objects.filter(ended_at=None, starts_at__lt=self.until, until__gt=self.starts_at).exclude(
            pk=self.pk
        )
        hand_overs: dict[int, set[int]] = {}
        for person, delegate in others.values_list("person_id", "delegate_id"):
            hand_overs.setdefault(person, set()).add(delegate)
        if _reaches(hand_overs, self.delegate_id, self.person_id):
            return "This would be a circle: in these days you decide for them already, or for somebody who does."
        hand_overs.setdefault(self.person_id, set()).add(self.delegate_id)
        before = _longest(_reversed(hand_overs), self.person_id)
        after = _longest(hand_overs, self.person_id)
        if before + after > MAX_CHAIN:
            return f"Decisions would be handed over more than {MAX_CHAIN} times in a row."
        return ""

    def end(self) -> None:
        """Back before its time: it ends now, and the open requests are told."""
        if self.ended_at is None:
            self.ended_at = timezone.now()
            self.revision += 1
            self.save(update_fields=["ended_at", "revision", "changed_at"])


def _reversed(hand_overs: dict[int, set[int]]) -> dict[int, set[int]]:
    back: dict[int, set[int]] = {}
    for person, delegates in hand_overs.items():
        for delegate in delegates:
            back.setdefault(delegate, set()).add(person)
    return back


def _reaches(hand_overs: dict[int, set[int]], start: int, goal: int) -> bool:
    seen, ahead = set(), [start]
    while ahead:
        person = ahead.pop()
        if person == goal:
            return True
        if person not in seen:
            seen.add(person)
            ahead.extend(hand_overs.get(person, ()))
    return False


def _longest(hand_overs: dict[int, set[int]], start: int) -> int:
    """The longest way from one person on; there are no circles."""
    return max((1 + _longest(hand_overs, to) for to in hand_overs.get(start, ())), default=0)
