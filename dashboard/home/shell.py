"""What the home page says of the machinery itself: who works, what waits for them, and how far lists are behind."""

from collections import Counter
from collections.abc import Iterable, Sequence

from django.apps import apps
from django.urls import reverse

from dashboard import areas
from dashboard.home.machinery import BACKLOG_FROM, MOST_FAILING, Machinery, Queue
from dashboard.home.parts import BAD, Need, Part, Sign
from dashboard.phrases import Part as Words
from dashboard.phrases import text, when

BEHIND_FROM = 10.0
"""Seconds that a change may take to come into the lists before somebody should know."""


def own_needs(parts: Sequence[Part], machinery: Machinery, rights: frozenset[str]) -> list[Need]:
    """No Temporal, no worker, a long queue, lists that lag: for everybody who sees anything of the areas."""
    if not rights:
        return []
    found: list[Need] = []
    health = reverse("health")
    if machinery.temporal is False:
        words = [text("Pages show what was known last; what is asked meanwhile is kept and done when it answers.")]
        found.append(_need("temporal", "Temporal is out of reach", words, health, BAD, "offline", "Failing"))
    elif idle := machinery.without_worker:
        found.append(_no_worker([label_of(queue.name) for queue in idle], len(idle) == len(machinery.queues), health))
    for queue in machinery.queues:
        if (queue.backlog or 0) >= BACKLOG_FROM and queue.workers:
            words = [text("More comes in than its workers take; another worker process would help.")]
            title = f"{queue.backlog:,} tasks wait for {label_of(queue.name)}"
            found.append(_need(f"backlog-{queue.name}", title, words, health, "warn", "clock", "Late"))
    found += _failing(machinery, health)
    found += [_unread(part.unread, health) for part in parts if part.unread]
    behind = behind_of(parts, rights)
    if behind is not None and behind >= BEHIND_FROM:
        words = [text("So long did the last change take to get there. A single order or request is always up to date.")]
        title = f"Lists are {seconds_word(behind)} behind"
        found.append(_need("behind", title, words, health, "warn", "clock", "Late"))
    return found + [_not_saved(part, health) for part in parts if part.behind_since and part.behind_right in rights]


def _not_saved(part: Part, href: str) -> Need:
    """Something that its lists do not show yet, though it has happened."""
    since = part.behind_since
    assert since is not None
    words = [text("What has happened since "), when(since)]
    words.append(text(" could not all be saved yet. It is tried again by itself, and nothing is lost."))
    title = f"Lists of {part.lists} are behind"
    return Need(part.behind_right, f"behind-{part.lists}", title, words, href, mark=BAD, icon="clock", label="Behind")


def _unread(area: str, href: str) -> Need:
    words = [
        text("What this page shows of them is old, or not there; their own pages have it. It is tried again by itself.")
    ]
    return _need(f"unread-{area}", f"{area} could not be read", words, href, BAD, "attention", "Not read")


def _no_worker(names: list[str], are_all: bool, href: str) -> Need:
    title = "No worker is running" if are_all else f"No worker for {' and '.join(names)}"
    whose = "its queue" if len(names) == 1 else "their queues"
    words = [text(f"Nobody polls {whose}: what was asked waits there until a worker is back.")]
    return _need("no-worker", title, words, href, BAD, "offline", "No worker")


def _failing(machinery: Machinery, health: str) -> list[Need]:
    """Workflows whose own code breaks, by the area that they belong to."""
    found = []
    for queue, number in Counter(one.queue for one in machinery.failing).items():
        more = "At least " if len(machinery.failing) >= MOST_FAILING else ""
        are = "workflow fails" if number == 1 else "workflows fail"
        words = [
            text("Their code breaks at the same place each time. Temporal tries on; they stand still until a worker")
        ]
        words.append(text(" with mended code is there."))
        title = f"{more}{number:,} {are} in {label_of(queue)}"
        found.append(_need(f"failing-{queue}", title, words, f"{health}#failing", BAD, "attention", "Failing"))
    return found


def _need(key: str, title: str, words: Sequence[Words], href: str, mark: str, icon: str, label: str) -> Need:
    return Need("", key, title, words, href, mark=mark, icon=icon, label=label)


def behind_of(parts: Iterable[Part], rights: frozenset[str]) -> float | None:
    """The slowest of those that one may see."""
    return max((part.behind for part in parts if part.behind is not None and part.behind_right in rights), default=None)


def signs_of(parts: Sequence[Part], machinery: Machinery, rights: frozenset[str]) -> list[Sign]:
    health = reverse("health")
    found = [_queue(queue, health) for queue in machinery.queues]
    if any(part.lists and part.behind_right in rights for part in parts):
        found.append(_lists(parts, rights, health))
    return found + [one for part in parts for one in part.signs if not one.right or one.right in rights]


def _lists(parts: Sequence[Part], rights: frozenset[str], href: str) -> Sign:
    if late := [part.lists for part in parts if part.behind_since and part.behind_right in rights]:
        return Sign("Lists", f"Behind: {', '.join(late)}", BAD, href)
    behind = behind_of(parts, rights)
    if behind is None:
        return Sign("Lists", "Up to date", "move", href)
    return Sign("Lists behind Temporal by", seconds_word(behind), "warn" if behind >= BEHIND_FROM else "move", href)


def _queue(queue: Queue, href: str) -> Sign:
    if not queue.workers:
        return Sign(label_of(queue.name), "No worker", BAD, href)
    workers = "1 worker" if queue.workers == 1 else f"{queue.workers} workers"
    backlog = "" if queue.backlog is None else f", backlog {queue.backlog:,}"
    mark = "warn" if (queue.backlog or 0) >= BACKLOG_FROM else "move"
    return Sign(label_of(queue.name), f"{workers}{backlog}", mark, href)


def label_of(queue: str) -> str:
    """The area whose queue it is, as people call it."""
    for module in areas.modules("worker"):
        if getattr(module, "AREA_WORKER", None) and module.AREA_WORKER.task_queue == queue:
            return str(apps.get_app_config(module.__name__.split(".")[0]).verbose_name)
    return queue


def seconds_word(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 m``."""
    if seconds < 10:
        return f"{seconds:.1f}\u00a0s"
    return f"{seconds:.0f}\u00a0s" if seconds < 120 else f"{seconds / 60:.0f}\u00a0m"
