"""What is answered to *would this be allowed?*, in words."""

from dataclasses import dataclass, field

from django.urls import reverse

from campaigns.contract import DecisionCode, SendDecision
from campaigns.inspector.page import ActorPage
from campaigns.inspector.words import change_words, channel_word, hours, rule_word, several

MOST_USED_BY = 10


@dataclass(frozen=True)
class Answer:
    """``earliest`` is empty when it is allowed now, and when waiting does not help. ``used_by``: grant id, words, address."""

    decision: SendDecision
    mark: str
    word: str
    reason: str
    earliest: str = ""
    rule: str = ""
    figures: str = ""
    changes: str = ""
    also: str = ""
    policy: str = ""
    used_by: list[tuple[str, str, str]] = field(default_factory=list)


def answer_of(decision: SendDecision, page: ActorPage) -> Answer:
    later = decision.next_allowed_at if not decision.allowed else None
    return Answer(
        decision=decision,
        mark="ok" if decision.allowed else "warn" if later else "bad",
        word="Yes, now" if decision.allowed else "No, not now" if later else "No",
        reason=decision.reason,
        earliest=page.clock.short(later) if later else "",
        rule=rule_word(decision.rule) if decision.rule else "",
        figures=_figures(decision),
        changes=several([change_words(change) for change in decision.changes]),
        also=several(list(dict.fromkeys(_ALSO.get(code, code) for code in decision.also))),
        policy=page.policy_words,
        used_by=_used_by(decision, page),
    )


_ALSO: dict[str, str] = {
    DecisionCode.CAP_DAY: "the cap of the day",
    DecisionCode.CAP_CHANNEL: "the cap of the channel",
    DecisionCode.CAP_CATEGORY: "the cap of the category",
    DecisionCode.MIN_GAP: "the minimum gap",
    DecisionCode.QUIET_HOURS: "quiet hours",
    DecisionCode.PAUSED_BY_USER: "their pause",
    DecisionCode.OPTED_OUT: "an opt-out",
    DecisionCode.SUPPRESSED: "suppressed",
}


def _figures(decision: SendDecision) -> str:
    if decision.limit is None:
        return ""
    if decision.code == DecisionCode.MIN_GAP:
        return hours(decision.limit)
    return f"{decision.count} of {decision.limit:g} used"


def _used_by(decision: SendDecision, page: ActorPage) -> list[tuple[str, str, str]]:
    sends = {send.grant_id: send for send in page.view.sends_in_window}
    log = reverse("campaigns:person_log", args=[page.view.user_id])
    found = []
    for grant_id in decision.used_by[-MOST_USED_BY:]:
        send = sends.get(grant_id)
        words = f"{channel_word(send.channel)} of {page.clock.short(send.at)}" if send else grant_id
        found.append((grant_id, words, f"{log}#grant-{grant_id}"))
    return found
