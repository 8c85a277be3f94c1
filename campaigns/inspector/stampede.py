"""A stampede in words: the form, each request's answer, and what it all came to."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone

from campaigns import gateway
from campaigns.contract import MARKETING, SendDecision, SendGrant
from campaigns.gateway.stampedes import MAX_STAMPEDE
from campaigns.inspector.words import CHANNELS
from dashboard.keyed_forms import KeyedForm


class StampedeForm(KeyedForm):
    requests = forms.IntegerField(
        label="Campaigns that ask",
        min_value=1,
        max_value=MAX_STAMPEDE,
        initial=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "input input--num"}),
    )
    channel = forms.ChoiceField(choices=list(CHANNELS.items()), initial="push")


class ReturnForm(forms.Form):
    """Which slots of which stampede are given back."""

    run = forms.RegexField(r"\A[A-Za-z0-9-]{8,64}\Z")
    numbers = forms.RegexField(r"\A\d{1,3}(,\d{1,3}){0,99}\Z")

    def clean_numbers(self) -> list[int]:
        found = [int(one) for one in self.cleaned_data["numbers"].split(",")]
        if not all(1 <= one <= MAX_STAMPEDE for one in found):
            raise forms.ValidationError("There are no such requests.")
        return found


@dataclass(frozen=True)
class Asked:
    """One request and its answer, ``after`` so many milliseconds since all began."""

    number: int
    mark: str
    word: str
    text: str
    code: str
    after: int


@dataclass(frozen=True)
class Tally:
    """What it came to. ``granted`` are the numbers of those that were granted, ``run`` the stampede's key."""

    asked: int
    granted: list[int]
    refused: dict[str, int]
    unanswered: int
    run: str

    @property
    def line(self) -> str:
        """``20 asked, 3 granted, 17 refused by cap_day.``"""
        parts = [f"{self.asked} asked", f"{len(self.granted)} granted"]
        parts += [f"{number} refused by {code}" for code, number in sorted(self.refused.items())]
        if self.unanswered:
            parts.append(f"{self.unanswered} without an answer")
        return f"{', '.join(parts)}."

    @property
    def numbers(self) -> str:
        return ",".join(map(str, self.granted))


def run(
    user_id: str, user: User, form: StampedeForm, *, told: Callable[[Asked], None] | None = None
) -> tuple[list[Asked], Tally]:
    """Do it, and tell of each answer as it comes. Raises what :func:`campaigns.gateway.stampede` does."""
    began = timezone.now()
    asked: list[Asked] = []
    granted: list[int] = []
    refused: Counter[str] = Counter()

    def note(number: int, answer: SendGrant | SendDecision | None) -> None:
        after = int((timezone.now() - began).total_seconds() * 1000)
        one = _asked(number, answer, after)
        asked.append(one)
        if isinstance(answer, SendGrant):
            granted.append(number)
        elif answer is not None:
            refused[answer.code] += 1
        if told is not None:
            told(one)

    requests: int = form.cleaned_data["requests"]
    channel: str = form.cleaned_data["channel"]
    gateway.stampede(
        user_id, user=user, requests=requests, channel=channel, category=MARKETING, key=form.key, told=note
    )
    unanswered = requests - len(granted) - sum(refused.values())
    return asked, Tally(requests, sorted(granted), dict(refused), unanswered, form.key)


def _asked(number: int, answer: SendGrant | SendDecision | None, after: int) -> Asked:
    match answer:
        case SendGrant():
            return Asked(number, "ok", "Granted", "It has a slot.", "granted", after)
        case SendDecision():
            return Asked(number, "bad", "Refused", answer.reason, answer.code, after)
    return Asked(number, "warn", "No answer", "Nobody knows: if it was granted, its slot is taken.", "unknown", after)
