"""The forms of contacts and segments."""

import csv
from io import StringIO
from typing import Any

from django import forms

from campaigns.imports.rows import attribute_value
from campaigns.models import Contact, Segment
from campaigns.rendering.values import ATTRIBUTES, is_attribute_name
from campaigns.segments import COLUMNS, MAX_FILTERS
from dashboard.keyed_forms import KeyedForm

OPERATIONS = {
    "is": "is",
    "is_not": "is not",
    "in": "is one of",
    "contains": "contains",
    "starts_with": "starts with",
    "at_least": "is at least",
    "at_most": "is at most",
    "is_set": "is there",
    "is_not_set": "is not there",
}
_WITHOUT_VALUE = ("is_set", "is_not_set")
_FIELDS = {
    "user_id": "Id",
    "name": "Name",
    "email": "E-mail",
    "phone": "Phone",
    "push_token": "Push token",
    "locale": "Language",
    "time_zone": "Time zone",
}
assert set(_FIELDS) == COLUMNS


class ContactForm(KeyedForm):
    """``contact`` None is a new one, which has its language and time zone here too."""

    user_id = forms.CharField(label="Id", max_length=64, help_text="For ever, as USER-001. Letters, digits, - _ .")
    name = forms.CharField(label="Name", required=False, max_length=200)
    email = forms.CharField(label="E-mail", required=False, max_length=254)
    phone = forms.CharField(
        label="Phone", required=False, max_length=30, help_text="With its country, as +49170123456."
    )
    push_token = forms.CharField(label="Push token", required=False, max_length=300)
    locale = forms.CharField(label="Language", required=False, max_length=35, help_text="As de or pt-BR.")
    time_zone = forms.CharField(label="Time zone", required=False, max_length=64, help_text="As Europe/Berlin.")
    attributes = forms.CharField(
        label="Attributes",
        required=False,
        max_length=50_000,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
        help_text="One a line, as plan: pro",
    )
    greet = forms.BooleanField(
        label="Greet them",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "check"}),
        help_text="Once, in their language and by their day, as far as their cap and their wishes allow.",
    )
    change = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, contact: Contact | None = None, may_greet: bool = False) -> None:
        self.contact = contact
        initial = (
            {name: getattr(contact, name) for name in ("name", "email", "phone", "push_token", "change")}
            if contact
            else {}
        )
        if contact is not None:
            initial["attributes"] = "\n".join(f"{name}: {_shown(value)}" for name, value in contact.attributes.items())
        super().__init__(data, initial=initial)
        if contact is not None or not may_greet:
            del self.fields["greet"]
        if contact is not None:
            for name in ("user_id", "locale", "time_zone"):
                del self.fields[name]

    def clean_attributes(self) -> dict[str, Any]:
        known = self.contact.attributes if self.contact else {}
        found: dict[str, Any] = {}
        for line in self.cleaned_data["attributes"].splitlines():
            if not line.strip():
                continue
            name, colon, text = (part.strip() for part in line.partition(":"))
            if not colon or not is_attribute_name(name):
                raise forms.ValidationError(f"“{line.strip()[:60]}” is no attribute: write name: value, as plan: pro.")
            if name in found:
                raise forms.ValidationError(f"The attribute {name} is there twice.")
            # What is left as it was keeps its type: a text "3" does not become a number.
            found[name] = known[name] if name in known and _shown(known[name]) == text else attribute_value(text)
        return found

    def values(self) -> dict[str, Any]:
        names = ("name", "email", "phone", "push_token", "locale", "time_zone", "attributes")
        return {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(str(value).split())


class SegmentForm(KeyedForm):
    """A segment's name and its filters: as many lines as it has and two more, of which empty ones do not count."""

    name = forms.CharField(label="Name", max_length=100)
    description = forms.CharField(label="What it is for", required=False, max_length=300)
    match = forms.ChoiceField(
        label="Who is in it", choices=[("all", "Who fits all of these"), ("any", "Who fits any of these")]
    )

    def __init__(self, data: Any = None, *, segment: Segment | None = None) -> None:
        self.segment = segment
        filters = segment.filters if segment else {}
        listed = filters.get("filters", [])
        initial = {"match": filters.get("match", "all")}
        if segment is not None:
            initial |= {"name": segment.name, "description": segment.description}
        super().__init__(data, initial=initial)
        self.problems: dict[int, str] = {}
        self._given = [self._line(one) for one in listed]

    @staticmethod
    def _line(one: dict[str, Any]) -> dict[str, str]:
        field = str(one.get("field", ""))
        is_attribute = field.startswith(f"{ATTRIBUTES}.")
        return {
            "field": "attribute" if is_attribute else field,
            "attribute": field.removeprefix(f"{ATTRIBUTES}.") if is_attribute else "",
            "op": str(one.get("op", "")),
            "value": _value_text(one.get("value")),
        }

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What the template draws: a dict for each line, with its number and what is wrong with it."""
        given = self._sent() if self.is_bound else self._given
        given = [one for one in given if one["field"]]
        blank = [{"field": "", "attribute": "", "op": "is", "value": ""} for _ in range(2)]
        return [
            {**one, "number": number, "problem": self.problems.get(number, "")}
            for number, one in enumerate([*given, *blank][:MAX_FILTERS])
        ]

    @property
    def fields_offered(self) -> dict[str, str]:
        return {**_FIELDS, "attribute": "Attribute …"}

    @property
    def operations(self) -> dict[str, str]:
        return OPERATIONS

    def _sent(self) -> list[dict[str, str]]:
        data: Any = self.data
        names = ("field", "attribute", "op", "value")
        lines = zip(*(data.getlist(f"filter-{name}") for name in names), strict=False)
        return [dict(zip(names, (str(one).strip()[:2_000] for one in line), strict=True)) for line in lines][
            :MAX_FILTERS
        ]

    def filters(self) -> dict[str, Any]:
        """As :mod:`campaigns.segments` has them; the gateway says what is wrong with them."""
        listed = []
        for one in self._sent():
            if not one["field"]:
                continue
            is_attribute = one["field"] == "attribute"
            field = f"{ATTRIBUTES}.{one['attribute']}" if is_attribute else one["field"]
            entry: dict[str, Any] = {"field": field, "op": one["op"]}
            if one["op"] not in _WITHOUT_VALUE:
                entry["value"] = _value(one["op"], one["value"], is_attribute=is_attribute)
            listed.append(entry)
        return {"match": self.data.get("match", "all"), "filters": listed}

    def blame_filter(self, path: str, problem: str) -> None:
        """``filters.2.value`` puts the problem beside the third line."""
        parts = path.split(".")
        if len(parts) > 1 and parts[1].isdigit():
            self.problems[int(parts[1])] = problem[:1].upper() + problem[1:]
        self.add_error(None, "A filter cannot be used as it stands." if self.problems else problem)


def _value(op: str, text: str, *, is_attribute: bool) -> Any:
    if op == "in":
        row = next(csv.reader([text], skipinitialspace=True), [])
        return [attribute_value(one.strip()) if is_attribute else one.strip() for one in row if one.strip()]
    if is_attribute and op not in ("contains", "starts_with"):
        return attribute_value(text)
    return text


def _value_text(value: Any) -> str:
    if isinstance(value, list):
        line = StringIO()
        csv.writer(line, lineterminator="").writerow([_value_text(one) for one in value])
        return line.getvalue()
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
