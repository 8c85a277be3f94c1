from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client

from approvals.models import ApprovalRequest, TrailRow
from campaigns.models import Campaign, SendHour, SendLog
from dashboard.home.frames import frames
from dashboard.home.snapshots import snapshots
from orders.models import Order, OrderEvent
from orders.projection import load_view
from tests.orders.orders_of import saved


@pytest.fixture(autouse=True)
def _debug(settings: Any, db: None) -> None:
    settings.DEBUG = True


def test_rows_of_all_areas_are_whole_and_pages_show_them() -> None:
    call_command("generate_rows", orders=60, requests=20, sends=50, stdout=StringIO())
    assert (Order.objects.count(), ApprovalRequest.objects.count(), SendLog.objects.count()) == (60, 20, 50)
    assert OrderEvent.objects.count() >= 60
    assert TrailRow.objects.count() >= 20
    assert Campaign.objects.get().audience_count == 50
    assert SendHour.objects.exists()
    order = Order.objects.first()
    assert order is not None
    assert load_view(order).order_id == order.order_id
    snapshots.forget()
    frames.forget()
    user = User.objects.create_user("auditor")
    user.groups.set(Group.objects.filter(name__in=["Operations", "Auditors", "Marketers"]))
    client = Client()
    client.force_login(user)
    for path in ("/", "/orders/?tab=all", "/approvals/?tab=all", "/campaigns/"):
        assert client.get(path).status_code == 200, path


def test_the_same_seed_makes_the_same_rows() -> None:
    call_command("generate_rows", orders=5, stdout=StringIO())
    first = list(Order.objects.order_by("pk").values_list("customer_id", "total_cents"))
    Order.objects.all().delete()
    call_command("generate_rows", orders=5, stdout=StringIO())
    assert list(Order.objects.order_by("pk").values_list("customer_id", "total_cents")) == first


@pytest.mark.parametrize(
    ("debug", "options", "said"),
    [
        (False, {"orders": 1}, "DEBUG or DEMO"),
        (True, {}, "How many"),
        (True, {"orders": -1}, "0 or more"),
        (True, {"sends": 1}, "has real orders"),
    ],
)
def test_it_says_no(settings: Any, debug: bool, options: dict[str, int], said: str) -> None:
    settings.DEBUG, settings.DEMO = debug, False
    saved()
    with pytest.raises(CommandError, match=said):
        call_command("generate_rows", **options)
    assert Order.objects.count() == 1
