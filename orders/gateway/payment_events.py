"""What the payment provider says about an order: handed to it, kept for it, or made good after it."""

from dataclasses import replace

from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from orders import projection, unmatched
from orders.contract import (
    TASK_QUEUE,
    WORKFLOW_TYPE,
    InvalidField,
    OrderInput,
    OrderView,
    PaymentEvent,
    PaymentStatus,
    order_workflow_id,
)
from orders.gateway.problems import Unavailable
from orders.models import Order, OrderSettings, WebhookEvent
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowCompleted, WorkflowNotFound
from temporal_worker.links import page_link

SIGNALS = {
    "payment.succeeded": "confirm_payment",
    "payment.failed": "report_payment_failed",
    "payment.refunded": "report_payment_refunded",
}


def deliver_payment_event(event: WebhookEvent) -> WebhookEvent:
    """Hand a stored payment event to its order, or put it on the unmatched list. Safe to repeat.

    Raises:
        Unavailable: Temporal is out of reach; the event stays ``received``, and the reconciler comes back to it.
    """
    message = PaymentEvent(event.event_id, event.payment_id, event.amount_cents, event.currency)
    try:
        if not _signal_order(event, message):
            _keep_for_later(event, message)
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    event.refresh_from_db()
    return event


def _signal_order(event: WebhookEvent, message: PaymentEvent) -> bool:
    """Whether there is, or was, such an order."""
    try:
        client.call(client.signal(order_workflow_id(event.order_id), SIGNALS[event.type], message))
    except WorkflowNotFound:
        row = Order.objects.filter(order_id=event.order_id).exclude(status=Order.STARTING).first()
        if row is None:
            return False
        _deliver_late(event, message)
    except WorkflowCompleted:
        _deliver_late(event, message)
    except InvalidField as problem:
        unmatched.record_unmatched(event, str(problem))
    else:
        _set_state(event, WebhookEvent.State.DELIVERED)
    return True


def _keep_for_later(event: WebhookEvent, message: PaymentEvent) -> None:
    """No such order, or not yet. The list first, then once more the order: it may have started between the two.

    An order that starts later still looks for events that came before it.
    """
    reason = f"There is no order {event.order_id}."
    unmatched.record_unmatched(event, reason)
    if _signal_order(event, message):
        unmatched.settle_by_system(event, "The order took it as it started.", listed_for=reason)


def _deliver_late(event: WebhookEvent, message: PaymentEvent) -> None:
    """The order is closed. Money that comes in now goes back: the order's workflow wakes again to see to it."""
    row = Order.objects.get(order_id=event.order_id)
    view = projection.load_view(row)
    is_own = event.payment_id == view.payment.provider_reference
    if event.type == "payment.failed" or (is_own and view.payment.status == PaymentStatus.REFUNDED):
        _set_state(event, WebhookEvent.State.IGNORED)
    elif event.type == "payment.succeeded" and is_own:
        _set_state(event, WebhookEvent.State.DELIVERED)
    elif event.type == "payment.refunded":
        unmatched.record_unmatched(event, f"The order is {row.status}; the provider says that its payment went back.")
    else:
        try:
            _reopen(view, message)
        except InvalidField as problem:
            unmatched.record_unmatched(event, f"The order is {row.status} and cannot be opened again: {problem}.")
        else:
            _set_state(event, WebhookEvent.State.DELIVERED)


def _reopen(view: OrderView, message: PaymentEvent) -> None:
    """Raises InvalidField: no workflow would take it."""
    policy = OrderSettings.current().to_policy()
    order = OrderInput(
        order_id=view.order_id,
        customer_id=view.customer_id,
        customer_email=view.customer_email,
        customer_name=view.customer_name,
        shipping_address=view.shipping_address,
        currency=view.currency,
        items=view.items,
        # It has the lines that it has, whatever the settings allow by now.
        policy=replace(policy, max_lines=max(policy.max_lines, len(view.items))),
        resume=view,
    )
    order.check()
    client.call(
        client.start_workflow(
            WORKFLOW_TYPE,
            order,
            id=order_workflow_id(view.order_id),
            task_queue=TASK_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            # Two late events at once meet in one run.
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="confirm_payment",
            start_signal_args=[message],
            static_summary=f"Late payment event of the order of {view.customer_name or view.customer_id}"[:200],
            static_details=page_link(f"/orders/{view.order_id}/"),
        )
    )


def _set_state(event: WebhookEvent, state: WebhookEvent.State) -> None:
    """Only forward: the order itself may have put the event on the unmatched list by now, and has the last word."""
    WebhookEvent.objects.filter(pk=event.pk, state=WebhookEvent.State.RECEIVED).update(state=state)
