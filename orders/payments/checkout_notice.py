"""The sandbox's side of the webhook: tells the shop what was paid at the checkout, as a real provider does."""

import json
import threading
import time
import urllib.error
import urllib.request

import structlog
from django.conf import settings

from orders.models import SandboxCharge
from orders.payments.events import PaymentEventType
from orders.payments.signature import HEADER, sign

RETRY_AFTER = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds before each attempt. After the last one the payer can have it sent again from the page."""

log = structlog.get_logger(__name__)


def notice_of(charge: SandboxCharge) -> bytes:
    """The event of a charge: always the same one, however often it is sent."""
    event = {
        "id": f"evt_{charge.payment_id.removeprefix('pay_')}",
        "type": PaymentEventType.SUCCEEDED if charge.is_charged else PaymentEventType.FAILED,
        "created": int(charge.created_at.timestamp()),
        "data": {
            "order_id": charge.order_id,
            "payment_id": charge.payment_id,
            "amount_cents": charge.amount_cents,
            "currency": charge.currency,
        },
    }
    return json.dumps(event).encode()


def send_notice(charge: SandboxCharge) -> threading.Thread:
    """Send the event to our own door, over HTTP and signed like anybody's, in a thread: nobody waits for it."""
    thread = threading.Thread(target=_send, args=(notice_of(charge),), name="checkout-notice", daemon=True)
    thread.start()
    return thread


def _send(body: bytes) -> None:
    for seconds in RETRY_AFTER:
        time.sleep(seconds)
        try:
            _post(body)
        except (OSError, urllib.error.HTTPError) as error:
            log.warning("checkout_notice_not_taken", reason=str(error))
        else:
            return
    log.error("checkout_notice_given_up", notice=body.decode())


def _post(body: bytes) -> None:
    request = urllib.request.Request(  # noqa: S310 - the address is our own setting
        f"{settings.BASE_URL}/webhooks/payments",
        data=body,
        headers={
            "Content-Type": "application/json",
            HEADER: sign(body, settings.PAYMENT_WEBHOOK_SECRETS[0], int(time.time())),
        },
    )
    # To ourselves, so past any proxy of the environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10):
        pass
