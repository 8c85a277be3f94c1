"""Saved filters on contacts."""

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet

from campaigns.segments import check_filters, filtered
from temporal_worker.contract import InvalidField

if TYPE_CHECKING:
    from campaigns.models.contacts import Contact


class Segment(models.Model):
    """Contacts that fit ``filters`` (see :mod:`campaigns.segments`). ``name`` is what an audience calls it by."""

    name = models.CharField(max_length=100, unique=True)
    description = models.CharField(max_length=300, blank=True)
    filters = models.JSONField(default=dict, help_text='{"match": "all", "filters": [{"field", "op", "value"}]}')
    created_by = models.CharField(max_length=150, blank=True, editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        try:
            check_filters(self.filters)
        except InvalidField as error:
            raise ValidationError({"filters": f"{error.field} {error.problem}"}) from None

    def contacts(self, among: "QuerySet[Contact]") -> "QuerySet[Contact]":
        """Those of ``among`` that are in it."""
        return filtered(among, self.filters)
