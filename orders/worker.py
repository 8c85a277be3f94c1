"""What the order area asks of the worker process."""

from datetime import timedelta

from orders import activities, reconciler
from orders.contract import TASK_QUEUE
from orders.workflows import OrderWorkflow
from temporal_worker.registry import AreaWorker, Periodic

AREA_WORKER = AreaWorker(
    task_queue=TASK_QUEUE,
    workflows=[OrderWorkflow],
    activities=[
        activities.snapshot_inventory,
        activities.load_customer_profile,
        activities.recommend_products,
        activities.hold_stock,
        activities.ship_stock,
        activities.collect_early_payments,
        activities.record_unmatched_payment,
        activities.charge_payment,
        activities.look_up_charge,
        activities.refund_payment,
        activities.save_order,
        activities.send_order_mail,
    ],
    periodic=[
        Periodic("start taken orders", timedelta(seconds=5), reconciler.start_starting_orders),
        Periodic("deliver payment events", timedelta(seconds=5), reconciler.deliver_received_events),
        Periodic("forget old request keys", timedelta(hours=6), reconciler.forget_request_keys),
        Periodic("forget expired sessions", timedelta(hours=6), reconciler.forget_expired_sessions),
    ],
)
