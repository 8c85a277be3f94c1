"""Fields of the approvals' forms: amounts, moments in a zone, people, words."""

import zoneinfo
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.contrib.auth.models import User

from approvals.contract import MAX_CENTS, MAX_COMMENT
from approvals.gateway.rights import TAKE_PART
from dashboard.auth import BACKEND
from dashboard.keyed_forms import KeyedForm


def people_choices(*without: str) -> list[tuple[str, str]]:
    """Everybody who takes part in approvals, by name."""
    people = User.objects.with_perm(TAKE_PART, backend=BACKEND).filter(is_active=True).exclude(username__in=without)
    named = [
        (user.username, user.get_full_name() or user.username) for user in people.order_by("first_name", "username")
    ]
    return [("", "Choose somebody"), *named]


def words_field(
    label: str, *, required: bool, most: int = MAX_COMMENT, help_text: str = "", rows: int = 3
) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=most, required=required, help_text=help_text, widget=widget)


class MoneyField(forms.CharField):
    """An amount as people write it, ``1,250.00``; its value is in cents, None when it is left empty."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "input input--num"})

    def clean(self, value: Any) -> int | None:
        typed = super().clean(value).replace(",", "").replace(" ", "").replace("\u00a0", "").lstrip("$")
        if not typed:
            return None
        try:
            cents = Decimal(typed) * 100
        except InvalidOperation:
            raise forms.ValidationError("This is not an amount. Write it like 1,250.00.") from None
        if not cents.is_finite() or cents != cents.to_integral_value() or not 1 <= cents <= MAX_CENTS:
            raise forms.ValidationError("An amount has two decimals at most and is more than nothing.")
        return int(cents)


class LocalDateTimeField(forms.DateTimeField):
    """A moment in the zone of the form's ``zone`` field, which the browser fills in; UTC without scripts."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class ZonedForm(KeyedForm):
    zone = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput(attrs={"data-zone-field": ""}))

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        zone = _zone(cleaned.get("zone", ""))
        for name, field in self.fields.items():
            at = cleaned.get(name)
            if isinstance(field, LocalDateTimeField) and isinstance(at, datetime):
                cleaned[name] = at.replace(tzinfo=zone)
        return cleaned


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")
