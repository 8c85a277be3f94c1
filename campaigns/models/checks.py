"""Validators of the models' fields."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from campaigns.contract import MAX_CAP, Channel
from campaigns.rendering.values import is_attribute_name

MAX_ATTRIBUTES = 50
MAX_ATTRIBUTE = 500
"""Characters of one attribute's text."""

check_user_id = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z", "Letters, digits, dot, dash and underscore only, a letter or digit first."
)
check_category = RegexValidator(r"\A[a-z][a-z0-9_-]*\Z", "Small letters, digits, dash and underscore, a letter first.")
check_locale = RegexValidator(r"\A[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", "A language tag, as en or pt-BR.")
check_phone = RegexValidator(r"\A\+[1-9][0-9]{6,14}\Z", "In the international form, as +4917012345678.")


@cache
def _zones() -> set[str]:
    # Each call reads the whole directory of zones: too slow for each row of a file.
    return available_timezones()


def check_zone(value: str) -> None:
    # An unknown zone in workflow code would fail the workflow task for ever.
    if value not in _zones():
        raise ValidationError(f"There is no time zone {value}; an example of one is Europe/Berlin.")


def check_one_line(value: str) -> None:
    """For what may come into a mail's header."""
    if any(ord(char) < 32 or 127 <= ord(char) < 160 or char in "\u2028\u2029" for char in value):
        raise ValidationError("One line of text, without line breaks and control characters.")


def check_attributes(value: Any) -> None:
    """``{"plan": "pro", "visits": 3, "is_member": true}``: names as in texts (``attributes.plan``), single values."""
    if not isinstance(value, dict):
        raise ValidationError("An object of names and values.")
    if len(value) > MAX_ATTRIBUTES:
        raise ValidationError(f"{MAX_ATTRIBUTES} attributes at most.")
    for name, one in value.items():
        if not is_attribute_name(name):
            raise ValidationError(f"{name[:60]!r} is no name: small letters, digits and single underscores.")
        if not isinstance(one, str | bool | int | float):
            raise ValidationError(f"{name} has to be a text, a number, true or false.")
        if isinstance(one, str) and (len(one) > MAX_ATTRIBUTE or "\0" in one):
            raise ValidationError(f"{name} has to be a text of {MAX_ATTRIBUTE} characters at most.")


def check_channels(value: Any) -> None:
    """``["email"]``"""
    if not isinstance(value, list) or set(value) - set(Channel) or len(set(value)) < len(value):
        raise ValidationError(f"A list of channels, each once: {', '.join(Channel)}.")


def check_channel_caps(value: Any) -> None:
    """``{"sms": 1}``: at most so many a day of a channel; 0 is none."""
    _check_caps(value)
    if unknown := set(value) - set(Channel):
        raise ValidationError(f"There is no channel {sorted(unknown)[0]}.")


def check_category_caps(value: Any) -> None:
    """``{"newsletter": 1}``: at most so many a day of a category; 0 is none."""
    _check_caps(value)
    for name in value:
        check_category(name)


def _check_caps(value: Any) -> None:
    if not isinstance(value, dict) or len(value) > 50:
        raise ValidationError("An object of names and numbers.")
    for name, most in value.items():
        if isinstance(most, bool) or not isinstance(most, int) or not 0 <= most <= MAX_CAP:
            raise ValidationError(f"{name} has to be a whole number from 0 to {MAX_CAP}.")
