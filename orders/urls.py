"""Order pages; a fragment lives under its page, an action is a noun that is POSTed."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from orders.contract import ORDER_ID
from orders.views import lists, live, new, order, unmatched


class OrderIdConverter(StringConverter):
    """``ORD-YYYYMMDD-HHMMSS-xxxx``; anything else is no page."""

    regex = ORDER_ID


class EventIdConverter(StringConverter):
    """Whatever a provider, or a signal from anywhere, calls a payment event: slashes and line breaks too."""

    regex = r"[\s\S]+"


register_converter(OrderIdConverter, "order_id")
register_converter(EventIdConverter, "event_id")

app_name = "orders"

ACTIONS = {
    "items": "items",
    "item_removal": "items/removal",
    "payment": "payment",
    "manual_payment": "manual-payment",
    "shipment": "shipment",
    "delivery": "delivery",
    "cancellation": "cancellation",
    "retry": "retry",
}

urlpatterns = [
    path("", lists.order_list, name="list"),
    path("export/", lists.export, name="export"),
    path("new/", new.new, name="new"),
    path("new/line/", new.line, name="new_line"),
    path("new/total/", new.total, name="new_total"),
    path("new/customer/", new.customer, name="new_customer"),
    path("unmatched/", unmatched.unmatched_list, name="unmatched"),
    path("unmatched/<event_id:event_id>/replay/", unmatched.replay, name="unmatched_replay"),
    path("unmatched/<event_id:event_id>/resolution/", unmatched.resolve, name="unmatched_resolution"),
    path("<order_id:order_id>/", order.detail, name="detail"),
    path("<order_id:order_id>/live/", live.live, name="live"),
    path("<order_id:order_id>/actions/", order.actions, name="actions"),
    *[path(f"<order_id:order_id>/{noun}/", order.act, {"name": name}, name=name) for name, noun in ACTIONS.items()],
]
