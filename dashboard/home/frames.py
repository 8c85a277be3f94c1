"""What the home page shows to everybody with the same rights: drawn once for all of them, in pieces that move by themselves."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.template.loader import render_to_string

from dashboard import areas
from dashboard.home.charts import funnel_rows, hours_chart, sparkline
from dashboard.home.lede import lede_of
from dashboard.home.machinery import Machinery
from dashboard.home.parts import BAD, Event, Figure, Funnel, Part
from dashboard.home.shell import own_needs, signs_of
from dashboard.home.snapshots import Snapshot

EVENTS = 7
RUNNING = 4
KEPT = 32
"""Frames kept: one for each set of rights that somebody looks with."""

Rights = frozenset[str]


class _Rightful(Protocol):
    @property
    def right(self) -> str: ...


R = TypeVar("R", bound=_Rightful)


@dataclass(frozen=True)
class Frame:
    """``pieces`` are fragments for out-of-band swaps by their name; ``digest`` is of all of them."""

    snapshot: int
    machinery: Machinery
    digest: str
    pieces: dict[str, str]


def all_rights() -> Rights:
    """All rights that something of the page is for, as the areas say: the same whatever there is to show just now."""
    return frozenset(right for module in areas.modules("home") for right in module.RIGHTS)


def rights_of(user: AbstractBaseUser | AnonymousUser) -> Rights:
    """Which of them somebody has. Asks the database for all of their rights at once, if they were not asked for yet."""
    has_perm = user.has_perm  # type: ignore[union-attr]
    return frozenset(right for right in all_rights() if has_perm(right))


class Frames:
    """The process's newest frames. Use ``frames``."""

    def __init__(self) -> None:
        self._frames: OrderedDict[Rights, Frame] = OrderedDict()

    def of(self, snapshot: Snapshot, machinery: Machinery, rights: Rights) -> Frame:
        known = self._frames.get(rights)
        if known is not None and known.snapshot == snapshot.number and known.machinery == machinery:
            return known
        pieces = draw(snapshot, machinery, rights)
        digest = hashlib.blake2b("".join(pieces.values()).encode(), digest_size=8).hexdigest()
        frame = Frame(snapshot.number, machinery, digest, pieces)
        self._frames[rights] = frame
        self._frames.move_to_end(rights)
        while len(self._frames) > KEPT:
            self._frames.popitem(last=False)
        return frame

    def forget(self) -> None:
        self._frames.clear()


frames = Frames()


def draw(snapshot: Snapshot, machinery: Machinery, rights: Rights) -> dict[str, str]:
    """The pieces, by the names of their templates."""
    parts = snapshot.parts
    needs = [*own_needs(parts, machinery, rights), *_all(rights, (part.needs for part in parts))]
    needs.sort(key=lambda need: need.mark != BAD)
    context: dict[str, Any] = {
        "rights": rights,
        "day": snapshot.day.start,
        "needs": [(need, not need.do_right or need.do_right in rights) for need in needs],
        "lede": lede_of(len(needs), _all(rights, (part.moving for part in parts)), sees_something=bool(rights)),
        "figures": [(one, _spark(one)) for one in _all(rights, (part.figures for part in parts))],
        "hours": [hours_chart(one) for one in _all(rights, (part.hours for part in parts))],
        "funnels": [(one, funnel_rows(one)) for one in _all(rights, (part.funnels for part in parts)) if _has_any(one)],
        "running": [(part, found) for part in parts if (found := _all(rights, [part.running])[:RUNNING])],
        "events": _latest(parts, rights),
        "machinery": machinery,
        "signs": signs_of(parts, machinery, rights),
    }
    names = ("day", "lede", "needs", "figures", "hours", "funnels", "running", "events", "machinery")
    pieces = {name: render_to_string(f"home/_{name}.html", context) for name in names}
    return pieces | {one.key: one.html for one in _all(rights, (part.badges for part in parts))}


def _all(rights: Rights, groups: Iterable[Iterable[R]]) -> list[R]:
    return [one for group in groups for one in group if not one.right or one.right in rights]


def _has_any(funnel: Funnel) -> bool:
    return any(step.number for step in funnel.steps)


def _spark(figure: Figure) -> str:
    return sparkline(figure.days) if figure.days else ""


def _latest(parts: Iterable[Part], rights: Rights) -> list[Event]:
    found = _all(rights, (part.events for part in parts))
    return sorted(found, key=lambda event: event.at, reverse=True)[:EVENTS]
