"""The policy editor's checks beyond single fields, and the form that asks who would decide."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from approvals.contract import MAX_CENTS, AtExpiry, LevelRule, RequestKind
from approvals.models.policies import WhenNobodyElse
from approvals.policies import manager_of


class LevelFormSet(forms.BaseInlineFormSet):
    """Refuses levels that could never be decided: a request under them would be stuck, or never be taken."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        levels = [form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        if not levels:
            raise ValidationError("A policy has at least one level.")
        sole: dict[str, str] = {}
        for form in levels:
            people = _people(form.cleaned_data)
            _check_people(form, people)
            _check_numbers(form, people)
            _check_escalation(form)
            if len(people) == 1 and not form.cleaned_data["requesters_manager"]:
                self._check_sole(form, people[0], sole)
                sole[people[0].username] = form.cleaned_data["name"]

    def _check_sole(self, form: forms.ModelForm, person: User, sole: dict[str, str]) -> None:
        """One person alone decides this level: what when they ask themselves, or decide another one already?"""
        if self.instance.distinct_levels and person.username in sole:
            form.add_error(
                "users",
                f"{_name(person)} alone would have to decide “{sole[person.username]}” as well, and one person decides "
                "one level only.",
            )
        if self.instance.when_nobody_else == WhenNobodyElse.REFUSE and manager_of(person) is None:
            form.add_error(
                "users",
                f"Only {_name(person)} could decide, who cannot decide a request of their own and has no manager to do "
                "it. Name somebody else as well, or let the level be left out then.",
            )


def _people(level: dict[str, Any]) -> list[User]:
    """Everybody with an open account who is named, by name or by group."""
    found = {user.pk: user for user in level["users"] if user.is_active}
    for group in level["groups"]:
        found.update({user.pk: user for user in group.user_set.filter(is_active=True)})
    return list(found.values())


def _check_people(form: forms.ModelForm, people: list[User]) -> None:
    level = form.cleaned_data
    if not people and not level["requesters_manager"]:
        named = level["users"] or level["groups"]
        form.add_error("users", "None of them has an open account." if named else "Who decides this level?")


def _check_numbers(form: forms.ModelForm, people: list[User]) -> None:
    level = form.cleaned_data
    most = len(people) + level["requesters_manager"]
    if level["rule"] == LevelRule.N_OF_M and level["needed"] > most:
        form.add_error("needed", f"Only {most} people could approve.")
    if most and level["rejections"] > most:
        form.add_error("rejections", f"Only {most} people could reject.")


def _check_escalation(form: forms.ModelForm) -> None:
    level = form.cleaned_data
    escalates = level["escalate_after"] or level["at_expiry"] == AtExpiry.ESCALATE
    if escalates and not level["escalate_to"] and not level["escalate_to_managers"]:
        form.add_error("escalate_to", "To whom? Name somebody, or choose the approvers' managers.")
    for name in ("escalate_after", "reminder_every"):
        if level[name] is not None and level[name].total_seconds() < 1:
            form.add_error(name, "Must be one second at least.")


def _name(person: User) -> str:
    return person.get_full_name() or person.username


class WhoWouldApproveForm(forms.Form):
    requester = forms.ModelChoiceField(User.objects.filter(is_active=True).order_by("username"))
    kind = forms.ChoiceField(choices=[(kind.value, kind.value.capitalize()) for kind in RequestKind])
    amount_cents = forms.IntegerField(
        required=False, min_value=1, max_value=MAX_CENTS, help_text="In cents; empty for a request without an amount."
    )
    currency = forms.RegexField(r"^[A-Z]{3}$", initial="USD")
