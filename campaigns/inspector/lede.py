"""May this person get a message now; if not, why and when: the answer in a sentence or two."""

from campaigns.contract import ActorView, DecisionCode, SendDecision
from campaigns.inspector.channels import ChannelLine, counted_sends, window_phrase
from campaigns.inspector.clock import Clock
from campaigns.inspector.words import channel_phrase, hours, left_words, several
from dashboard.phrases import Part, strong, text


def lede(view: ActorView, lines: list[ChannelLine], clock: Clock) -> list[Part]:
    open_now = [line for line in lines if line.is_open]
    later = sorted((line for line in lines if line.waits), key=lambda line: line.at or clock.now)
    never = [line for line in lines if not line.is_open and not line.waits]
    if open_now:
        by = "" if len(open_now) == len(lines) else f", by {_names(open_now)}"
        parts = [strong(f"Yes, a marketing message may go out now{by}."), *_left(view)]
    elif later:
        first = [line for line in later if line.at == later[0].at]
        rest = [line for line in later if line not in first]
        by = f" by {_names(first)}" if len(first) < len(lines) else ""
        parts = [strong("Not now."), text(f" {_next(first[0], by, view, clock)}"), *_left(view)]
        later = rest
    else:
        return [strong("No marketing message may go to them."), text(f" {_why_never(never)}")]
    parts += [text(f" {_sentence(line)} until {clock.when(line.at)}.") for line in later if line.at]
    if never:
        parts.append(text(f" Never by {_names(never, 'or')}: {_reason(never[0].decision)}."))
    return parts


def _names(lines: list[ChannelLine], last: str = "and") -> str:
    return several([channel_phrase(line.channel) for line in lines], last)


def _sentence(line: ChannelLine) -> str:
    return f"{line.word} waits"


def _next(line: ChannelLine, by: str, view: ActorView, clock: Clock) -> str:
    at = clock.when(line.at) if line.at else ""
    return f"The next one is allowed{by} {at}, {_because(line.decision, view, clock)}."


def _because(decision: SendDecision, view: ActorView, clock: Clock) -> str:
    match decision.code:
        case DecisionCode.MIN_GAP:
            wish = ", as they wish" if decision.rule == "hours_between" else ""
            return f"{hours(decision.limit or 0)} after the last{wish}"
        case DecisionCode.CAP_DAY if view.cap is not None and view.window_ends_at is not None:
            is_day = window_phrase(view) == "today"
            return "when a new day begins for them" if is_day else "when the oldest has been sent for 24 hours"
        case DecisionCode.CAP_CHANNEL:
            return "when the cap of the channel has room again"
        case DecisionCode.CAP_CATEGORY:
            return "when the cap of the category has room again"
        case DecisionCode.QUIET_HOURS:
            wish = ", as they wish" if decision.rule == "own_quiet_hours" else ""
            return f"when their quiet hours end{wish}"
        case DecisionCode.PAUSED_BY_USER:
            return "when the pause that they asked for ends"
    return "as things stand"


def _left(view: ActorView) -> list[Part]:
    cap = view.cap
    if cap is None or cap.max_per_day is None:
        return [text(" No cap holds them back.")] if cap is not None and not counted_sends(view) else []
    if cap.max_per_day == 0:
        return []
    return [text(f" {left_words(cap.max_per_day, view.count, window_phrase(view))}")]


def _why_never(lines: list[ChannelLine]) -> str:
    reasons = {_reason(line.decision) for line in lines}
    if len(reasons) == 1:
        words = reasons.pop()
        return f"{words[:1].upper()}{words[1:]}."
    return " ".join(f"{line.word}: {_reason(line.decision)}." for line in lines)


def _reason(decision: SendDecision) -> str:
    match decision.code:
        case DecisionCode.OPTED_OUT:
            return "they have opted out"
        case DecisionCode.MISSING_ADDRESS:
            return "they have no address for it"
        case DecisionCode.SUPPRESSED:
            return "it is suppressed"
        case DecisionCode.CAP_DAY | DecisionCode.CAP_CHANNEL | DecisionCode.CAP_CATEGORY:
            return "their cap allows none"
        case DecisionCode.QUIET_HOURS:
            return "the quiet hours of the cap and their own leave no time of day"
    words = decision.reason.rstrip(".")
    return f"{words[:1].lower()}{words[1:]}"


def standing(view: ActorView, lines: list[ChannelLine]) -> tuple[str, str]:
    """The status beside the name: a mark and a word."""
    if any(line.is_open for line in lines):
        return "ok", "Reachable"
    codes = {line.decision.code for line in lines}
    if codes == {DecisionCode.OPTED_OUT.value} or codes == {DecisionCode.OPTED_OUT}:
        return "ended", "Opted out"
    if DecisionCode.PAUSED_BY_USER in codes:
        return "idle", "Paused"
    if any(line.waits for line in lines):
        return "idle", "Waits"
    return "bad", "Unreachable"
