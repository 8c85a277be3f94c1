"""What somebody wants to hear of, in words to themselves."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from campaigns.contract import TRANSACTIONAL, Channel, Door
from campaigns.gateway.own_wishes import EVERYTHING, OwnAnswer, OwnWishes, Toggle
from campaigns.models import PreferenceChange

LANGUAGE_NAMES = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "it": "Italiano",
    "nl": "Nederlands",
    "pt": "Português",
}
_CHANNELS = {Channel.EMAIL.value: "e-mails", Channel.SMS.value: "text messages", Channel.PUSH.value: "push messages"}
_OWN_DOORS = {Door.MAIL.value, Door.WEBHOOK.value}


def language_word(tag: str) -> str:
    return LANGUAGE_NAMES.get(tag.partition("-")[0], tag)


def often_words(hours: str) -> str:
    """How often somebody wishes to hear from us, by the hours between two messages: ``once a week at most``."""
    if not hours:
        return "as often as there is something"
    a_time = {"24": "a day", "168": "a week", "720": "a month"}.get(hours, f"in {hours} hours")
    return f"once {a_time} at most"


def day_words(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def toggle_words(toggle: Toggle) -> str:
    """In the middle of a sentence: ``text messages``, ``messages about product news``, ``e-mails about …``."""
    channel, category = toggle
    what = _CHANNELS.get(channel, f"{channel} messages") if channel else "messages"
    if not category:
        return what if channel else "messages of any kind"
    if category == TRANSACTIONAL:
        return f"{what} about your orders and your account"
    return f"{what} about {category.replace('-', ' ').replace('_', ' ')}"


@dataclass(frozen=True)
class ToggleLine:
    """One box of the page. ``value`` is what its form sends."""

    value: str
    label: str
    is_wanted: bool


@dataclass(frozen=True)
class HistoryLine:
    change: PreferenceChange
    text: str
    who: str


def toggle_lines(wishes: OwnWishes) -> list[ToggleLine]:
    return [
        ToggleLine(f"{toggle[0]}|{toggle[1]}", _capital(toggle_words(toggle)), toggle not in wishes.opt_outs)
        for toggle in wishes.toggles
    ]


def told_lines(answer: OwnAnswer, words: str) -> list[str]:
    """What was changed, a sentence each."""
    lines = [f"{_capital(_no_more(toggle))}." for toggle in answer.less]
    lines += [f"{_capital(_again(toggle))}." for toggle in answer.more]
    if answer.settings and words:
        lines.append(f"{_capital(words)}.")
    return lines


def history_lines(changes: Iterable[PreferenceChange]) -> list[HistoryLine]:
    """Who of us it was is nobody's business but ours."""
    return [HistoryLine(change, _history_words(change), _who(change)) for change in changes]


def _history_words(change: PreferenceChange) -> str:
    what, toggle = PreferenceChange.What, (change.channel, change.category)
    match change.what:
        case what.OPTED_OUT:
            return _capital(_no_more(toggle))
        case what.OPTED_IN:
            return _capital(_again(toggle))
        case what.PREFERENCES:
            is_own = not change.who
            return _capital(change.text) if is_own and change.text else "Settings changed"
        case what.SUPPRESSED:
            return f"We stopped sending you {toggle_words(toggle)}" if change.channel else "We stopped writing to you"
        case what.UNSUPPRESSED:
            return f"We may send you {toggle_words(toggle)} again" if change.channel else "We may write to you again"
        case what.CAP:
            return "How often we may write was changed"
        case _:
            return "Your data was erased"


def _who(change: PreferenceChange) -> str:
    if change.who:
        return "by us"
    return "by you" if change.door in _OWN_DOORS else "by itself"


def _no_more(toggle: Toggle) -> str:
    return "nothing any more, by no way" if toggle == EVERYTHING else f"no more {toggle_words(toggle)}"


def _again(toggle: Toggle) -> str:
    return "messages again" if toggle == EVERYTHING else f"{toggle_words(toggle)} again"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
