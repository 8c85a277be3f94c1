"""Every decision about a person: the actor's last ones and the send log's, as one list, the newest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.contract import Change, DecisionEntry, EntryKind, SendRecord
from campaigns.gateway.stampedes import STAMPEDE
from campaigns.inspector.clock import Clock
from campaigns.inspector.words import change_words, channel_word, several
from campaigns.models import CampaignRecipient, SendLog
from campaigns.models.words import ATTEMPTED, Outcome
from campaigns.presentation.steps import step_url
from campaigns.presentation.words import code_words
from campaigns.said import ELSEWHERE, known_id
from temporal_worker.snapshots import from_json

_OUTCOMES: dict[str, tuple[str, str]] = {
    Outcome.INTENT: ("move", "In flight"),
    Outcome.SENT: ("ok", "Sent"),
    Outcome.FAILED: ("bad", "Failed"),
    Outcome.UNKNOWN: ("warn", "Unknown"),
    Outcome.DENIED: ("bad", "Refused"),
    Outcome.DEFERRED: ("warn", "Put off"),
    Outcome.RELEASED: ("ended", "Given back"),
}
_KINDS: dict[str, tuple[str, str]] = {
    EntryKind.GRANTED: ("ok", "Granted"),
    EntryKind.RELEASED: ("ended", "Given back"),
    EntryKind.SENT_ELSEWHERE: ("ok", "Sent elsewhere"),
    EntryKind.MESSAGE_REFUSED: ("warn", "Ignored"),
}


_ASKED = {"test-to": "a test", "api": "a program", ELSEWHERE.rstrip(":"): "another system"}


@dataclass(frozen=True)
class Entry:
    """One line. ``code`` is for machines; ``grant_id`` names the message; ``used_by`` are the grants that used a cap up;
    ``step`` leads to the decision in the actor's history."""

    key: str
    at: datetime
    time: str
    mark: str
    word: str
    title: str
    text: str
    code: str
    grant_id: str
    campaign_id: str = ""
    used_by: Sequence[str] = ()
    is_test: bool = False
    is_grant: bool = False
    step: str = ""

    @property
    def anchor(self) -> str:
        """Where a link to a grant leads: to its own line, not to those of attempts that were refused before."""
        return f"grant-{self.grant_id}" if self.is_grant else f"d-{self.key}"

    @property
    def grant_tail(self) -> str:
        return self.grant_id if len(self.grant_id) <= 14 else f"…{self.grant_id[-12:]}"


def entries(
    decisions: Sequence[DecisionEntry], log: Sequence[SendLog], names: dict[str, str], clock: Clock
) -> list[Entry]:
    """A grant and what became of it are one line, the log's; the actor's word for it stands in it."""
    granted = {one.grant_id: one for one in decisions if one.code == EntryKind.GRANTED}
    in_log = {known_id(row) for row in log if row.outcome in ATTEMPTED}
    found = [_logged(row, granted.get(row.grant_id), names, clock) for row in log]
    for number, one in enumerate(decisions):
        if one.code not in (EntryKind.GRANTED, EntryKind.SENT_ELSEWHERE) or one.grant_id not in in_log:
            found.append(_told(number, one, names, clock))
    return sorted(found, key=lambda entry: (entry.at, entry.key), reverse=True)


def title(channel: str, category: str, campaign_id: str, names: dict[str, str], grant_id: str = "") -> str:
    """``Push · Price drop``; what no campaign sends says who asked."""
    asked = _ASKED.get(grant_id.partition(":")[0], "")
    what = names.get(campaign_id) or campaign_id or (f"{category}, {asked}" if asked else category)
    return f"{channel_word(channel)} · {what}" if what else channel_word(channel)


def _logged(row: SendLog, granted: DecisionEntry | None, names: dict[str, str], clock: Clock) -> Entry:
    mark, word = _OUTCOMES[row.outcome]
    return Entry(
        key=f"log-{row.pk}",
        at=row.at,
        time=clock.short(row.at),
        mark=mark,
        word=word,
        title=title(row.channel, row.category, row.campaign_id, names, row.grant_id),
        text=" ".join(_sentences(row, granted, clock)),
        code=row.code if row.code and row.code != "allowed" else "transactional" if row.transactional else "",
        grant_id=known_id(row),
        campaign_id=row.campaign_id if row.campaign_id in names else "",
        used_by=row.used_by or (),
        is_test=row.is_test,
        is_grant=row.outcome in ATTEMPTED,
        step=step_url(row),
    )


def _sentences(row: SendLog, granted: DecisionEntry | None, clock: Clock) -> Iterable[str]:
    if row.is_test:
        yield "A test: it counts for nobody."
    elif row.transactional and row.outcome in ATTEMPTED:
        yield "Transactional: it passes every cap."
    elif granted is not None and granted.reason:
        yield granted.reason
    if row.detail:
        yield row.detail if row.detail.endswith((".", "!", "?")) else f"{row.detail}."
    if row.outcome == Outcome.SENT and row.settled_at is not None:
        yield f"Accepted {clock.when(row.settled_at)}."
    elif row.outcome == Outcome.UNKNOWN:
        yield "Nobody knows whether it went out: it keeps its slot, and is not sent again."
    elif row.outcome == Outcome.FAILED:
        yield "It did not go out, and its slot is free again."
    elif row.outcome == Outcome.RELEASED:
        yield "No message had begun, and its slot was given back."
    elif row.outcome == Outcome.INTENT:
        yield "It is being handed over; how it ends is not known yet."
    elif row.outcome == Outcome.DEFERRED and row.next_allowed_at is not None:
        yield f"Put off to {clock.short(row.next_allowed_at)}."
    elif row.outcome == Outcome.DENIED and row.next_allowed_at is not None:
        yield f"The earliest would have been {clock.short(row.next_allowed_at)}."
    if row.changes:
        words = several([change_words(from_json(Change, change)) for change in row.changes])
        yield f"It would have passed with: {words}."


def _told(number: int, one: DecisionEntry, names: dict[str, str], clock: Clock) -> Entry:
    mark, word = _KINDS.get(one.code, ("idle", one.code))
    return Entry(
        key=f"actor-{int(one.at.timestamp() * 1000)}-{number}",
        at=one.at,
        time=clock.short(one.at),
        mark=mark,
        word=word,
        title=title(one.channel, one.category, one.campaign_id, names, one.grant_id)
        if one.channel
        else "A message to the actor",
        text=one.reason,
        code="transactional" if one.transactional else "",
        grant_id=one.grant_id,
        campaign_id=one.campaign_id if one.campaign_id in names else "",
        is_grant=one.code == EntryKind.GRANTED,
    )


@dataclass(frozen=True)
class Flight:
    """A slot that is taken for a message of which nobody has said yet how it ended."""

    title: str
    since: datetime
    time: str
    text: str
    grant_id: str
    is_ours: bool


def flights(sends: Sequence[SendRecord], outcomes: dict[str, str], names: dict[str, str], clock: Clock) -> list[Flight]:
    """Intents without an outcome, and grants of which the send log has nothing: a program asked for them itself."""
    found = []
    for send in sends:
        outcome = outcomes.get(send.grant_id)
        if send.elsewhere or outcome not in (None, Outcome.INTENT):
            continue
        found.append(
            Flight(
                title=title(send.channel, send.category, send.campaign_id, names, send.grant_id),
                since=send.at,
                time=clock.short(send.at),
                text=_held_for(send, outcome),
                grant_id=send.grant_id,
                is_ours=outcome is not None,
            )
        )
    return found[::-1]


def _held_for(send: SendRecord, outcome: str | None) -> str:
    if outcome is not None:
        return "It is being handed over."
    if send.grant_id.startswith(STAMPEDE):
        return "A stampede took it for show; nothing is sent."
    return "It is granted, and its message has not begun."


@dataclass(frozen=True)
class Waiting:
    """A message that is put off: asked for again at ``at``, ``when`` on their clock, because of ``why``."""

    campaign_id: str
    name: str
    channel: str
    at: datetime
    when: str
    why: str


def waiting(rows: Sequence[CampaignRecipient], clock: Clock) -> list[Waiting]:
    """The queue of what is put off for somebody, the soonest first."""
    return [
        Waiting(
            campaign_id=row.campaign.campaign_id,
            name=row.campaign.name,
            channel=channel_word(row.campaign.channel),
            at=row.next_at,
            when=clock.short(row.next_at),
            why=code_words(row.code),
        )
        for row in rows
        if row.next_at is not None
    ]
