"""The first minute: a few steps for who is new here, on the home page until they put it away."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from dashboard.access import logged_in
from dashboard.accounts.models import Profile
from dashboard.phrases import Part, code, text
from orders.contract import OrderStage, order_workflow_id
from orders.models import Order

_RUNS_CAMPAIGNS = ("campaigns.view_campaign", "campaigns.edit_campaign", "campaigns.send_campaign")


@dataclass(frozen=True)
class Step:
    """``link`` is empty for whoever may not do it; ``log_in`` then names who may, in the demo."""

    title: str
    text: Sequence[Part]
    link: str = ""
    log_in: str = ""


@dataclass(frozen=True)
class Tour:
    steps: tuple[Step, ...]


def tour_of(user: User) -> Tour | None:
    """None for whoever has put it away, and for whom there is nothing to show."""
    if Profile.objects.filter(user=user).exclude(tour_dismissed_at=None).exists():
        return None
    steps = [step for step in _steps(user) if step.link or (settings.DEMO and step.log_in)]
    return Tour(tuple(steps)) if steps else None


def _steps(user: User) -> list[Step]:
    may = user.has_perm
    newest, waiting = _orders(user)
    return [
        Step(
            "Place an order and take the payment",
            [
                text("Choose a customer and a product, place it, then “Take a card payment”: the card "),
                code("tok_visa"),
                text(" pays."),
            ]
            if settings.DEMO
            else [text("Choose a customer and a product, place it, then take the payment on its page.")],
            reverse("orders:new") if may("orders.operate_order") and may("orders.view_order") else "",
            "ops",
        ),
        Step(
            "Decide a request",
            [
                text("What waits for you stands first. "),
                *(
                    [
                        text("In the demo, log in as "),
                        code("manager"),
                        text(" to decide what "),
                        code("employee"),
                        text(" asks."),
                    ]
                    if settings.DEMO
                    else []
                ),
            ],
            reverse("approvals:list") if may("approvals.ask_approval") else "",
            "manager",
        ),
        Step(
            "Run a campaign",
            [text("Write a text, choose who gets it, launch it, and watch the line that always adds up.")],
            reverse("campaigns:new") if user.has_perms(_RUNS_CAMPAIGNS) else "",
            "marketer",
        ),
        Step(
            "Look behind the curtain",
            [text("What Temporal knows of an order: its timers, its attempts, its history in steps.")],
            reverse("technical:detail", args=[order_workflow_id(newest)])
            if newest and may("dashboard.view_technical")
            else "",
            "ops",
        ),
        Step(
            "Fast-forward a window",
            [
                text("This order waits 24 hours for its payment. In the demo its clock can be put ahead: "),
                text("watch it cancel itself."),
            ],
            reverse("orders:detail", args=[waiting]) if waiting and settings.DEMO else "",
        ),
    ]


def _orders(user: User) -> tuple[str, str]:
    """The newest order, and the newest that waits for its payment."""
    if not user.has_perm("orders.view_order"):
        return "", ""
    ids = Order.objects.order_by("-pk").values_list("order_id", flat=True)
    started = ids.exclude(status=Order.STARTING)
    return started.first() or "", started.filter(stage=OrderStage.AWAITING_PAYMENT).first() or ""


@require_POST
@logged_in
def dismiss(request: HttpRequest) -> HttpResponse:
    """Puts the tour away for good."""
    assert isinstance(request.user, User)
    Profile.objects.update_or_create(user=request.user, defaults={"tour_dismissed_at": timezone.now()})
    return redirect("home")
