"""Which workflows are orders, for the technical view."""

from django.contrib.auth.models import User
from django.urls import reverse

from dashboard.technical.processes import Process
from orders.contract import is_order_id, order_workflow_id
from orders.models import Order


def recognise(workflow_id: str) -> Process | None:
    order_id = workflow_id.removeprefix(order_workflow_id(""))
    if workflow_id != order_workflow_id(order_id) or not is_order_id(order_id):
        return None
    if not Order.objects.filter(order_id=order_id).exists():
        return None
    return Process(order_id, reverse("orders:detail", args=[order_id]), "orders", _may_see)


def _may_see(user: User) -> bool:
    return user.has_perm("orders.view_order")
