"""The order area's messages, to the letter: golden JSON, what they refuse, and that nothing here knows Django."""

import json
import subprocess
import sys
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.converter import default, value_to_type

from orders import contract
from orders.contract import (
    By,
    CancellationInput,
    CancellationSignal,
    Countdown,
    DeliveryInput,
    Door,
    Enrichment,
    Eta,
    InvalidField,
    ItemInput,
    LineItemSignal,
    ManualPaymentInput,
    OrderInput,
    OrderLine,
    OrderPolicy,
    OrderProgressView,
    OrderResult,
    OrderView,
    PaymentEvent,
    PaymentInput,
    PaymentView,
    Problem,
    RetryInput,
    ShipmentInput,
    ShipmentView,
    Shortage,
    TimelineEntry,
    TotalView,
)
from temporal_worker.snapshots import from_json

GOLDEN = json.loads((Path(__file__).parent / "golden_messages.json").read_text())
AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OPS = By("ops", Door.WEB)
LINE = OrderLine("LAPTOP-001", 1, "Laptop 14″", 129_999)

MESSAGES: dict[str, Any] = {
    "OrderInput": OrderInput("ORD-20261121-120000-7f3a", "CUST-1", "maren@example.com", [LINE], by=OPS),
    "ItemInput": ItemInput("MOUSE-001", 2, OPS),
    "LineItemSignal": LineItemSignal("MOUSE-001", 2),
    "PaymentInput": PaymentInput("card", "tok_visa", 129_999, OPS),
    "ManualPaymentInput": ManualPaymentInput("ops", "BANK-7", OPS),
    "PaymentEvent": PaymentEvent("evt_1", "pay_1", 129_999, "USD"),
    "ShipmentInput": ShipmentInput("DHL", "T-1", "Main St 1", OPS),
    "DeliveryInput": DeliveryInput(AT, "Maren", OPS),
    "CancellationInput": CancellationInput("changed my mind", OPS),
    "CancellationSignal": CancellationSignal("changed my mind", "maren"),
    "RetryInput": RetryInput("refund", OPS),
    "TotalView": TotalView(129_999, "USD"),
    "Eta": Eta(AT, AT, "Paid: 1 working day to pack.", AT),
    "OrderProgressView": OrderProgressView("paid", "awaiting_shipment", 9, 1, 129_999, "paid", "not_shipped"),
    "OrderResult": OrderResult("ORD-20261121-120000-7f3a", "delivered", 129_999, "USD"),
    "OrderView": OrderView(
        order_id="ORD-20261121-120000-7f3a",
        workflow_id="order-ORD-20261121-120000-7f3a",
        status="needs_attention",
        stage="reserve",
        version=4,
        currency="USD",
        total_cents=129_999,
        items=[LINE],
        shortages=[Shortage("LAPTOP-001", 1, 0)],
        eta=Eta(AT, AT, "If paid now.", AT),
        payment=PaymentView(provider_reference="pay_1", next_attempt_at=AT),
        shipment=ShipmentView("DHL", "T-1", "Main St 1", AT),
        timeline=[TimelineEntry(1, AT, "order_placed", OPS, "Order placed.", 129_999)],
        placed_at=AT,
        problem=Problem("reserve", "Not enough stock.", AT),
        countdowns=[Countdown("payment_window", "Payment window closes", AT, AT, "The order cancels itself.")],
        enrichment=Enrichment(7, ["MOUSE-001"]),
        reached={"start": AT},
    ),
}


def to_json(value: Any) -> Any:
    converter = default().payload_converter
    return json.loads(converter.to_payload(value).data)


@pytest.mark.parametrize("name", MESSAGES)
def test_golden(name: str) -> None:
    """Whoever changes this changes what foreign clients see: fields may be added, with defaults, and nothing else."""
    assert to_json(MESSAGES[name]) == GOLDEN[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_comes_back_as_it_went(name: str) -> None:
    message = MESSAGES[name]
    assert value_to_type(type(message), GOLDEN[name]) == message
    assert from_json(type(message), GOLDEN[name]) == message


@pytest.mark.parametrize(
    ("cls", "least"),
    [
        (ItemInput, {"sku": "A", "quantity": 1}),
        (LineItemSignal, {"sku": "A", "quantity": 1}),
        (PaymentInput, {"payment_method": "card", "card_token": "tok_visa", "amount_cents": 1}),
        (ManualPaymentInput, {"approved_by": "ops", "reference": "R"}),
        (PaymentEvent, {"event_id": "e", "payment_id": "p", "amount_cents": 1, "currency": "USD"}),
        (ShipmentInput, {"carrier": "DHL", "tracking_number": "1"}),
        (DeliveryInput, {}),
        (CancellationInput, {}),
        (CancellationSignal, {}),
        (RetryInput, {"step": "refund"}),
        (
            OrderInput,
            {"order_id": "O", "customer_id": "C", "customer_email": "a@b", "items": [{"sku": "A", "quantity": 1}]},
        ),
    ],
)
def test_the_fields_of_the_contract_are_enough(cls: type, least: dict[str, Any]) -> None:
    message = value_to_type(cls, least)
    message.check()
    if hasattr(message, "by"):
        assert message.by.door == Door.CLI


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (ItemInput("", 1), "sku"),
        (ItemInput("A", 0), "quantity"),
        (ItemInput("A", 10**9), "quantity"),
        (ItemInput("A" * 65, 1), "sku"),
        (ItemInput("A", 1, By("x", "window")), "by.door"),
        (PaymentInput("card", "t", -1), "amount_cents"),
        (CancellationInput("x" * 3_000), "reason"),
        (CancellationInput("a\0b"), "reason"),
        (DeliveryInput(datetime(2026, 1, 1)), "delivered_at"),
        (RetryInput("everything"), "step"),
        (ShipmentInput("DHL", " "), "tracking_number"),
        (OrderInput("O", "C", "no address", [LINE]), "customer_email"),
        (OrderInput("O", "C", "a@b", []), "items"),
        (OrderInput("O", "C", "a@b", [LINE, LINE]), "items.1.sku"),
        (OrderInput("O", "C", "a@b", [OrderLine("A", 0)]), "items.0.quantity"),
        (OrderInput("O", "C", "a@b", [OrderLine(str(n), 1) for n in range(51)]), "items"),
        (OrderInput("O", "C", "a@b", [LINE], policy=OrderPolicy(max_lines=0)), "policy.max_lines"),
        (OrderInput("O", "C", "a@b", [LINE], policy=OrderPolicy(review_above_cents=-1)), "policy.review_above_cents"),
        (OrderInput("O", "C", "a@b", [LINE], currency="dollar"), "currency"),
    ],
)
def test_refuses_and_names_the_field(message: Any, field: str) -> None:
    with pytest.raises(InvalidField) as problem:
        message.check()
    assert problem.value.field == field


def test_every_dataclass_has_type_hints_that_resolve() -> None:
    for value in vars(contract).values():
        if is_dataclass(value) and isinstance(value, type):
            assert [field.name for field in fields(value)]


def test_annotations_are_types() -> None:
    """The converter reads them for each object that it decodes; as texts that took four times as long."""
    dataclasses = [value for value in vars(contract).values() if isinstance(value, type) and is_dataclass(value)]
    texts = {(cls.__name__, field.name) for cls in dataclasses for field in fields(cls) if isinstance(field.type, str)}
    assert not texts


def test_no_token_in_a_repr() -> None:
    assert "tok_visa" not in repr(MESSAGES["PaymentInput"])


@pytest.mark.parametrize("module", ["orders.contract", "orders.workflows", "temporal_worker.progress"])
def test_imports_no_django(module: str) -> None:
    code = f"import sys, {module}; sys.exit(any(name.split('.')[0] == 'django' for name in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_contract_needs_the_standard_library_only() -> None:
    code = (
        "import sys; before = set(sys.modules); import orders.contract;"
        "new = {m.split('.')[0] for m in set(sys.modules) - before} - {'orders', 'temporal_worker'};"
        "sys.exit(bool(new - set(sys.stdlib_module_names)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
