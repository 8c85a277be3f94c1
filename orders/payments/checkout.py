"""The sandbox's hosted checkout: the page at the payment provider where a customer pays, public and signed.

Like a real one it knows the order only by what it was given when the page was made: the amount is in a signed session,
and a page that was left open still pays after the order was cancelled. What comes of that is the order's to sort out.
"""

import secrets
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dashboard.problem_answers import answers_problems
from orders import gateway
from orders.contract import OrderStatus, OrderView, PaymentStatus, is_order_id
from orders.models import SandboxCharge
from orders.payments.base import get_provider
from orders.payments.checkout_notice import send_notice
from orders.payments.sandbox import SandboxPaymentProvider, pay_at_checkout

ADDRESS_SALT = "orders.checkout.address"
SESSION_SALT = "orders.checkout.session"
SESSION_SECONDS = 24 * 3600


@dataclass(frozen=True)
class CheckoutSession:
    """What one showing of the page can be paid with, once: the nonce makes a double click one payment."""

    order_id: str
    amount_cents: int
    currency: str
    nonce: str


def checkout_url(order_id: str) -> str:
    """The full address of an order's checkout page; empty when the provider is not the sandbox."""
    if not _is_sandbox():
        return ""
    signature = signing.Signer(salt=ADDRESS_SALT).signature(order_id)
    return f"{settings.BASE_URL}{reverse('checkout', args=[order_id, signature])}"


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@answers_problems
def checkout(request: HttpRequest, order_id: str, signature: str) -> HttpResponse:
    """Pay an order, or have its card declined; then what came of it, with the notice to the shop sent again on demand."""
    _check_address(order_id, signature)
    if request.method == "POST":
        charge = _charge(order_id, request)
        if charge is None:
            return redirect(request.path)
        send_notice(charge)
        return redirect(f"{request.path}?payment={charge.payment_id}")
    if "payment" in request.GET:
        charge = get_object_or_404(SandboxCharge, order_id=order_id, payment_id=_payment_id(request.GET["payment"]))
        return render(request, "checkout/done.html", {"charge": charge, "path": request.path})
    view = gateway.read_order(order_id).view
    return render(request, "checkout/checkout.html", _page(view))


def _charge(order_id: str, request: HttpRequest) -> SandboxCharge | None:
    """What the form asks for; None when it is not one of ours, or too old."""
    choice = request.POST.get("choice", "")
    if choice == "again":
        payment_id = _payment_id(request.POST.get("payment", ""))
        return SandboxCharge.objects.filter(order_id=order_id, payment_id=payment_id).first()
    try:
        fields = signing.loads(request.POST.get("session", ""), salt=SESSION_SALT, max_age=SESSION_SECONDS)
    except signing.BadSignature:
        return None
    session = CheckoutSession(**fields)
    if session.order_id != order_id or choice not in {"pay", "decline", "less"}:
        return None
    amount_cents = session.amount_cents
    if choice == "less":
        if not _offers_less():
            return None
        amount_cents = max(1, amount_cents // 2)
    key = f"{order_id}:checkout:{session.nonce}:{choice}"
    return pay_at_checkout(key, order_id, amount_cents, session.currency, is_declined=choice == "decline")


def _page(view: OrderView) -> dict[str, Any]:
    session = CheckoutSession(view.order_id, view.total_cents, view.currency, secrets.token_hex(12))
    return {
        "order": view,
        "closed_because": _closed_because(view),
        "session": signing.dumps(asdict(session), salt=SESSION_SALT),
        "offers_less": _offers_less(),
    }


def _closed_because(view: OrderView) -> str:
    if view.payment.status in {PaymentStatus.PAID, PaymentStatus.REFUNDING, PaymentStatus.REFUNDED}:
        return "This order is paid already."
    if view.status in set(OrderStatus) and OrderStatus(view.status).is_final:
        return f"This order is {view.status}."
    if view.total_cents == 0:
        return "There is nothing to pay."
    return ""


def _check_address(order_id: str, signature: str) -> None:
    if not _is_sandbox() or not is_order_id(order_id) or not signature.isascii():
        raise Http404
    try:
        signing.Signer(salt=ADDRESS_SALT).unsign(f"{order_id}:{signature}")
    except signing.BadSignature as error:
        raise Http404 from error


def _payment_id(text: str) -> str:
    return text.replace("\0", "")[:64]


def _is_sandbox() -> bool:
    return isinstance(get_provider(), SandboxPaymentProvider)


def _offers_less() -> bool:
    """Paying too little is there to be tried out, not for customers."""
    return settings.DEMO or settings.DEBUG
