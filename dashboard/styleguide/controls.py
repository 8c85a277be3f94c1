"""Samples of what is pressed and typed into: what a search found, tries of a payment, a dialog."""

from datetime import datetime, timedelta
from types import SimpleNamespace

from django.utils.safestring import mark_safe

from dashboard.styleguide.part import Part


def found(now: datetime) -> Part:
    findings = [
        SimpleNamespace(
            title="ORD-20261119-140810-x7f2", detail="Jonas Lindqvist · $29.99", url="#main", mark="move", word="Paid"
        ),
        SimpleNamespace(
            title="ORD-20261119-140811-9b1c", detail="Ann Okafor · $1,349.00", url="#main", mark="ok", word="Delivered"
        ),
    ]
    found = SimpleNamespace(
        groups=[SimpleNamespace(icon="orders", name="Orders", findings=findings)], count=2, is_whole=True
    )
    return "search/_suggestions.html", {
        "asked": SimpleNamespace(is_enough=True, text="jonas"),
        "found": found,
        "place": "guide",
    }


def attempts(now: datetime) -> Part:
    card = SimpleNamespace(
        id="attempts",
        icon="card",
        label="Next try of the payment",
        ends_at=now + timedelta(minutes=2),
        then=" The card is charged once.",
        lead="It is tried again.",
        attempts=["is-failed", "is-failed", "is-next", "", ""],
        attempts_label="Two of five tries have failed",
    )
    return "orders/_timer_card.html", {"card": card}


def dialog(now: datetime) -> Part:
    field = SimpleNamespace(label="Reason", id_for_label="cancel-reason", help_text="The customer reads it.", errors=[])
    form = SimpleNamespace(
        heading="Cancel order",
        intro="$29.99 go back to the customer. This cannot be undone.",
        submit="Cancel the order",
        danger=True,
        hidden_fields=[],
        visible_fields=[_Drawn(field)],
        non_field_errors=[],
        multipart=False,
    )
    return "_action_form.html", {"form": form, "back": "#main", "request": SimpleNamespace(path="")}


class _Drawn:
    """A field that draws itself, as a form's do."""

    def __init__(self, field: SimpleNamespace) -> None:
        self.__dict__.update(vars(field))

    def __str__(self) -> str:
        return mark_safe(
            '<textarea class="input" id="cancel-reason" rows="2" aria-describedby="cancel-reason-hint">Ordered twice</textarea>'
        )
