"""What a payment provider tells by webhook, read and checked field by field."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from dashboard.strict_json import WHOLE, read_json
from orders.contract import InvalidField, PaymentEvent

_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_YEAR_9999 = 253_370_764_800
_FIELDS = {str: "a string", int: "a whole number", dict: "an object"}


class PaymentEventType(StrEnum):
    SUCCEEDED = "payment.succeeded"
    FAILED = "payment.failed"
    REFUNDED = "payment.refunded"


class UnknownType(Exception):
    """A well-formed event of a type that means nothing to us."""


@dataclass(frozen=True)
class PaymentNotice:
    """One event as the provider sent it; ``created`` is when it says that it happened."""

    event_id: str
    type: PaymentEventType
    created: datetime
    order_id: str
    payment_id: str
    amount_cents: int
    currency: str


def read_notice(body: bytes) -> PaymentNotice:
    """The event in a webhook's body.

    Raises:
        InvalidField: naming the field that is missing, of the wrong type or senseless.
        UnknownType: nothing is wrong with it but that we do not know what it means.
    """
    event = read_json(body)
    if not isinstance(event, dict):
        raise InvalidField(WHOLE, "must be a JSON object")
    event_id: str = _take(event, "id", str)
    kind: str = _take(event, "type", str)
    created: int = _take(event, "created", int)
    if not 0 <= created < _YEAR_9999:
        raise InvalidField("created", "must be a time in unix seconds")
    if len(kind) > 60 or not _TYPE.fullmatch(kind):
        raise InvalidField("type", "must be of the form payment.succeeded")
    if kind not in set(PaymentEventType):
        raise UnknownType(kind)
    data = _take(event, "data", dict)
    notice = PaymentNotice(
        event_id=event_id,
        type=PaymentEventType(kind),
        created=datetime.fromtimestamp(created, UTC),
        order_id=_take(data, "order_id", str, "data."),
        payment_id=_take(data, "payment_id", str, "data."),
        amount_cents=_take(data, "amount_cents", int, "data."),
        currency=_take(data, "currency", str, "data.").upper(),
    )
    _check(notice)
    return notice


def _take(source: Mapping[str, Any], name: str, kind: type, prefix: str = "") -> Any:
    value = source.get(name)
    if value is None:
        raise InvalidField(prefix + name, "is missing")
    # type(), because True is an int to isinstance().
    if type(value) is not kind:
        raise InvalidField(prefix + name, f"must be {_FIELDS[kind]}")
    return value


def _check(notice: PaymentNotice) -> None:
    """The limits of the message that the order gets, under the names that the sender knows."""
    try:
        PaymentEvent(notice.event_id, notice.payment_id, notice.amount_cents, notice.currency).check()
    except InvalidField as error:
        field = "id" if error.field == "event_id" else f"data.{error.field}"
        raise InvalidField(field, error.problem) from None
    if not re.fullmatch("[A-Z]{3}", notice.currency):
        raise InvalidField("data.currency", "must be a three-letter ISO 4217 code")
    if not notice.order_id.strip() or len(notice.order_id) > 64 or not notice.order_id.isprintable():
        raise InvalidField("data.order_id", "must have 1 to 64 printable characters")
