"""What a crash or an outage left half done, finished a little later. The worker runs these every few seconds.

Each may run in several workers at once: what they call is idempotent.
"""

from datetime import timedelta

import structlog
from django.utils import timezone

from dashboard.models import OpenSession, RequestKey
from orders import gateway
from orders.models import WebhookEvent

DELIVER_AFTER = timedelta(seconds=5)
"""An event still undelivered after this long was given up by the request that brought it."""
REQUEST_KEYS_KEPT = timedelta(days=30)
"""As long as Temporal keeps the outcome of the update that the key stands for."""

log = structlog.get_logger(__name__)


def deliver_received_events() -> None:
    """Payment events that were stored and not delivered, oldest first."""
    waiting = WebhookEvent.objects.filter(
        state=WebhookEvent.State.RECEIVED, received_at__lt=timezone.now() - DELIVER_AFTER
    )
    for pk in list(waiting.order_by("received_at", "pk").values_list("pk", flat=True)):
        event = WebhookEvent.objects.get(pk=pk)
        if event.state != WebhookEvent.State.RECEIVED:
            continue
        try:
            gateway.deliver_payment_event(event)
        except gateway.Unavailable as error:
            # Temporal is away for all of them alike.
            log.warning("payment_events_wait", reason=str(error))
            return
        except Exception:
            # One event that cannot be delivered must not hold up the others.
            log.exception("payment_event_not_delivered", event_id=event.event_id)


def start_starting_orders() -> None:
    """Orders whose row was written and whose workflow was not started."""
    gateway.finish_starting_orders()


def forget_request_keys() -> None:
    """Idempotency keys that are older than the outcomes they lead to."""
    RequestKey.objects.filter(created_at__lt=timezone.now() - REQUEST_KEYS_KEPT).delete()


def forget_expired_sessions() -> None:
    """Log-ins that have run out, by themselves."""
    OpenSession.forget_expired()
