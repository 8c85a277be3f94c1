"""Settings of an area: one row that the admin site edits, with a number for each of its versions."""

from typing import Any, Self

from django.db import models


class OneRowSettings(models.Model):
    """Each save raises ``version``; what is started carries the newest, and what runs keeps its own."""

    version = models.PositiveIntegerField(default=1, editable=False)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{str(self._meta.verbose_name).capitalize()}, version {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            self.version += 1
        self.pk = 1
        super().save(*args, **kwargs)

    @classmethod
    def current(cls) -> Self:
        """The one row, made with its defaults when there is none yet."""
        return cls._default_manager.get_or_create(pk=1)[0]
