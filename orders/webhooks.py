"""The payment provider's door: a signed event is stored first, then delivered to its order.

The provider sends at least once, in any order, for days, until it gets a 2xx. So the answer is 2xx as soon as the event
is stored, whatever becomes of its delivery: what Temporal could not take is delivered later by :mod:`orders.reconciler`.
"""

import time

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.db.models import F
from django.http import HttpRequest, JsonResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from orders import gateway
from orders.contract import InvalidField
from orders.models import WebhookEvent
from orders.payments.events import PaymentNotice, UnknownType, read_notice
from orders.payments.signature import HEADER, BadSignature, check_signature
from orders.reconciler import DELIVER_AFTER

MAX_BODY = 64 * 1024

log = structlog.get_logger(__name__)


class EventReused(Exception):
    """An event id that is known came in again with another content."""


@csrf_exempt
def payments(request: HttpRequest) -> JsonResponse:
    """``POST /webhooks/payments``. 400 and 401: the signature; 413: the size; 422: the content; 409: another content."""
    if request.method != "POST":
        return JsonResponse({"detail": "Send events by POST."}, status=405, headers={"Allow": "POST"})
    try:
        body = request.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            return JsonResponse({"detail": f"An event has {MAX_BODY} bytes at most."}, status=413)
        check_signature(request.headers.get(HEADER), body, settings.PAYMENT_WEBHOOK_SECRETS, time.time())
        notice = read_notice(body)
        event, is_due = _store(notice)
    except UnreadablePostError:
        return JsonResponse({"detail": "The body broke off."}, status=400)
    except BadSignature as error:
        log.warning("webhook_refused", reason=str(error))
        return JsonResponse({"detail": str(error)}, status=error.status)
    except InvalidField as error:
        log.warning("webhook_refused", reason=str(error))
        return JsonResponse({"detail": str(error), "field": error.field}, status=422)
    except UnknownType as error:
        # 2xx, or the provider would send it for days.
        return JsonResponse({"status": "ignored", "detail": f"Events of type {error} are not used here."})
    except EventReused as error:
        log.error("webhook_event_reused", event_id=str(error))
        return JsonResponse(
            {"code": "event_reused", "detail": f"Event {error} is known with another content. Nothing was changed."},
            status=409,
        )
    except DatabaseError:
        log.exception("webhook_not_stored")
        return JsonResponse(
            {"detail": "The event could not be stored. Send it again."}, status=503, headers={"Retry-After": "5"}
        )
    if is_due:
        event = _deliver(event)
    return JsonResponse({"status": "received", "event_id": event.event_id, "state": event.state})


def _store(notice: PaymentNotice) -> tuple[WebhookEvent, bool]:
    """The event's one row, and whether this request is the one to deliver it."""
    content = {
        "type": notice.type.value,
        "order_id": notice.order_id,
        "payment_id": notice.payment_id,
        "amount_cents": notice.amount_cents,
        "currency": notice.currency,
        "created": notice.created,
    }
    event, is_new = WebhookEvent.objects.get_or_create(event_id=notice.event_id, defaults=content)
    if any(getattr(event, name) != value for name, value in content.items()):
        raise EventReused(notice.event_id)
    if not is_new:
        # By itself and not in a transaction with the read above: twenty repeats at once would queue for the write lock.
        WebhookEvent.objects.filter(pk=event.pk).update(deliveries=F("deliveries") + 1)
    is_left_over = event.state == WebhookEvent.State.RECEIVED and event.received_at < timezone.now() - DELIVER_AFTER
    return event, is_new or is_left_over


def _deliver(event: WebhookEvent) -> WebhookEvent:
    try:
        return gateway.deliver_payment_event(event)
    except gateway.Unavailable as error:
        log.warning("webhook_delivery_put_off", event_id=event.event_id, reason=str(error))
    except Exception:
        log.exception("webhook_delivery_failed", event_id=event.event_id)
    return event
