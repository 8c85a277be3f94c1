"""A cap of a person's own. It takes the place of every policy, whole: what is left empty has no rule."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.forms.utils import ErrorDict

from campaigns import gateway
from campaigns.contract import MAX_CAP, MAX_GAP_HOURS, CapPolicy, Channel, FrequencyCapInput, WindowKind
from campaigns.inspector.forms import DOOR, PersonForm, words_of
from campaigns.inspector.page import ActorPage
from campaigns.inspector.preference_form import Stale
from campaigns.models.checks import check_category
from campaigns.quiet_fields import check_quiet_times, clock_field, quiet_of
from temporal_worker.keys import digest

_NUMBER = {"inputmode": "numeric", "autocomplete": "off", "class": "input input--num"}
_FIELDS = {
    "quiet_hours.start": "quiet_from",
    "quiet_hours.end": "quiet_to",
    "per_category": "categories",
    **{f"per_channel.{channel}": channel.value for channel in Channel},
}


def _most(label: str, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=0,
        max_value=MAX_CAP,
        help_text=help_text,
        widget=forms.TextInput(attrs=_NUMBER),
    )


class CapForm(PersonForm):
    heading, submit, told = "A cap of their own", "Save", "Their own cap is saved, and decides from now on."
    intro = "It takes the place of every policy, whole. Empty is no rule; 0 allows nothing."
    tick = ("count_transactional",)
    spans = {
        **dict.fromkeys(("max_per_day", "min_hours_between", "quiet_from", "quiet_to"), "of-2"),
        **dict.fromkeys(("email", "sms", "push"), "of-3"),
    }
    seen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    max_per_day = _most("Messages a day, most")
    min_hours_between = forms.FloatField(
        label="Hours between two",
        required=False,
        min_value=0,
        max_value=MAX_GAP_HOURS,
        widget=forms.TextInput(attrs={**_NUMBER, "inputmode": "decimal"}),
    )
    window = forms.ChoiceField(
        label="A day is",
        choices=[
            (WindowKind.ROLLING.value, "the last 24 hours"),
            (WindowKind.CALENDAR.value, "a calendar day in their zone"),
        ],
    )
    email = _most("Mails a day")
    sms = _most("SMS a day")
    push = _most("Push a day")
    categories = forms.CharField(
        label="Of a category a day",
        required=False,
        max_length=500,
        help_text="As newsletter=1, offers=0.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    quiet_from = clock_field("Quiet from")
    quiet_to = clock_field("Quiet until")
    count_transactional = forms.BooleanField(
        label="Transactional messages use it up too",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "check"}),
    )

    def prepare(self, page: ActorPage, user: User) -> None:
        self.own = page.view.own_cap
        self.time_zone = (page.view.cap or CapPolicy(version=0)).time_zone
        self.clears = "Take it away" if self.own is not None else ""
        self.initial.update({"seen": _digest(self.own), **_initial(page.view.cap or CapPolicy(version=0))})

    @property
    def is_clearing(self) -> bool:
        return bool(self.data.get("clear"))

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_bound and self.is_clearing:
            # Whatever stands in the fields: none of it is to hold.
            self._errors = ErrorDict()

    def clean_categories(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for word in words_of(self.cleaned_data["categories"]):
            name, _, most = word.partition("=")
            check_category(name)
            if not (most.isascii() and most.isdigit() and int(most) <= MAX_CAP):
                raise forms.ValidationError(f"Write a number behind {name}, as {name}=1.")
            found[name] = int(most)
        return found

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        check_quiet_times(self)
        return cleaned

    def blame(self, field: str, problem: str) -> None:
        super().blame(_FIELDS.get(field, field), problem)

    def send(self, user_id: str, user: User) -> None:
        cap = FrequencyCapInput(cleared=True) if self.is_clearing else self._cap()
        seen = self.data.get("seen", "")
        if seen and _digest(self.own) not in (seen, _digest(cap.cap())):
            self.add_error(None, "Somebody has changed their own cap meanwhile. Save again if yours is to hold.")
            raise Stale
        gateway.set_cap(user_id, user=user, cap=cap, door=DOOR, key=self.key)

    def _cap(self) -> FrequencyCapInput:
        asked = self.cleaned_data
        return FrequencyCapInput(
            max_per_day=asked["max_per_day"],
            min_hours_between=asked["min_hours_between"],
            window=asked["window"],
            per_channel={one.value: asked[one] for one in Channel if asked[one] is not None} or None,
            per_category=asked["categories"] or None,
            quiet_hours=quiet_of(asked),
            count_transactional=asked["count_transactional"],
            time_zone=self.time_zone,
        )

    def show_again(self, *, keep_key: bool) -> None:
        super().show_again(keep_key=keep_key)
        if not keep_key:
            self.retype("seen", _digest(self.own))


def _digest(cap: CapPolicy | None) -> str:
    return digest(str(cap))[:32]


def _initial(cap: CapPolicy) -> dict[str, Any]:
    quiet = cap.quiet_hours
    gap = cap.min_hours_between
    return {
        "max_per_day": cap.max_per_day,
        "min_hours_between": f"{gap:g}" if gap is not None else "",
        "window": cap.window,
        **{channel.value: (cap.per_channel or {}).get(channel) for channel in Channel},
        "categories": ", ".join(
            f"{name}={most}" for name, most in (cap.per_category or {}).items() if most is not None
        ),
        "quiet_from": quiet.start if quiet else "",
        "quiet_to": quiet.end if quiet else "",
        "count_transactional": cap.count_transactional,
    }
