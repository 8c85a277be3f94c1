"""The forms of imports: a file, and why one is cancelled."""

from typing import Any

from django import forms

from campaigns.imports import MAX_BYTES
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
    unattended = forms.BooleanField(
        label="Go through by itself: do not wait for me after reading and comparing",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "check"}),
    )

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)


class CancelForm(KeyedForm):
    reason = forms.CharField(label="Why", required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3}))
