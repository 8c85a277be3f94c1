"""Being away: who decides for somebody meanwhile."""

from typing import Any

from django import forms
from django.contrib.auth.models import User

from approvals.forms.fields import LocalDateTimeField, ZonedForm, people_choices
from approvals.gateway.rights import TAKE_PART
from approvals.models import Absence
from approvals.presentation import KINDS


class AbsenceForm(ZonedForm):
    delegate = forms.CharField(label="Who decides for you?", max_length=150, widget=forms.Select)
    starts_at = LocalDateTimeField(label="From")
    until = LocalDateTimeField(label="Until")
    kind = forms.ChoiceField(label="For", required=False, choices=[("", "Requests of every kind"), *KINDS.items()])
    reason = forms.CharField(label="Reason, if you like", max_length=300, required=False)

    def __init__(self, data: Any = None, *, person: User) -> None:
        super().__init__(data)
        self.person = person
        widget = self.fields["delegate"].widget
        assert isinstance(widget, forms.Select)
        widget.choices = people_choices(person.username)
        self.absence = Absence()

    def clean(self) -> dict[str, Any] | None:
        """What the model says about it stands beside the field that it is about."""
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        delegate = User.objects.filter(username=cleaned["delegate"], is_active=True).first()
        if delegate is None or not delegate.has_perm(TAKE_PART):
            self.add_error("delegate", "There is nobody of this name who takes part in approvals.")
            return cleaned
        self.absence = Absence(
            person=self.person,
            delegate=delegate,
            starts_at=cleaned["starts_at"],
            until=cleaned["until"],
            kind=cleaned["kind"],
            reason=cleaned["reason"],
        )
        try:
            self.absence.clean()
        except forms.ValidationError as error:
            self.add_error(None, error)
        return cleaned
