"""Fields of the admin's forms that answer nonsense with words."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import ManyToManyField
from django.http import HttpRequest


class SeveralField(forms.ModelMultipleChoiceField):
    """Django asks SQLite for a key of any size, which answers with an OverflowError."""

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except OverflowError:
            raise ValidationError(self.error_messages["invalid_choice"], "invalid_choice", {"value": "…"}) from None


class WithSeveralField:
    """For the classes of forms and of inline forms in the admin."""

    def formfield_for_manytomany(self, db_field: ManyToManyField, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault("form_class", SeveralField)
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]
