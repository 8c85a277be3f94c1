"""Texts that campaigns begin with."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from campaigns.models.words import CHANNELS
from campaigns.rendering import CompiledMessage, check_runs_nothing, compile_message
from temporal_worker.contract import InvalidField


class MessageTexts(models.Model):
    """Subject and bodies, in the language of :mod:`campaigns.rendering`."""

    channel = models.CharField(max_length=10, choices=CHANNELS, default="email")
    subject = models.CharField(max_length=200, blank=True)
    body_text = models.TextField("text", blank=True)
    body_html = models.TextField("HTML", blank=True)

    class Meta:
        abstract = True

    def compiled(self) -> CompiledMessage:
        """Raises InvalidField: ``subject``, ``body_text`` or ``body_html``."""
        return compile_message(self.channel, self.subject, self.body_text, self.body_html)

    def compiled_as_written(self) -> CompiledMessage:
        """The same for who writes it now, of whom more is asked than of what runs already. Raises InvalidField."""
        message = self.compiled()
        check_runs_nothing("body_html", self.body_html)
        return message

    def check_texts(self) -> None:
        """Raises ValidationError, naming the field."""
        try:
            self.compiled_as_written()
        except InvalidField as error:
            raise ValidationError({error.field: f"It {error.problem}."}) from None


class Template(MessageTexts):
    """A text to begin with. A campaign copies it, with its version; later changes do not reach the campaign."""

    name = models.CharField(max_length=100, unique=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            self.version += 1
        super().save(*args, **kwargs)

    def clean(self) -> None:
        self.check_texts()
