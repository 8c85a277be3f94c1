"""Acting on a request: one update for each, done once for each key. What is refused is noted for the auditors."""

import hashlib
import uuid
from dataclasses import asdict
from datetime import datetime
from typing import Protocol

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.utils import timezone
from temporalio.exceptions import ApplicationError

from approvals import audit
from approvals.contract import (
    FORBIDDEN,
    MAX_ATTACHMENT_BYTES,
    ApprovalStatus,
    ApprovalView,
    AttachmentInput,
    By,
    ChangesInput,
    CommentInput,
    DecisionInput,
    DelegationEndInput,
    DelegationInput,
    Door,
    PolicySnapshot,
    RefusalCode,
    ResubmitInput,
    WithdrawalInput,
    approval_workflow_id,
    is_within,
    mentioned,
)
from approvals.gateway.problems import (
    ApprovalProblem,
    InvalidRequest,
    NotPermitted,
    RequestNotFound,
    RequestRefused,
    Unavailable,
    naming_the_field,
)
from approvals.gateway.reading import read_any
from approvals.gateway.rights import TAKE_PART, require_part, require_sight
from approvals.gateway.submitting import names_of, people_of, preview_policy, with_covers
from approvals.models import ApprovalRequest, Attachment
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowCompleted, WorkflowNotFound
from temporal_worker.keys import digest

UPDATE_TIMEOUT = 10.0
"""Seconds within which an update has its answer, or is unavailable."""
ATTACHMENT_TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "txt": "text/plain",
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}
"""Files that may be attached, by the end of their name; the sender's own content type is not believed."""


class _Message(Protocol):
    @property
    def by(self) -> By: ...

    def check(self) -> None: ...


def decide(
    request_id: str,
    *,
    user: User,
    door: Door,
    approved: bool,
    comment: str,
    state_version: int,
    key: str,
    on_behalf_of: str = "",
    timeout: float = UPDATE_TIMEOUT,
) -> ApprovalView:
    """Approve or reject what ``user`` saw at ``state_version``.

    Raises:
        RequestNotFound, NotPermitted, InvalidRequest, RequestRefused, Unavailable
    """
    message = DecisionInput(approved, state_version, comment.strip(), By(user.username, door), on_behalf_of)
    return _update(request_id, "submit_decision", message, user, key, timeout=timeout)


def request_changes(
    request_id: str, *, user: User, door: Door, comment: str, state_version: int, key: str
) -> ApprovalView:
    message = ChangesInput(comment.strip(), state_version, By(user.username, door))
    return _update(request_id, "request_changes", message, user, key)


def resubmit(
    request_id: str,
    *,
    user: User,
    door: Door,
    title: str,
    description: str,
    amount_cents: int | None,
    key: str,
    starts_on: str | None = None,
    ends_on: str | None = None,
    comment: str = "",
) -> ApprovalView:
    """Ask again, changed. An amount that belongs under another policy brings that policy, as it is now."""
    require_part(user)
    require_sight(user, request_id)
    running = read_any(request_id).view  # its workflow's word: the row may be a moment behind
    policy = _policy_for_new_amount(running, user, amount_cents)
    names, covers = with_covers(names_of(people_of(policy)), policy, running.kind) if policy else ({}, [])
    message = ResubmitInput(
        title=title.strip(),
        description=description.strip(),
        amount_cents=amount_cents,
        by=By(user.username, door),
        starts_on=starts_on,
        ends_on=ends_on,
        comment=comment.strip(),
        policy=policy,
        covers=covers,
        names=names,
    )
    return _update(request_id, "resubmit", message, user, key)


def _policy_for_new_amount(running: ApprovalView, user: User, amount_cents: int | None) -> PolicySnapshot | None:
    """None while the request's own policy is for the amount: a change in the admin never reaches a running request."""
    if user.username != running.requester:
        return None  # refused by the workflow
    has_lost_its_amount = amount_cents is None and running.amount_cents is not None
    if not has_lost_its_amount and is_within(amount_cents, running.policy_min_cents, running.policy_max_cents):
        return None
    return preview_policy(user=user, kind=running.kind, amount_cents=amount_cents, currency=running.currency)


def withdraw(request_id: str, *, user: User, door: Door, reason: str, key: str) -> ApprovalView:
    return _update(request_id, "withdraw", WithdrawalInput(reason.strip(), By(user.username, door)), user, key)


def add_comment(request_id: str, *, user: User, door: Door, text: str, key: str) -> ApprovalView:
    """Say something. Active people with a right to take part who are named with ``@`` may see the request from then on."""
    named = User.objects.filter(username__in=mentioned(text), is_active=True)
    names = {one.username: one.get_full_name() or one.username for one in named if one.has_perm(TAKE_PART)}
    message = CommentInput(text.strip(), By(user.username, door), names)
    return _update(request_id, "add_comment", message, user, key)


def attach(
    request_id: str, *, user: User, door: Door, name: str, content: bytes, content_type: str, key: str
) -> ApprovalView:
    """Attach a small file. Django's storage keeps it; the request remembers its name, size and SHA-256."""
    require_part(user)
    require_sight(user, request_id)
    ending = name.rpartition(".")[2].lower()
    if ending not in ATTACHMENT_TYPES:
        raise InvalidRequest("file", f"Files of these kinds can be attached: {', '.join(ATTACHMENT_TYPES)}.")
    if not content:
        raise InvalidRequest("file", "The file is empty.")
    if len(content) > MAX_ATTACHMENT_BYTES:
        raise InvalidRequest(
            "file", f"A file has {MAX_ATTACHMENT_BYTES:,} bytes at most; this one has {len(content):,}."
        )
    sha256 = hashlib.sha256(content).hexdigest()
    # The same file under the same key is the same attachment, so that a repeat makes no second one.
    attachment_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{request_id}:{user.username}:{key}:{sha256}"))
    clean_name = " ".join(name.replace("\\", "/").rpartition("/")[2].split())[-200:]
    row, created = Attachment.objects.get_or_create(
        attachment_id=attachment_id,
        defaults={
            "request_id": request_id,
            "name": clean_name,
            "content_type": ATTACHMENT_TYPES[ending],
            "size": len(content),
            "sha256": sha256,
            "uploaded_by": user,
        },
    )
    if created:
        row.file.save(clean_name, ContentFile(content))
    message = AttachmentInput(attachment_id, clean_name, len(content), sha256, By(user.username, door))
    try:
        return _update(request_id, "attach", message, user, key)
    except Unavailable:
        raise  # the same key finds the file again
    except ApprovalProblem:
        row.file.delete(save=False)
        row.delete()
        raise


def open_attachment(request_id: str, attachment_id: str, user: User) -> Attachment:
    """The file's row. Raises RequestNotFound."""
    require_sight(user, request_id)
    row = Attachment.objects.filter(request_id=request_id, attachment_id=attachment_id).first()
    if row is None or not row.file:
        raise RequestNotFound(request_id)
    return row


def delegate(
    request_id: str, *, user: User, door: Door, to: str, until: datetime, reason: str, key: str
) -> ApprovalView:
    """Hand over what ``user`` has to decide here, until a moment."""
    delegate_user = User.objects.filter(username=to, is_active=True).first()
    if delegate_user is None or not delegate_user.has_perm(TAKE_PART):
        raise InvalidRequest("to", "There is nobody of this name who takes part in approvals.")
    message = DelegationInput(
        to=to,
        until=until,
        reason=reason.strip(),
        by=By(user.username, door),
        to_name=delegate_user.get_full_name() or to,
    )
    return _update(request_id, "delegate", message, user, key)


def end_delegation(request_id: str, *, user: User, door: Door, cover_id: str, key: str) -> ApprovalView:
    return _update(request_id, "end_delegation", DelegationEndInput(cover_id, By(user.username, door)), user, key)


def _update(
    request_id: str, update: str, message: _Message, user: User, key: str, *, timeout: float = UPDATE_TIMEOUT
) -> ApprovalView:
    """One update; its id is made of who, the key and what is asked, so a repeat is answered and not done again."""
    try:
        require_part(user)
        require_sight(user, request_id)
        with naming_the_field():
            message.check()
        return send_update(request_id, update, message, key, timeout=timeout)
    except Unavailable:
        raise
    except ApprovalProblem as problem:
        audit.record_attempt(
            request_id=request_id,
            who=user.username,
            on_behalf_of=getattr(message, "on_behalf_of", ""),
            door=message.by.door,
            what=_what(update, message),
            code=problem.code,
            reason=problem.detail,
            state_version=getattr(message, "state_version", None),
        )
        raise


def _what(update: str, message: _Message) -> str:
    if isinstance(message, DecisionInput):
        return "approve" if message.approved else "reject"
    return update


def send_update(
    request_id: str, update: str, message: _Message, key: str, *, timeout: float = UPDATE_TIMEOUT
) -> ApprovalView:
    """The update itself, in the name of ``message.by``.

    Raises:
        InvalidRequest, NotPermitted, RequestRefused, RequestNotFound, Unavailable
    """
    by = message.by
    update_id = f"{by.door}:{by.username}:{key}:{digest([update, asdict(message)])[:16]}"  # type: ignore[call-overload]
    try:
        return client.call(
            client.execute_update(
                approval_workflow_id(request_id),
                update,
                message,
                update_id=update_id,
                result_type=ApprovalView,
                timeout=timeout,
            ),
            timeout=timeout + 2,
        )
    except ApplicationError as error:
        raise _problem(error) from error
    except (WorkflowCompleted, WorkflowNotFound) as error:
        raise _over(request_id) from error
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error


def _problem(error: ApplicationError) -> ApprovalProblem:
    details = dict(error.details[0]) if error.details and isinstance(error.details[0], dict) else {}
    code = error.type or "refused"
    if code == RefusalCode.VALIDATION:
        return InvalidRequest(str(details.get("field", "")), error.message)
    if code in FORBIDDEN:
        return NotPermitted(code, error.message, details)
    return RequestRefused(code, error.message, details)


def _over(request_id: str) -> ApprovalProblem:
    """Why a request without a running workflow takes no more messages."""
    row = ApprovalRequest.objects.filter(request_id=request_id).first()
    if row is None:
        return RequestNotFound(request_id)
    if row.status == ApprovalRequest.STARTING:
        return Unavailable("The request has not started yet.", retry_after=2)
    codes = {
        ApprovalStatus.APPROVED: RefusalCode.APPROVED,
        ApprovalStatus.REJECTED: RefusalCode.REJECTED,
        ApprovalStatus.WITHDRAWN: RefusalCode.WITHDRAWN,
        ApprovalStatus.EXPIRED: RefusalCode.EXPIRED,
    }
    last = (row.snapshot.get("changes") or [{}])[-1]
    first = {name: last.get(name, "") for name in ("what", "who", "on_behalf_of", "door", "at")}
    how = f" {last['text'].rstrip('.')} ({last['door']}, {_moment(last['at'])})." if last else ""
    code = codes.get(ApprovalStatus(row.status), RefusalCode.EXPIRED)
    return RequestRefused(code, f"The request is {row.status} already:{how}", {"first": first})


def _moment(at: str) -> str:
    return f"{datetime.fromisoformat(at).astimezone(timezone.get_default_timezone()):%Y-%m-%d %H:%M:%S} UTC"
