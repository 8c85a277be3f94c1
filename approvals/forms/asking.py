"""Asking for approval, and asking again: what a request is about."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile

from approvals import gateway
from approvals.contract import MAX_DESCRIPTION, MAX_TITLE, ApprovalView, Door
from approvals.forms.fields import MoneyField
from approvals.presentation import KINDS
from dashboard.keyed_forms import KeyedForm

_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ContentForm(KeyedForm):
    title = forms.CharField(
        label="What do you ask for?",
        max_length=MAX_TITLE,
        error_messages={"required": "Say in a line what you ask for."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    amount = MoneyField(label="Amount in USD", required=False, max_length=30, help_text="Who decides may depend on it.")
    starts_on = forms.DateField(label="From", required=False, widget=_DAY)
    ends_on = forms.DateField(label="Until", required=False, widget=_DAY)
    description = forms.CharField(
        label="Why",
        max_length=MAX_DESCRIPTION,
        required=False,
        help_text="What those who decide should know.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        starts_on, ends_on = cleaned.get("starts_on"), cleaned.get("ends_on")
        if starts_on and ends_on and ends_on < starts_on:
            self.add_error("ends_on", "This is before it starts.")
        return cleaned

    def blame(self, field: str, problem: str) -> None:
        super().blame("amount" if field == "amount_cents" else field, problem)

    def content(self) -> dict[str, Any]:
        asked = self.cleaned_data
        return {
            "title": asked["title"],
            "description": asked["description"],
            "amount_cents": asked["amount"],
            "starts_on": asked["starts_on"].isoformat() if asked["starts_on"] else "",
            "ends_on": asked["ends_on"].isoformat() if asked["ends_on"] else "",
        }


class RequestForm(ContentForm):
    kind = forms.ChoiceField(
        choices=[("", "Choose a kind"), *KINDS.items()],
        error_messages={"required": "Choose a kind: it says who decides.", "invalid_choice": "There is no such kind."},
    )

    def send(self, user: User) -> ApprovalView:
        """Ask. Raises :class:`approvals.gateway.ApprovalProblem`."""
        kind: str = self.cleaned_data["kind"]
        return gateway.submit_request(user=user, door=Door.WEB, kind=kind, key=self.key, **self.content())

    def attach(self, request_id: str, user: User, files: list[UploadedFile]) -> None:
        """The files that came with it, each once. Raises :class:`approvals.gateway.ApprovalProblem`."""
        for number, file in enumerate(files, start=1):
            attach_file(request_id, user, file, f"{self.key}-file-{number}")


def attach_file(request_id: str, user: User, file: UploadedFile, key: str) -> ApprovalView:
    return gateway.attach(
        request_id,
        user=user,
        door=Door.WEB,
        name=file.name or "file",
        content=file.read(),
        content_type=file.content_type or "",
        key=key,
    )
