"""What waits for one person: asked for by their own page, and again when something of theirs has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from dashboard import areas
from dashboard.home.charts import sparkline
from dashboard.home.parts import Action, Day, Figure, Personal


@dataclass(frozen=True)
class Mine:
    personal: Personal
    figures: Sequence[tuple[Figure, str]]

    @property
    def more(self) -> int:
        return self.personal.count - len(self.personal.waiting)


def personal_of(user: User, now: datetime) -> list[Mine]:
    """A few queries for each area in which they take part."""
    found = [module.personal(user, now, Day.of(now)) for module in areas.modules("home") if hasattr(module, "personal")]
    return [
        Mine(
            one,
            [
                (figure, sparkline(figure.days) if figure.days else "")
                for figure in one.figures
                if figure.value or any(figure.days)
            ],
        )
        for one in found
        if one is not None
    ]


def actions_of(user: User) -> list[Action]:
    """What they may begin."""
    offered = [module.ACTION for module in areas.modules("home") if hasattr(module, "ACTION")]
    return [one for one in offered if user.has_perm(one.right) and user.has_perm(one.hidden_without or one.right)]
