"""The preference page's form: what was shown and what is wanted now, so that only a real change counts.

A page may stand open for days. What was turned off elsewhere meanwhile is not turned on again by saving it.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.utils import timezone

from campaigns.contract import LANGUAGES, PreferencesInput
from campaigns.gateway.own_wishes import OwnChanges, OwnWishes, Toggle
from campaigns.quiet_fields import check_quiet_times, clock_field, quiet_of
from campaigns.wish_words import LANGUAGE_NAMES, day_words, language_word, often_words
from dashboard.keyed_forms import KeyedForm

LONGEST_PAUSE = timedelta(days=366)
GAPS = ("", "24", "168", "720")
"""Hours between two messages that can be wished for."""


@cache
def zone_choices() -> list[tuple[str, str]]:
    """Zones that are called after a place; the others are abbreviations and old names of the same."""
    places = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/")))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in places)]


class WishesForm(KeyedForm):
    """Bound to a POST it says what is to change; unbound it shows what there is."""

    hours_between = forms.ChoiceField(
        label="How often, at most",
        required=False,
        show_hidden_initial=True,
        help_text="What you are told of an order does not count.",
        error_messages={"invalid_choice": "Choose one of these."},
    )
    quiet_from = clock_field(
        "Quiet from",
        "Each day, by the clock of your time zone. Empty: no quiet hours of your own.",
        show_hidden_initial=True,
    )
    quiet_to = clock_field("Quiet until", show_hidden_initial=True)
    paused_until = forms.DateField(
        label="Send me nothing until",
        required=False,
        show_hidden_initial=True,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Empty: no pause. You hear from us again on that day.",
        error_messages={"invalid": "This is no date."},
    )
    time_zone = forms.ChoiceField(
        label="Time zone",
        required=False,
        show_hidden_initial=True,
        help_text="So that nothing comes at night.",
        error_messages={"invalid_choice": "There is no such time zone."},
    )
    locale = forms.ChoiceField(
        label="Language",
        required=False,
        show_hidden_initial=True,
        error_messages={"invalid_choice": "We do not write in this language."},
    )

    def __init__(self, data: Any = None, *, wishes: OwnWishes) -> None:
        zone = ZoneInfo(wishes.time_zone or "UTC")
        paused = wishes.paused_until.astimezone(zone).date() if wishes.paused_until else None
        gap = f"{wishes.hours_between:g}" if wishes.hours_between else ""
        quiet = wishes.quiet_hours
        initial = {
            "paused_until": paused,
            "time_zone": wishes.time_zone,
            "locale": wishes.locale,
            "hours_between": gap,
            "quiet_from": quiet.start_time if quiet else None,
            "quiet_to": quiet.end_time if quiet else None,
        }
        super().__init__(data, initial=initial)
        self.wishes = wishes
        gaps = sorted({*GAPS, gap}, key=lambda one: float(one or 0))
        self._offer("hours_between", gap, [(one, _capital(often_words(one))) for one in gaps])
        self._offer("time_zone", wishes.time_zone, zone_choices())
        self._offer("locale", wishes.locale, [(code, LANGUAGE_NAMES[code]) for code in LANGUAGES])
        tomorrow = timezone.now().astimezone(zone).date() + timedelta(days=1)
        self.fields["paused_until"].widget.attrs |= {
            "min": f"{tomorrow:%Y-%m-%d}",
            "max": f"{tomorrow + LONGEST_PAUSE - timedelta(days=2):%Y-%m-%d}",
        }

    def _offer(self, name: str, current: str, choices: list[tuple[str, str]]) -> None:
        """What is known now can be left as it is, also when it is nothing or none of ours."""
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        own = [] if any(current == value for value, _ in choices) else [(current, current or "Not known")]
        field.choices = [*own, *choices]

    def clean_paused_until(self) -> date | None:
        day: date | None = self.cleaned_data["paused_until"]
        if day is not None and "paused_until" in self.changed_data:
            today = timezone.now().astimezone(ZoneInfo(self.wishes.time_zone or "UTC")).date()
            if not today < day < today + LONGEST_PAUSE:
                raise forms.ValidationError("Give a day from tomorrow on, within a year.")
        return day

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        check_quiet_times(self)
        return cleaned

    def changes(self) -> OwnChanges:
        """Of a form that is valid."""
        offered = set(self.wishes.toggles)
        shown, wanted = self._toggles("shown-wanted"), self._toggles("wanted")
        settings, words = self._settings()
        return OwnChanges(
            less=sorted((shown - wanted) & offered),
            more=sorted((wanted - shown) & offered),
            settings=settings,
            words=words,
        )

    def _toggles(self, name: str) -> set[Toggle]:
        found = set()
        for text in self.sent(name):
            channel, _, category = text.partition("|")
            found.add((channel, category))
        return found

    def sent(self, name: str) -> list[str]:
        """All that a POST has under a name."""
        data: Any = self.data
        values: list[str] = data.getlist(name)
        return values

    def _settings(self) -> tuple[PreferencesInput | None, str]:
        names = ("paused_until", "hours_between", "quiet_from", "quiet_to", "time_zone", "locale")
        changed = [name for name in names if name in self.changed_data]
        if not changed:
            return None, ""
        given = self.cleaned_data
        words = []
        values: dict[str, Any] = {}
        if "time_zone" in changed and given["time_zone"]:
            values["time_zone"] = given["time_zone"]
            words.append(f"time zone {given['time_zone'].replace('_', ' ')}")
        if "locale" in changed and given["locale"]:
            values["locale"] = given["locale"]
            words.append(f"language {language_word(given['locale'])}")
        if "hours_between" in changed:
            values["hours_between"] = float(given["hours_between"]) if given["hours_between"] else None
            words.insert(0, often_words(given["hours_between"]))
        if {"quiet_from", "quiet_to"} & set(changed):
            quiet = quiet_of(given)
            values["quiet_hours"] = quiet
            words.insert(0, f"quiet from {quiet.start} until {quiet.end}" if quiet else "no quiet hours of your own")
        if "paused_until" in changed:
            day = given["paused_until"]
            zone = ZoneInfo(values.get("time_zone") or self.wishes.time_zone or "UTC")
            values["paused_until"] = (
                datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) if day else None
            )
            words.insert(0, f"nothing until {day_words(day)}" if day else "no pause any more")
        return (PreferencesInput(**values), ", ".join(words)) if values else (None, "")


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
