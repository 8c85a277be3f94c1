"""Quiet hours as two fields of a form, ``quiet_from`` and ``quiet_to``: both or none."""

from collections.abc import Mapping
from typing import Any

from django import forms

from campaigns.contract import QuietHours


def clock_field(label: str, help_text: str = "", *, show_hidden_initial: bool = False) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        required=False,
        show_hidden_initial=show_hidden_initial,
        input_formats=["%H:%M", "%H:%M:%S"],
        help_text=help_text,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": "Write it like 21:30."},
    )


def check_quiet_times(form: forms.Form) -> None:
    """Puts what is wrong with them together beside the field. Call it in ``clean``."""
    if {"quiet_from", "quiet_to"} & set(form.errors):
        return
    begins, ends = form.cleaned_data.get("quiet_from"), form.cleaned_data.get("quiet_to")
    if (begins is None) != (ends is None):
        form.add_error("quiet_to" if ends is None else "quiet_from", "Quiet hours have a beginning and an end.")
    elif begins is not None and begins == ends:
        form.add_error("quiet_to", "Quiet hours must not last all day.")


def quiet_of(cleaned: Mapping[str, Any]) -> QuietHours | None:
    """Of fields that were checked."""
    begins, ends = cleaned.get("quiet_from"), cleaned.get("quiet_to")
    return QuietHours(f"{begins:%H:%M}", f"{ends:%H:%M}") if begins is not None and ends is not None else None
