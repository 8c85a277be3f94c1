"""Fields of the admin's forms that answer nonsense with words."""

from typing import Any, ClassVar

from django import forms
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Field, ManyToManyField
from django.http import HttpRequest


class SeveralField(forms.ModelMultipleChoiceField):
    """Django asks SQLite for a key of any size, which answers with an OverflowError."""

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except OverflowError:
            raise ValidationError(self.error_messages["invalid_choice"], "invalid_choice", {"value": "…"}) from None


class TwoBoxes(FilteredSelectMultiple):
    """Django's, whose filters screen readers can name."""

    class Media:
        js = ("admin/js/SelectFilter2.js", "js/admin_several.js")


class WithHelp:
    """What a field is for, where its model does not say it: words of the page, which no migration has to know."""

    help_texts: ClassVar[dict[str, str]] = {}

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        if words := self.help_texts.get(db_field.name):
            kwargs["help_text"] = words
        return super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]


class WithSeveralField:
    """For the classes of forms and of inline forms in the admin. Roles are so few that all of them are seen at once."""

    filter_horizontal: ClassVar[Any]

    def formfield_for_manytomany(self, db_field: ManyToManyField, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault("form_class", SeveralField)
        if db_field.related_model is Group:
            kwargs.setdefault("widget", forms.CheckboxSelectMultiple())
        elif db_field.name in self.filter_horizontal:
            kwargs.setdefault("widget", TwoBoxes(db_field.verbose_name, is_stacked=False))
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]
