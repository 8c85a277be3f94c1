"""What people say about themselves, and the tokens that they make."""

from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone

from dashboard.keyed_forms import KeyedForm
from dashboard.models import ApiToken, Profile

ZONES = sorted(
    name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/", "posix"))
)
MOST_TOKENS = 50
"""Of one person. Whoever needs more has forgotten some."""
_KEPT = ("time_zone", "theme", "single_key_shortcuts")
"""What the profile keeps beside Django's user."""
_EXPIRES = {"": "Never", "7": "In a week", "30": "In 30 days", "90": "In 90 days", "365": "In a year"}


class ProfileForm(KeyedForm):
    first_name = forms.CharField(max_length=150, required=False, label="First name")
    last_name = forms.CharField(max_length=150, required=False, label="Last name")
    time_zone = forms.ChoiceField(
        required=False,
        label="Time zone",
        choices=[("", "As the browser"), ("UTC", "UTC"), *((name, name.replace("_", " ")) for name in ZONES)],
        help_text="In which all times are shown to you, wherever you log in.",
    )
    theme = forms.ChoiceField(label="Theme", choices=Profile.Theme.choices)
    single_key_shortcuts = forms.BooleanField(
        required=False,
        label="Single-key shortcuts",
        help_text="Such as / and ?, which act by themselves. Without them nothing is set off by a slip, or by dictation.",
        widget=forms.CheckboxInput(attrs={"class": "check"}),
    )

    @classmethod
    def of(cls, user: User, data: Any = None) -> "ProfileForm":
        profile = profile_of(user)
        told = {"first_name": user.first_name, "last_name": user.last_name}
        return cls(data, initial={**told, **{name: getattr(profile, name) for name in _KEPT}})

    def save(self, user: User) -> None:
        user.first_name, user.last_name = self.cleaned_data["first_name"], self.cleaned_data["last_name"]
        user.save(update_fields=["first_name", "last_name"])
        Profile.objects.update_or_create(user=user, defaults={name: self.cleaned_data[name] for name in _KEPT})


class TokenForm(KeyedForm):
    name = forms.CharField(
        max_length=100, label="What it is for", widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    expires = forms.ChoiceField(required=False, label="Expires", choices=list(_EXPIRES.items()), initial="90")

    def issue(self, user: User) -> str | None:
        """The token, shown this once; None, with the reason beside the name, when there are too many."""
        if ApiToken.objects.filter(user=user).count() >= MOST_TOKENS:
            self.add_error("name", f"You have {MOST_TOKENS} tokens. Revoke some first.")
            return None
        days = self.cleaned_data["expires"]
        until = timezone.now() + timedelta(days=int(days)) if days else None
        return ApiToken.issue(user, self.cleaned_data["name"], expires_at=until)


def profile_of(user: User) -> Profile:
    """Theirs, or the defaults."""
    try:
        return user.profile
    except Profile.DoesNotExist:
        return Profile(user=user)
