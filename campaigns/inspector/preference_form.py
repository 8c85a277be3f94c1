"""What a person wants, to be changed for them. Only what the editor has changed is sent.

Opt-outs are added and lifted one by one: one that comes in while somebody has the form open – by a link in a mail, say – is
not in what the editor saw, and must not be undone by saving.
"""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.contrib.auth.models import User

from campaigns import gateway
from campaigns.contract import MAX_GAP_HOURS, By, OptOut, PreferencesInput, QuietHours
from campaigns.inspector.forms import DOOR, PersonForm, words_of
from campaigns.inspector.page import ActorPage, opt_out_words
from campaigns.inspector.words import CHANNELS
from campaigns.models.checks import check_category, check_locale
from campaigns.quiet_fields import check_quiet_times, clock_field, quiet_of

_ZONES = sorted(
    zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix/", "right/"))
)
_LOCAL = "%Y-%m-%dT%H:%M"


class PreferencesForm(PersonForm):
    heading, submit, told = "Preferences", "Save", "The preferences are saved, and count from now on."
    ticks = ("channels", "outs")
    spans = dict.fromkeys(("quiet_from", "quiet_to", "time_zone", "locale"), "of-2")
    was = forms.CharField(required=False, widget=forms.HiddenInput)
    channels = forms.MultipleChoiceField(
        label="May be written to by",
        required=False,
        choices=list(CHANNELS.items()),
        widget=forms.CheckboxSelectMultiple(attrs={"class": "check"}),
    )
    outs = forms.MultipleChoiceField(
        label="Has also opted out of",
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "check"}),
        help_text="Untick what they want to hear of again.",
    )
    more = forms.CharField(
        label="And wants no more of",
        required=False,
        max_length=500,
        help_text="Categories, parted by commas.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "form-categories"}),
    )
    paused_until = forms.DateTimeField(
        label="Paused until",
        required=False,
        input_formats=[_LOCAL],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_LOCAL),
        error_messages={"invalid": "Write it like 2026-11-24T08:00."},
    )
    hours_between = forms.FloatField(
        label="Hours between two messages, at least",
        required=False,
        min_value=1,
        max_value=MAX_GAP_HOURS,
        help_text="As they wish, beside the cap: 24 is one a day at most, 168 one a week. Empty: as the cap allows.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    quiet_from = clock_field("Quiet from", "As they wish, beside the quiet hours of the cap.")
    quiet_to = clock_field("Quiet until")
    time_zone = forms.CharField(max_length=64, required=False, widget=forms.Select)
    locale = forms.CharField(
        label="Language",
        required=False,
        max_length=35,
        validators=[check_locale],
        help_text="As en or pt-BR.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def prepare(self, page: ActorPage, user: User) -> None:
        seen = _seen(page)
        self.now = seen
        zone = seen["time_zone"]
        widget = self.fields["time_zone"].widget
        assert isinstance(widget, forms.Select)
        unknown = [] if zone else [("", "Not known")]
        widget.choices = [*unknown, *((one, one) for one in sorted({*_ZONES, *filter(None, [zone])}))]
        where = f"{page.clock.place} time" if zone else f"{page.clock.place} time, as their own zone is not known"
        self.fields["paused_until"].help_text = f"On their clock, {where}. Empty: no pause."
        was = self._was() if self.is_bound else seen
        self.fields["outs"].choices = [  # type: ignore[attr-defined]
            (one, opt_out_words(_out(one)).capitalize()) for one in was["outs"] if not _is_channel(one)
        ]
        if not self.fields["outs"].choices:  # type: ignore[attr-defined]
            self.fields["outs"].help_text = ""
        self.initial.update(
            {
                "was": json.dumps(seen),
                "channels": [channel for channel in CHANNELS if f"{channel}/" not in seen["outs"]],
                "outs": [one for one in seen["outs"] if not _is_channel(one)],
                "time_zone": zone,
                "locale": seen["locale"],
                "paused_until": _local(seen["paused_until"], page.clock.zone),
                "hours_between": seen["hours_between"],
                **dict(zip(("quiet_from", "quiet_to"), seen["quiet_hours"].split("-"), strict=False)),
            }
        )
        self.zone = page.clock.zone

    def _was(self) -> dict[str, Any]:
        """What the editor saw when the form was drawn, else what is so now."""
        try:
            was = json.loads(self.data.get("was", ""))
            names = ("time_zone", "locale", "paused_until", "hours_between", "quiet_hours")
            texts = all(isinstance(was[name], str) for name in names)
            if texts and isinstance(was["outs"], list) and all(isinstance(one, str) for one in was["outs"]):
                return dict(was)
        except (ValueError, TypeError, KeyError):
            pass
        return self.now

    def clean_more(self) -> list[str]:
        found = words_of(self.cleaned_data["more"])
        for word in found:
            check_category(word)
        return found

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"]
        if zone and zone not in available_timezones():
            raise forms.ValidationError("There is no such time zone.")
        if not zone and self.now["time_zone"]:
            raise forms.ValidationError("Choose a zone.")
        return zone

    def clean_paused_until(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["paused_until"]
        if at is not None and not 1972 <= at.year <= 8999:
            raise forms.ValidationError("This year cannot be meant.")
        return at.replace(tzinfo=None) if at is not None else None

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        check_quiet_times(self)
        return cleaned

    def send(self, user_id: str, user: User) -> None:
        was, by = self._was(), By(user.username, DOOR)
        self._refuse_stale(was)
        wanted, seen = self._wanted_outs(), set(was["outs"])
        for out in sorted(wanted - seen):
            gateway.opt_out(user_id, user=user, by=by, channel=_out(out).key()[0], category=_out(out).key()[1])
        if wish := self._wish(was):
            gateway.set_preferences(user_id, user=user, wish=PreferencesInput(**wish), door=DOOR, key=self.key)
        # Last, for it is the one that cannot do without Temporal and sends more messages.
        for out in sorted(seen - wanted):
            gateway.opt_in(user_id, user=user, by=by, channel=_out(out).key()[0], category=_out(out).key()[1])

    def _wanted_outs(self) -> set[str]:
        asked = self.cleaned_data
        by_channel = {f"{channel}/" for channel in CHANNELS if channel not in asked["channels"]}
        return by_channel | set(asked["outs"]) | {f"/{category}" for category in asked["more"]}

    def _typed(self) -> dict[str, str]:
        until: datetime | None = self.cleaned_data["paused_until"]
        hours: float | None = self.cleaned_data["hours_between"]
        return {
            "time_zone": self.cleaned_data["time_zone"],
            "locale": self.cleaned_data["locale"],
            "paused_until": until.replace(tzinfo=self.zone).isoformat() if until else "",
            "hours_between": f"{hours:g}" if hours else "",
            "quiet_hours": _dashed(quiet_of(self.cleaned_data)),
        }

    def _changed(self, was: dict[str, Any]) -> dict[str, str]:
        typed = self._typed()
        changed = {name: value for name, value in typed.items() if value != was[name]}
        if "paused_until" in changed and _same_minute(typed["paused_until"], was["paused_until"]):
            del changed["paused_until"]
        return changed

    def _wish(self, was: dict[str, Any]) -> dict[str, Any]:
        wish: dict[str, Any] = dict(self._changed(was))
        if "paused_until" in wish:
            wish["paused_until"] = datetime.fromisoformat(wish["paused_until"]) if wish["paused_until"] else None
        if "hours_between" in wish:
            wish["hours_between"] = float(wish["hours_between"]) if wish["hours_between"] else None
        if "quiet_hours" in wish:
            wish["quiet_hours"] = quiet_of(self.cleaned_data)
        return wish

    def _refuse_stale(self, was: dict[str, Any]) -> None:
        """What somebody else has set meanwhile to something else is not overwritten unseen."""
        for name, value in self._changed(was).items():
            if self.now[name] not in (was[name], value) and not _same_minute(self.now[name], value):
                now = self.now[name] or "nothing"
                words = f"Somebody has changed it meanwhile, to {now}. Save again if yours is to hold."
                self.add_error("quiet_to" if name == "quiet_hours" else name, words)
        if self.errors:
            raise Stale

    def show_again(self, *, keep_key: bool) -> None:
        stale = self.errors and not keep_key
        super().show_again(keep_key=keep_key)
        if stale:
            # What is drawn again has been seen together with the note of what holds now.
            names = {"quiet_hours" if name == "quiet_to" else name for name in self.errors}
            now = {name: self.now[name] for name in names if name in self.now}
            self.retype("was", json.dumps({**self._was(), **now}))


class Stale(gateway.CampaignRefused):
    """The person's preferences are not what the editor saw."""

    def __init__(self) -> None:
        super().__init__("stale", "Somebody has changed the preferences while you had them open.")


def _seen(page: ActorPage) -> dict[str, Any]:
    preferences = page.view.preferences
    until = preferences.paused_until
    return {
        "outs": sorted({"/".join(one.key()) for one in preferences.opt_outs}),
        "time_zone": preferences.time_zone,
        "locale": preferences.locale,
        "paused_until": until.isoformat() if until is not None and until > page.at else "",
        "hours_between": f"{preferences.hours_between:g}" if preferences.hours_between else "",
        "quiet_hours": _dashed(preferences.quiet_hours),
    }


def _dashed(quiet: QuietHours | None) -> str:
    return f"{quiet.start}-{quiet.end}" if quiet is not None else ""


def _is_channel(key: str) -> bool:
    return key.endswith("/") and key != "/"


def _out(key: str) -> OptOut:
    channel, _, category = key.partition("/")
    return OptOut(channel, category)


def _local(iso: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(iso).astimezone(zone).strftime(_LOCAL) if iso else ""


def _same_minute(one: str, other: str) -> bool:
    """The form shows minutes: a pause until 08:00:30 that was left as it is has not been changed."""
    try:
        apart = datetime.fromisoformat(one) - datetime.fromisoformat(other)
    except (ValueError, TypeError):
        return one == other
    return abs(apart.total_seconds()) < 60
