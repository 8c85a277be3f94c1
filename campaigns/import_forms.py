"""The forms of imports: a file, what its columns mean, and why one is cancelled."""

from typing import Any

from django import forms

from campaigns.import_preview import ATTRIBUTE, MEANINGS
from campaigns.imports import MAX_BYTES
from campaigns.imports.columns import IGNORED
from campaigns.imports.sampling import Sample, guesses, may_be_mapped, shown
from campaigns.rendering.values import ATTRIBUTES, MAX_ATTRIBUTE_NAME, is_attribute_name
from dashboard.keyed_forms import KeyedForm

MOST_MB = MAX_BYTES // (1024 * 1024)


class UploadForm(KeyedForm):
    file = forms.FileField(
        label="CSV file",
        help_text=f"{MOST_MB} MB at most. Its first line names the columns; one of them is the contact’s id.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv,text/plain"}),
        # Of the rows the workflow says what is wrong, one by one.
        allow_empty_file=True,
        max_length=500,
        error_messages={"required": "Choose a file.", "invalid": "Choose a file."},
    )

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)


_CHOICES = [*MEANINGS.items(), (ATTRIBUTE, "An attribute, called …"), (IGNORED, "– left out –")]


class ColumnsForm(KeyedForm):
    """What each column of a file means, beginning with what its heading says by itself."""

    unattended = forms.BooleanField(
        label="Go through by itself: do not wait for me after reading and comparing",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "check"}),
    )

    greets = forms.BooleanField(
        label="Greet new contacts",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "check"}),
        help_text="Each once, in their language and by their day, as far as their cap and their wishes allow.",
    )

    def __init__(self, data: Any = None, *, sample: Sample, may_greet: bool = False) -> None:
        self.sample = sample
        self.guesses = guesses(sample.header)
        super().__init__(data)
        if not may_greet:
            del self.fields["greets"]
        for number, (heading, guessed) in enumerate(zip(sample.header, self.guesses, strict=True)):
            if not may_be_mapped(heading):
                continue
            is_attribute = bool(guessed and guessed.startswith(f"{ATTRIBUTES}."))
            words = shown(heading)
            self.fields[f"meaning-{number}"] = forms.ChoiceField(
                label=f"What {words} means",
                choices=_CHOICES,
                required=False,
                initial=ATTRIBUTE if is_attribute else guessed or IGNORED,
                widget=forms.Select(attrs={"class": "input", "aria-label": f"What {words} means"}),
            )
            self.fields[f"attribute-{number}"] = forms.CharField(
                label=f"Attribute of {words}",
                required=False,
                max_length=MAX_ATTRIBUTE_NAME,
                initial=(guessed or "").removeprefix(f"{ATTRIBUTES}.") if is_attribute else "",
                widget=forms.TextInput(
                    attrs={"class": "input", "aria-label": f"Attribute of {words}", "autocomplete": "off"}
                ),
            )

    @property
    def guessed_mapping(self) -> dict[str, str]:
        """Headings of which no name can be made are left out until somebody says otherwise."""
        pairs = zip(self.sample.header, self.guesses, strict=True)
        return {heading: IGNORED for heading, guessed in pairs if guessed is None and may_be_mapped(heading)}

    def clean(self) -> dict[str, Any]:
        self.cleaned_data["mapping"] = mapping = {}
        said: dict[str, str] = {}
        for number, heading in enumerate(self.sample.header):
            if f"meaning-{number}" not in self.cleaned_data:
                continue
            meaning = self._meaning(number)
            if said.setdefault(heading, meaning) != meaning:
                self.add_error(f"meaning-{number}", "Another column has this heading: say the same of both.")
            elif meaning != self.guesses[number]:
                mapping[heading] = meaning
        return self.cleaned_data

    def _meaning(self, number: int) -> str:
        meaning: str = self.cleaned_data[f"meaning-{number}"]
        if meaning != ATTRIBUTE:
            return meaning
        name: str = self.cleaned_data.get(f"attribute-{number}", "")
        if not is_attribute_name(name):
            words = "An attribute begins with a letter and has letters a to z, digits and _ only."
            self.add_error(f"attribute-{number}", words)
        return f"{ATTRIBUTES}.{name}"

    @property
    def lines(self) -> list[dict[str, Any]]:
        """A line of the table for each column: its heading, what the first rows have in it, and its fields."""
        return [
            {
                "heading": shown(heading) or "(no heading)",
                "cells": self.sample.cells_of(number)[:3],
                "meaning": self[f"meaning-{number}"] if f"meaning-{number}" in self.fields else None,
                "attribute": self[f"attribute-{number}"] if f"attribute-{number}" in self.fields else None,
            }
            for number, heading in enumerate(self.sample.header)
        ]


class CancelForm(KeyedForm):
    reason = forms.CharField(label="Why", required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3}))
