"""Forms that may be sent twice: each carries its own number, and shows again what was typed."""

import re
from typing import Any, ClassVar, Generic, TypeVar
from uuid import uuid4

from django import forms

from temporal_worker.problems import InvalidRequest

TAIL = 4
"""Characters by which people tell an id."""
_KEY = re.compile(r"[A-Za-z0-9-]{8,64}")

Thing = TypeVar("Thing")
Actor = TypeVar("Actor")
Answer = TypeVar("Answer")


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


class ActionForm(KeyedForm, Generic[Thing, Actor, Answer]):
    """What a person can do with one process; :class:`dashboard.form_pages.ActionPage` draws and sends it.

    ``intro`` says what will happen before it does, ``told`` is the short note that it was done.
    """

    heading: ClassVar[str]
    submit: ClassVar[str]
    told: str = ""
    danger: ClassVar[bool] = False
    multipart: ClassVar[bool] = False
    intro: str = ""

    def prepare(self, thing: Thing, actor: Actor) -> None:
        """Fill in what depends on the process, for drawing. Sending does without."""

    def send(self, thing_id: str, actor: Actor) -> Answer:
        """Do it. Raises :class:`temporal_worker.problems.Problem`."""
        raise NotImplementedError


class TypedIdForm(ActionForm[Thing, Actor, Answer], Generic[Thing, Actor, Answer]):
    """An action that nobody may take by a slip: what it is taken on is named once more, by the tail of its id.

    ``prepare`` calls ``ask_to_type`` for what is grave now, and ``send`` ``check_typed``.
    """

    field_order = ("reason", "typed")
    typed = forms.CharField(
        label="The last four characters of its id",
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )

    def ask_to_type(self, thing_id: str, *, is_grave: bool) -> None:
        field = self.fields["typed"]
        if is_grave:
            field.label = f"Type {thing_id[-TAIL:]}, the last four characters of its id"
        else:
            field.widget = forms.HiddenInput()

    def check_typed(self, thing_id: str) -> None:
        """Raises InvalidRequest."""
        typed = str(self.cleaned_data["typed"]).strip().lower()
        if typed not in (thing_id[-TAIL:].lower(), thing_id.lower()):
            raise InvalidRequest("typed", f"Type {thing_id[-TAIL:]}, so that it is not another one that you mean.")


def new_key() -> str:
    return str(uuid4())
