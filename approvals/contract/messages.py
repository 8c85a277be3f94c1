"""What is sent to a request: its start and its updates."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime

from approvals.contract.answers import ApprovalView
from approvals.contract.checks import check_aware, check_date, check_username
from approvals.contract.policy import Caller, Cover, PolicySnapshot
from approvals.contract.words import (
    MAX_ATTACHMENT_BYTES,
    MAX_CENTS,
    MAX_COMMENT,
    MAX_DESCRIPTION,
    MAX_REASON,
    MAX_TITLE,
)
from temporal_worker.contract import By, InvalidField, check_number, check_text

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ApprovalInput:
    """What a request starts from. After a continue-as-new ``resume`` is the state of the run before, ``trail_saved`` how many
    entries of its trail are in the database, and ``answered`` marks the updates that it has answered."""

    request_id: str
    kind: str
    title: str
    requester: str
    policy: PolicySnapshot
    description: str = ""
    amount_cents: int | None = None
    currency: str = "USD"
    starts_on: str = ""
    ends_on: str = ""
    names: dict[str, str] = field(default_factory=dict)
    covers: list[Cover] = field(default_factory=list)
    caller: Caller | None = None
    by: By = field(default_factory=By)
    resume: ApprovalView | None = None
    trail_saved: int = 0
    answered: list[str] = field(default_factory=list)

    def check(self) -> None:
        check_text("request_id", self.request_id, most=64, required=True)
        check_text("kind", self.kind, most=40, required=True)
        _check_content(self.title, self.description, self.amount_cents, self.starts_on, self.ends_on)
        if not re.fullmatch(r"[A-Z]{3}", self.currency):
            raise InvalidField("currency", "must be a three-letter ISO 4217 code")
        check_username("requester", self.requester)
        self.policy.check()
        if not self.policy.covers(self.amount_cents):
            raise InvalidField("amount_cents", f"is not covered by the policy {self.policy.name}")
        for number, level in enumerate(self.policy.levels):
            if self.requester in {*(seat.username for seat in level.seats), *level.escalate_to}:
                raise InvalidField(f"policy.levels.{number}", "names the requester, who must not decide")
        for cover in self.covers:
            cover.check()
        if self.caller is not None:
            self.caller.check()
        self.by.check()


def _check_content(title: str, description: str, amount_cents: int | None, starts_on: str, ends_on: str) -> None:
    check_text("title", title, most=MAX_TITLE, required=True)
    check_text("description", description, most=MAX_DESCRIPTION)
    if amount_cents is not None:
        check_number("amount_cents", amount_cents, least=1, most=MAX_CENTS)
    check_date("starts_on", starts_on)
    check_date("ends_on", ends_on)
    if starts_on and ends_on and date.fromisoformat(ends_on) < date.fromisoformat(starts_on):
        raise InvalidField("ends_on", "must not be before starts_on")


@dataclass(frozen=True)
class DecisionInput:
    """``submit_decision``. ``state_version`` is the one that its author saw; ``on_behalf_of`` may be left to the request."""

    approved: bool
    state_version: int
    comment: str = ""
    by: By = field(default_factory=By)
    on_behalf_of: str = ""

    def check(self) -> None:
        check_text("comment", self.comment, most=MAX_COMMENT)
        check_number("state_version", self.state_version, least=0, most=10**9)
        self.by.check()
        if self.on_behalf_of:
            check_username("on_behalf_of", self.on_behalf_of)


@dataclass(frozen=True)
class CommentInput:
    """``add_comment``. ``names`` says what the people are called that the gateway found among the mentions."""

    text: str
    by: By = field(default_factory=By)
    names: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        check_text("text", self.text, most=MAX_COMMENT, required=True)
        self.by.check()


@dataclass(frozen=True)
class AttachmentInput:
    """``attach``: a file that Django keeps; the request remembers what it was."""

    attachment_id: str
    name: str
    size: int
    sha256: str
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("attachment_id", self.attachment_id, most=64, required=True)
        check_text("name", self.name, most=200, required=True)
        check_number("size", self.size, least=1, most=MAX_ATTACHMENT_BYTES)
        if not _DIGEST.fullmatch(self.sha256):
            raise InvalidField("sha256", "must be a SHA-256 in hex")
        self.by.check()


@dataclass(frozen=True)
class ChangesInput:
    """``request_changes``: what should be different. The request waits for its requester."""

    comment: str
    state_version: int
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("comment", self.comment, most=MAX_COMMENT, required=True)
        check_number("state_version", self.state_version, least=0, most=10**9)
        self.by.check()


@dataclass(frozen=True)
class ResubmitInput:
    """``resubmit``: the request as it shall be now, and a new round. None and "" in a date keep what was.

    ``policy`` is set by the gateway when the amount belongs under another one.
    """

    title: str
    description: str
    amount_cents: int | None = None
    by: By = field(default_factory=By)
    starts_on: str | None = None
    ends_on: str | None = None
    comment: str = ""
    policy: PolicySnapshot | None = None
    covers: list[Cover] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def check(self) -> None:
        _check_content(self.title, self.description, self.amount_cents, self.starts_on or "", self.ends_on or "")
        check_text("comment", self.comment, most=MAX_COMMENT)
        self.by.check()
        if self.policy is not None:
            self.policy.check()
        for cover in self.covers:
            cover.check()


@dataclass(frozen=True)
class DelegationInput:
    """``delegate``: ``to`` decides for ``by`` until a moment. The gateway fans an absence out with ``cover_id`` and
    ``principal``; only the system's door may name another principal."""

    to: str
    until: datetime
    reason: str = ""
    by: By = field(default_factory=By)
    starts_at: datetime | None = None
    principal: str = ""
    cover_id: str = ""
    to_name: str = ""

    def check(self) -> None:
        check_username("to", self.to)
        check_aware("until", self.until)
        if self.starts_at is not None:
            check_aware("starts_at", self.starts_at)
            if self.until <= self.starts_at:
                raise InvalidField("until", "must be after starts_at")
        check_text("reason", self.reason, most=MAX_REASON)
        check_text("cover_id", self.cover_id, most=64)
        check_text("to_name", self.to_name, most=150)
        if self.principal:
            check_username("principal", self.principal)
        self.by.check()


@dataclass(frozen=True)
class DelegationEndInput:
    """``end_delegation``: the hand-over ``cover_id`` ends now."""

    cover_id: str
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("cover_id", self.cover_id, most=64, required=True)
        self.by.check()


@dataclass(frozen=True)
class WithdrawalInput:
    """``withdraw``."""

    reason: str = ""
    by: By = field(default_factory=By)

    def check(self) -> None:
        check_text("reason", self.reason, most=MAX_REASON)
        self.by.check()
