"""How a campaign went on, for its charts."""

from django.db import models

from campaigns.contract import RecipientState
from campaigns.models.campaigns import Campaign


class ProgressSample(models.Model):
    """Where a campaign's recipients stood at a moment. :mod:`campaigns.samples` writes it with the campaign's row.

    ``slot`` is the beginning of the stretch of time that has this one sample; ``at`` is when it was taken.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="samples")
    slot = models.DateTimeField()
    at = models.DateTimeField()
    sent = models.PositiveIntegerField(default=0)
    deferred = models.PositiveIntegerField(default=0)
    denied = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)
    pending = models.PositiveIntegerField(default=0)
    rate_per_minute = models.PositiveIntegerField(default=0)
    paused = models.BooleanField(default=False)

    class Meta:
        ordering = ["slot"]
        constraints = [models.UniqueConstraint(fields=["campaign", "slot"], name="one_sample_per_slot")]

    def __str__(self) -> str:
        return f"{self.campaign_id} at {self.at:%Y-%m-%d %H:%M:%S}"

    @property
    def counts(self) -> dict[str, int]:
        return {state.value: getattr(self, state.value) for state in RecipientState}

    @property
    def messages(self) -> int:
        """How many messages had begun."""
        return self.sent + self.failed + self.unknown
