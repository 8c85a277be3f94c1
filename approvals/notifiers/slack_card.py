"""How a level of a request looks in Slack: blocks of the message, and of the form behind its buttons. Nothing is sent here."""

import json
from datetime import datetime
from typing import Any

from django.conf import settings

from approvals.contract import ApprovalStatus, ApprovalView, DecisionView, LevelView, SlackCard, SlackMode
from approvals.presentation.words import BY_DOOR, amount_of, days_word, kind_word

Block = dict[str, Any]

APPROVE, REJECT, OPEN = "callboard_approve", "callboard_reject", "callboard_open"
"""Action ids of the buttons."""
EVENT_TYPE = "callboard_approval"
"""The metadata's event type, by which a message is found again."""
DECISION_FORM = "callboard_decision"
COMMENT_BLOCK, COMMENT = "comment", "comment"
MAX_FORM_COMMENT = 3_000  # Slack's own limit of a text field
_MAX_SECTION = 3_000
_MAX_HEADER = 150
_MAX_EXCERPT = 800


def metadata(card: SlackCard) -> dict[str, Any]:
    place = {"request_id": card.request.request_id, "round": card.round, "level": card.level}
    return {"event_type": EVENT_TYPE, "event_payload": place}


def is_open(card: SlackCard) -> bool:
    """Whether the card's level is the one that is being decided now."""
    request = card.request
    return (
        request.status == ApprovalStatus.PENDING
        and (card.round, card.level) == (request.round, request.level)
        and request.current_level.status == "open"
    )


def summary(card: SlackCard) -> str:
    """The message in one line, for notifications and screen readers."""
    request = card.request
    return escaped(f"{request.name_of(request.requester)} asks: {request.title} ({_plain_standing(card)})")[:3_000]


def message(card: SlackCard) -> list[Block]:
    request = card.request
    content = next((each for each in request.rounds if each.number == card.round), None)
    title = content.title if content else request.title
    blocks: list[Block] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(title, _MAX_HEADER), "emoji": False}},
        {"type": "section", "fields": [_mrkdwn(text) for text in _facts(request, card)]},
    ]
    if description := (content.description if content else request.description).strip():
        blocks.append({"type": "section", "text": _mrkdwn(escaped(_cut(description, _MAX_EXCERPT)))})
    blocks.append({"type": "section", "text": _mrkdwn("\n".join([*_decisions(card), _standing(card)])[:_MAX_SECTION])})
    blocks.append({"type": "actions", "block_id": "decide", "elements": _buttons(card)})
    return blocks


def form(request: ApprovalView, *, approved: bool, private: str, behalf: str = "") -> dict[str, Any]:
    """The modal that asks for a comment, and says for whom it decides when that is somebody else.

    ``private`` comes back with it, 3,000 characters at most.
    """
    needs_reason = not approved and request.comment_to_reject
    verb = "Approve" if approved else "Reject"
    words = f"*{escaped(_cut(request.title, 200))}*\nAsked by {escaped(request.name_of(request.requester))}"
    if amount := amount_of(request):
        words += f" · {amount}"
    if behalf:
        words += f"\nYou decide for {escaped(behalf)}"
    return {
        "type": "modal",
        "callback_id": DECISION_FORM,
        "private_metadata": private,
        "title": _text(f"{verb} the request"),
        "submit": _text(verb),
        "close": _text("Cancel"),
        "blocks": [
            {"type": "section", "text": _mrkdwn(words)},
            {
                "type": "input",
                "block_id": COMMENT_BLOCK,
                "optional": not needs_reason,
                "label": _text("Why" if needs_reason else "Comment"),
                "element": {
                    "type": "plain_text_input",
                    "action_id": COMMENT,
                    "multiline": True,
                    "max_length": MAX_FORM_COMMENT,
                },
            },
        ],
    }


def outcome_form(sentence: str, request_id: str) -> dict[str, Any]:
    """The modal once it is sent: what became of the decision."""
    link = f"<{page_of(request_id)}|Open it in Callboard>"
    words = _mrkdwn(f"{escaped(_cut(sentence, 2_000))}\n{link}")
    return {
        "type": "modal",
        "title": _text("Request for approval"),
        "close": _text("Close"),
        "blocks": [{"type": "section", "text": words}],
    }


def page_of(request_id: str) -> str:
    return f"{settings.BASE_URL}/approvals/{request_id}/"


# ── Pieces ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _facts(request: ApprovalView, card: SlackCard) -> list[str]:
    found = [("Asked by", request.name_of(request.requester)), ("Kind", kind_word(request.kind))]
    if amount := amount_of(request):
        found.append(("Amount", amount))
    if days := days_word(request.starts_on, request.ends_on):
        found.append(("When", days))
    level = _level(card)
    if level is not None:
        found.append(("Level", f"{level.name} ({card.level} of {len(request.levels)})"))
    if card.round > 1:
        found.append(("Round", str(card.round)))
    return [f"*{label}*\n{escaped(_cut(value, 300))}" for label, value in found]


def _level(card: SlackCard) -> LevelView | None:
    """The card's level; None for one of a round before, whose decisions count no more."""
    if card.round != card.request.round or card.level > len(card.request.levels):
        return None
    return card.request.levels[card.level - 1]


def _decisions(card: SlackCard) -> list[str]:
    level = _level(card)
    return [_decision(card.request, one) for one in level.decisions] if level else []


def _decision(request: ApprovalView, one: DecisionView) -> str:
    """``Approved by Ana 14:02, in Slack: “Enjoy.”``, the time in the reader's zone."""
    who = request.name_of(one.approver)
    if one.on_behalf_of:
        who += f" for {request.name_of(one.on_behalf_of)}"
    word = "Approved" if one.approved else "Rejected"
    sentence = f"*{word} by {escaped(who)}* {_moment(one.at)}, {BY_DOOR.get(one.door, one.door)}"
    return f"{sentence}: “{escaped(_cut(one.comment, 300))}”" if one.comment else f"{sentence}."


def _standing(card: SlackCard) -> str:
    request, level = card.request, _level(card)
    if is_open(card) and level is not None:
        waiting = escaped(", ".join(request.name_of(username) for username in level.undecided[:20]))
        left = level.needed - level.approvals
        sentence = f"Waiting for {left} of {waiting}." if len(level.undecided) > 1 else f"Waiting for {waiting}."
        if level.is_escalated:
            names = escaped(", ".join(request.name_of(username) for username in level.escalate_to))
            sentence += f" Escalated to {names}."
        return sentence + (f" Until {_moment(request.deadline_at)}." if request.deadline_at else "")
    return escaped(_plain_standing(card))


def _plain_standing(card: SlackCard) -> str:
    request, level = card.request, _level(card)
    if level is None:
        return f"It was asked again; round {request.round} has a message of its own."
    if request.status == ApprovalStatus.CHANGES_REQUESTED:
        last = request.rounds[-1]
        return f"{request.name_of(last.changes_wanted_by)} asked for changes: “{_cut(last.changes_wanted, 300)}”"
    if request.status == ApprovalStatus.WITHDRAWN:
        return "The request was withdrawn."
    if request.status == ApprovalStatus.EXPIRED:
        return "The request has expired; nobody decided in time."
    if level.status == "approved":
        more = "The request is approved." if request.status == ApprovalStatus.APPROVED else "The next level decides."
        return f"{level.name} has approved. {more}"
    if request.status == ApprovalStatus.REJECTED:
        return "The request is rejected."
    return "This level is being decided."


def _buttons(card: SlackCard) -> list[Block]:
    request = card.request
    link = {"type": "button", "action_id": OPEN, "text": _text("Open"), "url": page_of(request.request_id)}
    if not is_open(card) or request.slack != SlackMode.BUTTONS:
        return [link]
    seen = {"request_id": request.request_id, "state_version": request.state_version}
    value = json.dumps(seen, separators=(",", ":"))
    approve = {"type": "button", "action_id": APPROVE, "text": _text("Approve"), "style": "primary", "value": value}
    reject = {"type": "button", "action_id": REJECT, "text": _text("Reject"), "style": "danger", "value": value}
    return [approve, reject, link]


def _moment(at: datetime) -> str:
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"


def _text(words: str) -> Block:
    return {"type": "plain_text", "text": words, "emoji": False}


def _mrkdwn(words: str) -> Block:
    return {"type": "mrkdwn", "text": words or " "}


def escaped(words: str) -> str:
    """People's own words must not become links, mentions or ``<!channel>``."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
