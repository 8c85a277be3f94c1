"""A history that says what was changed, from what, to what: for all configuration, with what stands in inline forms.

Django's log entries keep it. A password is never in it, nor anything else that is typed where it is not shown.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst

from dashboard.admin_fields import WithHelp, WithSeveralField
from dashboard.admin_media import OnlyForms

_SECRET = {"password", "usable_password", "digest"}
_MOST = 80
"""Characters of one value; a longer one is shortened, and its length is said."""


class HistoryAdmin(OnlyForms, WithHelp, WithSeveralField, admin.ModelAdmin):
    """Django's own history, with the values beside the names of the fields, and with what was there when it was deleted."""

    help_line = ""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Also what can only be read says what it is for, and why it is not to be changed."""
        form = super().get_form(request, obj, change=change, **kwargs)
        form._meta.help_texts = {**(form._meta.help_texts or {}), **self.help_texts}
        return form

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        words = [*differences(form), *(line for formset in formsets or () for line in _of_formset(formset))]
        if not words:
            return super().construct_change_message(request, form, formsets, add)
        return ("Added: " if add else "") + "; ".join(words)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        # Each on its own: the words are what it was.
        return [_log(request.user, one, DELETION, f"Deleted: {'; '.join(_values(one))}") for one in queryset]

    def why_kept(self, obj: Any) -> list[str]:
        """Why this row cannot be deleted now, in sentences; nothing when it can."""
        return []

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        kept = [*protected, *(reason for one in objs for reason in self.why_kept(one))]
        # The page names the first of the two: why nobody can delete it says more than which right is missing.
        return deleted, counts, set() if kept else lacking, kept


def record_change(user: Any, obj: Model, words: str) -> None:
    """For changes of configuration by another door than the admin's forms."""
    _log(user, obj, CHANGE, words)


def _log(user: Any, obj: Model, flag: int, words: str) -> LogEntry:
    return LogEntry.objects.log_actions(user.pk, [obj], flag, words, single_object=True)


def differences(form: forms.BaseForm) -> list[str]:
    """What a form changes, field by field, as history keeps it: ``Messages a day, at most: 3 → 2``."""
    words = []
    for name in form.changed_data:
        field = form.fields.get(name)
        if field is None or name in _SECRET or isinstance(field.widget, forms.PasswordInput):
            if "Password: changed" not in words:
                words.append("Password: changed")
            continue
        label = capfirst(str(field.label or name.replace("_", " ")))
        before, after = _text(form.initial.get(name), field), _text(form.cleaned_data.get(name), field)
        words.append(f"{label}: {before} → {after}")
    return words


def _of_formset(formset: Any) -> list[str]:
    lines = []
    kind = capfirst(formset.model._meta.verbose_name)
    for form in formset.forms:
        if form in formset.deleted_forms:
            if form.instance.pk is not None or form.initial:
                lines.append(f"{kind} “{form.instance}” deleted: {'; '.join(_values(form.instance))}")
        elif form.has_changed() and (words := differences(form)):
            added = " added" if form in formset.extra_forms else ""
            lines.append(f"{kind} “{form.instance}”{added}: {'; '.join(words)}")
    return lines


def _values(obj: Model) -> Iterable[str]:
    for column in obj._meta.concrete_fields:
        value = getattr(obj, column.name, None)
        if column.name in _SECRET or column.primary_key or value in (None, "", {}, []):
            continue
        yield f"{capfirst(str(column.verbose_name))}: {_short(_words(value))}"


def _text(value: Any, field: forms.Field) -> str:
    if value is None or value == "" or value == {} or value == []:
        return "nothing"
    if isinstance(field, forms.ModelMultipleChoiceField):
        return _short(", ".join(sorted(map(str, value)))) or "nothing"
    if isinstance(field, forms.ModelChoiceField) and not isinstance(value, Model):
        value = field.queryset.filter(pk=value).first() if field.queryset is not None else value
    elif isinstance(field, forms.ChoiceField):
        value = dict(_flat(field.choices)).get(value, value)
    return _short(_words(value))


def _flat(choices: Any) -> Iterable[tuple[Any, Any]]:
    for key, words in choices:
        if isinstance(words, list | tuple):
            yield from words
        else:
            yield key, words


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M %Z}"
    return f"{value:%H:%M}" if hasattr(value, "hour") else str(value)


def _short(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST - 3]}… ({len(text):,} characters)"


def has_history(user: User) -> bool:
    """Whether this person has changed configuration: their entries would be deleted with them."""
    entries: QuerySet[LogEntry] = LogEntry.objects.filter(user=user)
    return entries.exists()
