"""Where each channel stands for a marketing message, with all that is known."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.contract import ActorView, Channel, DecisionCode, SendDecision, SendRecord, WindowKind
from campaigns.inspector.clock import Clock
from campaigns.inspector.facts import Facts
from campaigns.inspector.words import ICONS, channel_word, held_back_by


@dataclass(frozen=True)
class ChannelLine:
    """``at`` is the next instant at which one may go out: now when allowed, None when waiting is no use."""

    channel: str
    word: str
    icon: str
    decision: SendDecision
    at: datetime | None
    when: str
    held_by: str
    used: str

    @property
    def is_open(self) -> bool:
        return self.decision.allowed

    @property
    def waits(self) -> bool:
        return not self.decision.allowed and self.at is not None


def counted_sends(view: ActorView) -> list[SendRecord]:
    """The messages of the window that use the cap up, in the order of their times."""
    counts_all = view.cap is not None and view.cap.count_transactional
    return [send for send in view.sends_in_window if counts_all or not send.transactional]


def channel_lines(view: ActorView, facts: Facts, clock: Clock) -> list[ChannelLine]:
    seen = {one.channel: one for one in view.channels}
    counted = counted_sends(view)
    last = counted[-1].at if counted else None
    lines = []
    for channel in Channel:
        one = seen.get(channel)
        own = one.decision if one is not None else SendDecision(True, DecisionCode.ALLOWED, "")
        # What the database knows for good comes first: a campaign would not even ask.
        decision = facts.refusals.get(channel, own)
        at = (decision.next_allowed_at or clock.now) if decision.allowed else decision.next_allowed_at
        limit = one.limit if one is not None else None
        count = one.count if one is not None else 0
        lines.append(
            ChannelLine(
                channel=channel,
                word=channel_word(channel),
                icon=ICONS[channel],
                decision=decision,
                at=at,
                when="now" if decision.allowed else clock.short(at) if at else "never",
                held_by="" if decision.allowed else held_back_by(decision, clock, last),
                used=f"{count} of {limit}" if limit is not None else str(count),
            )
        )
    return lines


def window_phrase(view: ActorView) -> str:
    """``today``, ``in these 24 hours``."""
    is_calendar = view.cap is not None and view.cap.window == WindowKind.CALENDAR
    return "today" if is_calendar else "in these 24 hours"
