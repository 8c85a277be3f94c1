"""The form that places an order: who, where to, and the lines of a draft."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Q, QuerySet

from dashboard.keyed_forms import KeyedForm
from orders import gateway
from orders.contract import MAX_TEXT, By, OrderView
from orders.draft import Draft, Fields, read_draft
from orders.models import Customer, Product


class OrderForm(KeyedForm):
    customer = forms.CharField(
        label="Customer number or name",
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "customers"}),
        error_messages={"required": "Say whose order it is."},
    )
    customer_email = forms.EmailField(
        label="E-mail",
        max_length=254,
        help_text="The receipt goes here.",
        error_messages={"required": "The receipt needs an address.", "invalid": "This is not an e-mail address."},
    )
    shipping_address = forms.CharField(
        label="Delivery address", max_length=MAX_TEXT, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    draft: Draft

    def clean_customer_email(self) -> str:
        email: str = self.cleaned_data["customer_email"]
        return email.strip()

    def full_clean(self) -> None:
        super().full_clean()
        typed = str(self.data.get("customer_email", "")).strip()
        if typed and "@" not in typed and "customer_email" in self.errors:
            del self.errors["customer_email"]
            self.add_error("customer_email", "There is no “@” in this address. The receipt goes here.")

    def clean_customer(self) -> str:
        """Turns a known number or name into the customer; a number that is not known yet is a new customer's."""
        typed = " ".join(self.cleaned_data["customer"].split())
        found = list(_by_number_or_name(typed)[:2])
        if len(found) > 1:
            raise forms.ValidationError(f"Several customers are called {typed}. Give the number.")
        if not found and (" " in typed or len(typed) > 64):
            raise forms.ValidationError(f"No customer is called {typed}. Give the number; a new one is fine.")
        self.known_customer = found[0] if found else None
        return found[0].customer_id if found else typed

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        self.draft.check()
        if not self.draft.lines:
            self.add_error(None, "The order has no lines. Add an item.")
        return cleaned

    def is_valid(self) -> bool:
        return super().is_valid() and self.draft.is_valid

    def send(self, by: By) -> OrderView:
        """Place it. Raises :class:`orders.gateway.OrderProblem`."""
        asked = self.cleaned_data
        return gateway.start_order(
            customer_id=asked["customer"],
            customer_name=self.known_customer.name if self.known_customer else "",
            customer_email=asked["customer_email"],
            shipping_address=asked["shipping_address"],
            items=self.draft.items,
            by=by,
            key=self.key,
        )

    def blame(self, field: str, problem: str) -> None:
        """A problem with ``items.<n>.<field>`` goes beside its line."""
        match field.split("."):
            case ["items", number, part] if number.isdigit() and int(number) < len(self.draft.lines):
                line = self.draft.lines[int(number)]
                sentence = problem[:1].upper() + problem[1:]
                if part == "quantity":
                    line.quantity_error = sentence
                else:
                    line.sku_error = sentence
            case ["customer_id"]:
                super().blame("customer", problem)
            case _:
                super().blame(field, problem)

    @property
    def problems(self) -> list[tuple[str, str]]:
        """All that is to be corrected: the id of the field and the sentence, for the banner above the form."""
        found = [(f"f-{name}", str(error)) for name in self.fields for error in self.errors.get(name, [])]
        for line in self.draft.lines:
            found += [(f"sku-{line.key}", line.sku_error)] if line.sku_error else []
            found += [(f"quantity-{line.key}", f"{line.sku}: {line.quantity_error}")] if line.quantity_error else []
        return found + [("f-lines", str(error)) for error in self.non_field_errors()]


def read_order_form(data: Fields | None, products: list[Product], draft: Draft | None = None) -> OrderForm:
    form = OrderForm(data)
    form.draft = draft or read_draft(data, products) if data is not None else draft or Draft([], products)
    return form


@dataclass(frozen=True)
class CustomerHint:
    """What is known of the customer that is being typed, and whom the typing may mean."""

    choices: list[Customer]
    words: str = ""
    email: str = ""
    address: str = ""


def hint_for(typed: str) -> CustomerHint:
    """At most three queries, whatever is typed."""
    typed = " ".join(typed.replace("\0", " ").split())[:200]
    if not typed:
        return CustomerHint([])
    meant = Q(customer_id__icontains=typed) | Q(name__icontains=typed) | Q(email__icontains=typed)
    choices = list(Customer.objects.filter(meant)[:10])
    found = list(_by_number_or_name(typed)[:2])
    if len(found) != 1:
        return CustomerHint(choices, "" if choices or " " in typed else "A new customer.")
    customer = found[0]
    return CustomerHint(choices, f"{customer.name}, {customer.customer_id}", customer.email, customer.shipping_address)


def _by_number_or_name(typed: str) -> QuerySet[Customer]:
    by_number = Customer.objects.filter(customer_id__iexact=typed)
    return by_number if by_number.exists() else Customer.objects.filter(name__iexact=typed)
