"""The admin's forms, where they check more than the fields one by one."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from dashboard.one_row_admin import OneRowForm
from orders.contract import MAX_CENTS, InvalidField
from orders.models import OrderSettings, Product

MOST_PIECES = 1_000_000_000
SETTINGS = (
    "takes_orders",
    "closed_note",
    "review_above_cents",
    "payment_window",
    "shipment_window",
    "shipment_reminder",
    "max_lines",
    "payment_attempts",
    "payment_retry_initial_seconds",
    "payment_retry_maximum_seconds",
    "compensation_attempts",
    "packing_days",
    "transit_days_min",
    "transit_days_max",
)


class ProductForm(forms.ModelForm):
    adjust_stock_by = forms.IntegerField(
        required=False,
        min_value=-MOST_PIECES,
        max_value=MOST_PIECES,
        help_text="Pieces that came in, or with a minus went out. What orders reserve meanwhile stays reserved.",
    )

    class Meta:
        model = Product
        fields = ("sku", "name", "unit_price_cents", "currency", "stock", "is_active", "bought_together")

    def clean_unit_price_cents(self) -> int:
        cents: int = self.cleaned_data["unit_price_cents"]
        if cents > MAX_CENTS:
            raise ValidationError(f"Must be {MAX_CENTS} at most.")
        return cents

    def clean_stock(self) -> int:
        stock: int = self.cleaned_data["stock"]
        if stock > MOST_PIECES:
            raise ValidationError(f"Must be {MOST_PIECES} at most.")
        return stock

    def clean_adjust_stock_by(self) -> int:
        difference: int = self.cleaned_data["adjust_stock_by"] or 0
        stock = self.instance.stock
        if stock + difference < 0:
            raise ValidationError(f"Only {stock} pieces are free; orders hold the others.")
        if stock + difference > MOST_PIECES:
            raise ValidationError(f"The stock would be above {MOST_PIECES}.")
        return difference


class OrderSettingsForm(OneRowForm):
    class Meta:
        model = OrderSettings
        fields = SETTINGS

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name, value in list(cleaned.items()):
            if isinstance(value, timedelta) and value < timedelta(seconds=1):
                self.add_error(name, "Must be one second at least.")
        if not self.errors:
            self._check_as_policy(cleaned)
        return cleaned

    def _check_as_policy(self, cleaned: dict[str, Any]) -> None:
        """An order would refuse to start with settings that its own message does not allow."""
        try:
            OrderSettings(version=1, **{name: cleaned[name] for name in SETTINGS}).to_policy().check()
        except InvalidField as error:
            field = error.field.removeprefix("policy.")
            field = field if field in self.fields else field.removesuffix("_seconds")
            self.add_error(field, f"This {error.problem}.")
