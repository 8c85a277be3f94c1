"""When the next message may begin: evenly, so many a minute."""

from datetime import datetime, timedelta

from django.utils import timezone

CATCHES_UP = 0.1
"""Seconds by which a late message does not delay those behind it: what a busy machine loses between two of them."""


class Pace:
    """Turns, one after the other. ``next`` is the moment of the next one; who is refused gives the turn back."""

    def __init__(self, per_minute: int, begins_at: datetime | None) -> None:
        self._gap = timedelta(seconds=60 / per_minute)
        self._first = begins_at or timezone.now()
        self.next = self._first

    @property
    def wait(self) -> float:
        """Seconds until the next turn; 0 when it is there."""
        return max(0.0, (self.next - timezone.now()).total_seconds())

    def take(self) -> None:
        late_by = timezone.now() - self.next
        start = self.next + max(timedelta(0), late_by - timedelta(seconds=CATCHES_UP))
        self.next = start + self._gap

    def give_back(self) -> None:
        self.next = max(self._first, self.next - self._gap)
