"""What an approval leads to, done once for each request, whatever is repeated. Plug your own systems in here."""

from datetime import date

from approvals.contract import ApprovalView
from approvals.models import LeaveBooking, Payout


def book_leave(request: ApprovalView) -> str:
    """Enter the leave in the calendar of absences; says so in words."""
    LeaveBooking.objects.get_or_create(
        request_id=request.request_id,
        defaults={
            "username": request.requester,
            "starts_on": _date(request.starts_on),
            "ends_on": _date(request.ends_on),
        },
    )
    days = f", {request.starts_on} to {request.ends_on}" if request.starts_on and request.ends_on else ""
    return f"The leave was booked{days}."


# By kind: what the reference begins with, and what was done.
_PAYOUTS = {
    "expense": ("EXP", "The expense was released for payment"),
    "travel": ("TRV", "The travel was released for booking"),
}
_ORDER = ("PO", "The order was released")


def release_payout(request: ApprovalView) -> str:
    """Release the money; says under which reference in words."""
    prefix, what = _PAYOUTS.get(request.kind, _ORDER)
    payout, _ = Payout.objects.get_or_create(
        request_id=request.request_id,
        defaults={
            # The request's own number, so that whoever repeats this finds the same reference.
            "reference": f"{prefix}-{request.request_id.removeprefix('REQ-')}",
            "kind": request.kind,
            "username": request.requester,
            "amount_cents": request.amount_cents,
            "currency": request.currency,
        },
    )
    return f"{what}, reference {payout.reference}."


def _date(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
