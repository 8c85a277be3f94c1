"""Taking a person out of reach, letting them be reached again, and forgetting who they are."""

from typing import Any

from django import forms
from django.contrib.auth.models import User

from campaigns.gateway import suppression
from campaigns.gateway.rights import ERASE
from campaigns.inspector.forms import DOOR, PersonForm
from campaigns.inspector.page import ActorPage
from campaigns.inspector.words import CHANNELS, channel_phrase, several
from campaigns.models import Contact

EVERYTHING = "all"
_LABELS = dict(Contact.Suppressed.choices)
_WHY = forms.TextInput(attrs={"autocomplete": "off"})


def _text(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=300, help_text=help_text, widget=_WHY)


class SuppressForm(PersonForm):
    heading, submit, told = "Suppress a channel", "Suppress it", "Nothing goes out to them by it any more."
    danger = True
    intro = (
        "Nothing is sent by it any more, transactional messages neither, until somebody lifts it. It counts at once, for "
        "campaigns that are running too. What they wish themselves is an opt-out, under their preferences."
    )
    channel = forms.ChoiceField(label="Channel")
    reason = forms.ChoiceField(
        label="Why", choices=[(one.value, _LABELS[one].capitalize()) for one in suppression.BY_HAND]
    )
    text = _text("Note", "For the history, as a ticket’s number.")

    def prepare(self, page: ActorPage, user: User) -> None:
        contact = page.facts.contact
        open_ones = [(channel, word) for channel, word in CHANNELS.items() if not contact.is_suppressed(channel)]
        every = [(EVERYTHING, "Every channel")] if not contact.suppressed_reason else []
        choices: Any = self.fields["channel"]
        choices.choices = [*open_ones, *every] or [("", "All are suppressed")]

    def send(self, user_id: str, user: User) -> None:
        asked = self.cleaned_data
        channel = "" if asked["channel"] == EVERYTHING else asked["channel"]
        suppression.suppress(user_id, user=user, door=DOOR, reason=asked["reason"], channel=channel, text=asked["text"])


class LiftForm(PersonForm):
    heading, submit, told = "Lift the suppression", "Lift it", "They may be written to by it again."
    ticks = ("channels",)
    channels = forms.MultipleChoiceField(
        label="May be written to again by", widget=forms.CheckboxSelectMultiple(attrs={"class": "check"})
    )
    text = _text("Why", "For the history: the address was mended, they asked for it.")

    def prepare(self, page: ActorPage, user: User) -> None:
        contact = page.facts.contact
        choices: Any = self.fields["channels"]
        choices.choices = [(one, CHANNELS[one]) for one in contact.unreachable_channels]
        why = f", because they were {contact.get_suppressed_reason_display()}" if contact.suppressed_reason else ""
        what = several([channel_phrase(one) for one in contact.unreachable_channels])
        self.intro = f"Suppressed: {what}{why}. Their own opt-outs stay." if what else "Nothing is suppressed."

    def send(self, user_id: str, user: User) -> None:
        asked = self.cleaned_data
        suppression.lift_suppression(user_id, user=user, door=DOOR, channels=asked["channels"], text=asked["text"])


class EraseForm(PersonForm):
    heading, submit, told = (
        "Erase this person",
        "Erase them for ever",
        "They are erased. Nothing is sent to them any more.",
    )
    right = ERASE
    danger = True
    intro = (
        "Their name, addresses, attributes, language, time zone and wishes about when are deleted, here and with their actor, "
        "and so is what imports and the sandbox kept of them. Nothing is sent to them any more. The id, their opt-outs, the "
        "send log and the history of changes stay, under the id alone. It cannot be undone: an import that brings the id "
        "again fills nothing in."
    )
    confirm = forms.CharField(
        label="Type their id",
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
    )
    text = _text("Why", "For the history, as the number of their request. Nothing that says who they were.")

    def prepare(self, page: ActorPage, user: User) -> None:
        self.user_id = page.view.user_id
        self.fields["confirm"].help_text = f"To be sure: {self.user_id}"

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if typed.strip() != self.user_id:
            raise forms.ValidationError("This is another id. Nothing was erased.")
        return typed

    def send(self, user_id: str, user: User) -> None:
        suppression.erase(user_id, user=user, door=DOOR, text=self.cleaned_data["text"])
