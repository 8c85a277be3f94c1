"""A history that says what was changed, from what, to what."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest


class HistoryAdmin(admin.ModelAdmin):
    """Django's own history, with the values beside the names of the fields."""

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        if add or not form.changed_data:
            return super().construct_change_message(request, form, formsets, add)
        return differences(form)


def differences(form: forms.ModelForm) -> str:
    """What a form changes, as history keeps it: ``messages a day, at most: 3 → 2``."""
    words = []
    for name in form.changed_data:
        field = form.fields[name]
        label = str(field.label or name)
        before, after = _text(form.initial.get(name), field), _text(form.cleaned_data.get(name), field)
        words.append(f"{label}: {before} → {after}")
    return "; ".join(words)


def _text(value: Any, field: forms.Field) -> str:
    if value is None or value == "" or value == {}:
        return "nothing"
    if isinstance(field, forms.ModelChoiceField) and not isinstance(value, Model):
        value = field.queryset.filter(pk=value).first() if field.queryset is not None else value
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:%H:%M}" if hasattr(value, "hour") else str(value)
    return text if len(text) <= 80 else f"{text[:77]}… ({len(text):,} characters)"
