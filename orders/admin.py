"""Configuration to edit, and the projection of the orders to look at. Nothing here changes a running order."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import F, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse

from dashboard.admin_effects import Effect, EffectAdmin
from dashboard.admin_history import HistoryAdmin
from dashboard.one_row_admin import OneRowAdmin
from dashboard.records import RecordAdmin, RecordInline
from orders import admin_effects
from orders.admin_forms import OrderSettingsForm, ProductForm
from orders.models import (
    Customer,
    Order,
    OrderEvent,
    OrderMail,
    OrderSettings,
    Product,
    Reservation,
    SandboxCharge,
    SandboxRefund,
    StockHold,
    UnmatchedEvent,
    WebhookEvent,
)
from temporal_worker.money import money

# ── Configuration ────────────────────────────────────────────────────────────────────────────────────────────────────


@admin.register(Product)
class ProductAdmin(EffectAdmin):
    """Stock is changed by a difference: orders reserve pieces while the form is open, and those must not come back."""

    help_line = "What can be ordered: prices, stock, and what is shown beside it."
    form = ProductForm
    help_texts: ClassVar[dict[str, str]] = {
        "sku": "Its number. Orders know it by that, so it cannot be changed afterwards.",
        "name": "What people read in lists, on orders and in mails.",
        "currency": "Of the price, as USD.",
        "is_active": "Taken off, new orders cannot have it; those that have it go on.",
    }
    list_display = ("sku", "name", "price", "stock", "held", "is_active")
    list_display_links = ("sku", "name")
    list_filter = ("is_active", "currency")
    search_fields = ("sku", "name")
    filter_horizontal = ("bought_together",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return super().get_queryset(request).annotate(held_now=Sum("reservations__quantity"))

    @admin.display(description="price", ordering="unit_price_cents")
    def price(self, product: Product) -> str:
        return money(product.unit_price_cents, product.currency)

    @admin.display(description="held by orders, or shipped", ordering="held_now")
    def held(self, product: Any) -> int:
        return product.held_now or 0

    def get_fields(self, request: HttpRequest, obj: Product | None = None) -> Any:
        stock = ("stock", "adjust_stock_by") if obj else ("stock",)
        return ("sku", "name", "unit_price_cents", "currency", *stock, "is_active", "bought_together")

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> Any:
        # Orders know a product by its SKU.
        return ("sku", "stock") if obj else ()

    def effect(self, request: HttpRequest, form: Any, change: bool) -> Effect:
        return admin_effects.of_product(form)

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        if not change:
            super().save_model(request, obj, form, change)
            return
        columns = {field.name for field in Product._meta.concrete_fields} - {"stock"}
        if changed := columns & set(form.changed_data):
            obj.save(update_fields=changed)
        self._adjust_stock(request, obj, form.cleaned_data.get("adjust_stock_by") or 0)

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:
        words = super().construct_change_message(request, form, formsets, add)
        difference = form.cleaned_data.get("adjust_stock_by")
        if not difference or not isinstance(words, str):
            return words
        stock = Product.objects.values_list("stock", flat=True).get(pk=form.instance.pk)
        return f"{words}; Stock now: {stock:,}"

    def _adjust_stock(self, request: HttpRequest, product: Product, difference: int) -> None:
        enough = Product.objects.filter(pk=product.pk, stock__gte=-difference)
        if difference and not enough.update(stock=F("stock") + difference):
            messages.error(request, "The stock was not changed: orders have taken pieces meanwhile. Look again.")


@admin.register(Customer)
class CustomerAdmin(HistoryAdmin):
    help_line = "Whom orders are placed for. An order copies what it needs: a change reaches new orders only."
    help_texts: ClassVar[dict[str, str]] = {
        "customer_id": "By which orders name them, so it cannot be changed afterwards.",
        "name": "What people read in lists, on orders and in mails.",
        "email": "Where mails about their orders go.",
        "shipping_address": "What a new order begins with; it may name another one.",
    }
    list_display = ("customer_id", "name", "email")
    search_fields = ("customer_id", "name", "email")

    def get_readonly_fields(self, request: HttpRequest, obj: Customer | None = None) -> Any:
        return ("customer_id",) if obj else ()

    def why_kept(self, obj: Customer) -> list[str]:
        number = Order.objects.filter(customer_id=obj.customer_id).exclude(status__in=admin_effects.OVER).count()
        return [f"Orders for {obj.name} that are under way: {number}."] if number else []


@admin.register(OrderSettings)
class OrderSettingsAdmin(OneRowAdmin):
    """One row. Orders that are placed after a change carry the new version; running ones keep theirs."""

    help_line = "How long orders wait, how often they try again, how much fits into one; whether new ones are taken."
    form = OrderSettingsForm
    help_texts: ClassVar[dict[str, str]] = {
        "shipment_window": "How long after the payment an order may take to ship before it needs attention. Days, "
        "hours:minutes:seconds.",
        "shipment_reminder": "How often operations are reminded of an order that ships late. Days, hours:minutes:seconds.",
        "max_lines": "An order with more lines than this is refused.",
        "payment_retry_initial_seconds": "How long it waits before the second try; each further wait is twice as long, …",
        "payment_retry_maximum_seconds": "… and none is longer than this.",
        "packing_days": "Working days from the payment until it leaves; what customers are told counts with them.",
        "transit_days_min": "Working days on the way, when all goes well: the earliest day that customers are told.",
        "transit_days_max": "And the latest. When it passes, the estimate slips by a working day.",
    }
    readonly_fields = ("version", "changed_at")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("version", "changed_at", "seen_version")}),
        ("New orders", {"fields": ("takes_orders", "closed_note")}),
        ("Windows", {"fields": ("payment_window", "shipment_window", "shipment_reminder")}),
        ("Limits", {"fields": ("max_lines", "review_above_cents")}),
        (
            "Tries",
            {
                "fields": (
                    "payment_attempts",
                    "payment_retry_initial_seconds",
                    "payment_retry_maximum_seconds",
                    "compensation_attempts",
                )
            },
        ),
        ("Delivery", {"fields": ("packing_days", "transit_days_min", "transit_days_max")}),
    )

    def effect(self, request: HttpRequest, form: Any, change: bool) -> Effect:
        return admin_effects.of_settings(form)

    def before(self, obj: OrderSettings) -> list[str]:
        return admin_effects.before_settings()


# ── Projection, read only ────────────────────────────────────────────────────────────────────────────────────────────


@admin.register(Order)
class OrderAdmin(RecordAdmin):
    help_line = "Each order as its workflow last saved it."
    list_display = ("order_id", "status", "stage", "customer_name", "total", "version", "placed_at", "updated_at")
    list_filter = ("status", "stage", "is_late")
    search_fields = ("order_id", "customer_id", "customer_name", "customer_email", "tracking_number")
    date_hierarchy = "placed_at"

    @admin.display(description="total", ordering="total_cents")
    def total(self, order: Order) -> str:
        return money(order.total_cents, order.currency)

    def view_on_site(self, obj: Order) -> str:
        return reverse("orders:detail", args=[obj.order_id])


@admin.register(OrderEvent)
class OrderEventAdmin(RecordAdmin):
    help_line = "The timelines of all orders."
    list_display = ("order", "sequence", "at", "kind", "username", "door", "text")
    list_filter = ("kind", "door")
    search_fields = ("order__order_id", "username", "text")
    list_select_related = ("order",)
    ordering = ("-at", "-pk")


@admin.register(OrderMail)
class OrderMailAdmin(RecordAdmin):
    help_line = "Mails about orders, each written down before it is sent."
    list_display = ("order", "kind", "number", "recipient", "subject", "sent_at")
    list_filter = ("kind",)
    search_fields = ("order__order_id", "recipient", "subject")
    list_select_related = ("order",)
    ordering = ("-pk",)


@admin.register(WebhookEvent)
class WebhookEventAdmin(RecordAdmin):
    help_line = "What the payment provider has told us."
    list_display = ("event_id", "type", "order_id", "amount", "state", "deliveries", "received_at")
    list_filter = ("state", "type")
    search_fields = ("event_id", "order_id", "payment_id")

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, event: WebhookEvent) -> str:
        return money(event.amount_cents, event.currency)


@admin.register(UnmatchedEvent)
class UnmatchedEventAdmin(RecordAdmin):
    help_line = "Payments that no order could take. They are settled on their own page."
    list_display = ("event", "reason", "first_seen_at", "replayed_at", "resolved_at", "resolved_by", "resolution")
    list_filter = (("resolved_at", admin.EmptyFieldListFilter),)
    search_fields = ("event__event_id", "event__order_id", "reason")
    list_select_related = ("event",)


@admin.register(Reservation)
class ReservationAdmin(RecordAdmin):
    help_line = "Pieces that orders hold, or have shipped."
    list_display = ("order_id", "product", "quantity", "shipped_at")
    list_filter = (("shipped_at", admin.EmptyFieldListFilter),)
    search_fields = ("order_id", "product__sku")
    list_select_related = ("product",)
    ordering = ("-pk",)


@admin.register(StockHold)
class StockHoldAdmin(RecordAdmin):
    help_line = "Which request for stock of an order was applied last."
    list_display = ("order_id", "revision")
    search_fields = ("order_id",)
    ordering = ("-pk",)


class SandboxRefundInline(RecordInline):
    model = SandboxRefund
    fields = readonly_fields = ("refund_id", "amount_cents", "idempotency_key", "created_at")


@admin.register(SandboxCharge)
class SandboxChargeAdmin(RecordAdmin):
    help_line = "The sandbox provider's own books."
    list_display = ("payment_id", "order_id", "amount", "is_charged", "refunded_cents", "timeouts", "created_at")
    list_filter = ("is_charged",)
    search_fields = ("payment_id", "order_id", "idempotency_key")
    inlines = (SandboxRefundInline,)

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, charge: SandboxCharge) -> str:
        return money(charge.amount_cents, charge.currency)
