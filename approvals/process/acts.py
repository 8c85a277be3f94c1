"""What people's accepted messages make of a request. Whether they are accepted: ``approvals.process.refusals``."""

from datetime import UTC, datetime

from approvals.contract import (
    AttachmentInput,
    AttachmentView,
    ChangesInput,
    CommentInput,
    DecisionInput,
    DelegationEndInput,
    DelegationInput,
    Notice,
    TrailKind,
    WithdrawalInput,
    mentioned,
)
from approvals.process import hand_overs, refusals
from approvals.process.state import ApprovalState


def decide(state: ApprovalState, decision: DecisionInput) -> None:
    place = refusals.place_of(state, decision.by.username, decision.on_behalf_of)
    escalated = place not in state.level.approvers
    state.decide(decision.by, decision.approved, decision.comment, place, escalated=escalated)


def want_changes(state: ApprovalState, wanted: ChangesInput) -> None:
    name = refusals.name_to_ask_in(state, wanted.by.username)
    state.want_changes(wanted.by, wanted.comment, name)


def withdraw(state: ApprovalState, withdrawal: WithdrawalInput) -> None:
    state.withdraw(withdrawal.by, withdrawal.reason)


def comment(state: ApprovalState, said: CommentInput) -> None:
    """People whom the gateway found among the mentions may see the request from now on, and are told."""
    named = [name for name in mentioned(said.text) if name in {*said.names, *state.involved()}]
    state.know(said.names)
    newcomers = [name for name in [said.by.username, *named] if name and name not in state.it.participants]
    state.it.participants += list(dict.fromkeys(newcomers))
    who = state.name(said.by.username) or "Somebody at Temporal's command line"
    state.record(TrailKind.COMMENTED, f"{who} commented.", by=said.by, comment=said.text)
    state.tell(Notice.MENTIONED, [name for name in named if name != said.by.username], said.text)


def attach(state: ApprovalState, file: AttachmentInput) -> None:
    state.it.attachments.append(
        AttachmentView(file.attachment_id, file.name, file.size, file.sha256, file.by.username, state.now)
    )
    text = f"{state.name(file.by.username)} attached {file.name} (SHA-256 {file.sha256})."
    state.record(TrailKind.ATTACHED, text, by=file.by)


def hand_over(state: ApprovalState, wish: DelegationInput) -> None:
    cover = hand_overs.cover_of(state, wish)
    if cover in state.it.covers:  # an absence that is told twice
        return
    state.it.covers = [one for one in state.it.covers if one.cover_id != cover.cover_id] + [cover]
    if wish.to_name:
        state.know({wish.to: wish.to_name})
    begins_later = state.expect([cover])
    since = f" from {_moment(cover.starts_at)}" if begins_later else ""
    who = f"{state.name(cover.delegate)} decides for {state.name(cover.principal)}"
    text = f"{who}{since} until {_moment(cover.until)}."
    state.record(TrailKind.DELEGATED, text, by=wish.by, on_behalf_of=cover.principal, comment=cover.reason)
    if not begins_later and state.waits_for(cover.principal):
        state.tell(Notice.DELEGATED, [cover.delegate], cover.reason)
    state.show_in_slack()


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def end_hand_over(state: ApprovalState, end: DelegationEndInput) -> None:
    cover = next(one for one in state.it.covers if one.cover_id == end.cover_id)
    state.it.covers = [one for one in state.it.covers if one.cover_id != end.cover_id]
    state.it.covers_ahead = [one for one in state.it.covers_ahead if one != end.cover_id]
    text = f"{state.name(cover.delegate)} no longer decides for {state.name(cover.principal)}."
    state.record(TrailKind.DELEGATION_ENDED, text, by=end.by, on_behalf_of=cover.principal)
    state.show_in_slack()
