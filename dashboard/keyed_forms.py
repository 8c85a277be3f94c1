"""Forms that may be sent twice: each carries its own number, and shows again what was typed."""

import re
from typing import Any
from uuid import uuid4

from django import forms

_KEY = re.compile(r"[A-Za-z0-9-]{8,64}")


class KeyedForm(forms.Form):
    """A form that carries its own number, so that sending it twice does it once."""

    idempotency_key = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, files: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, files, initial=initial, label_suffix="", auto_id="f-%s")
        for name, field in self.fields.items():
            field.widget.attrs.setdefault("class", "input")
            if field.help_text:
                field.widget.attrs["aria-describedby"] = f"f-{name}-hint"
        self.fields["idempotency_key"].initial = new_key()

    def clean_idempotency_key(self) -> str:
        key: str = self.cleaned_data["idempotency_key"]
        return key if _KEY.fullmatch(key) else new_key()

    @property
    def key(self) -> str:
        key: str = self.cleaned_data.get("idempotency_key") or new_key()
        return key

    def show_again(self, *, keep_key: bool) -> None:
        """Make the form ready to be drawn with what was typed. The key stays only where a repeat is the same request."""
        if not keep_key:
            data: Any = self.data
            self.data = data = data.copy()
            data["idempotency_key"] = new_key()
        for name in self.errors:
            if name in self.fields:
                widget = self.fields[name].widget
                widget.attrs["aria-invalid"] = "true"
                hint = widget.attrs.get("aria-describedby", "")
                widget.attrs["aria-describedby"] = f"f-{name}-error {hint}".strip()

    def blame(self, field: str, problem: str) -> None:
        """Put a problem beside the field it names, or above the form."""
        problem = problem.removeprefix(f"{field}: ")
        sentence = problem[:1].upper() + problem[1:]
        sentence = sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
        self.add_error(field if field in self.fields else None, sentence)


def new_key() -> str:
    return str(uuid4())
