"""The order area's demo data: what a person finds in the shop when the demo starts, and what the tests stand on."""

from dataclasses import dataclass

from django.db import transaction

from orders.models import Customer, OrderSettings, Product


@dataclass(frozen=True)
class DemoProduct:
    sku: str
    name: str
    unit_price_cents: int
    stock: int
    bought_together: tuple[str, ...] = ()


PRODUCTS = (
    DemoProduct("LAPTOP-001", "Laptop 14″, 32 GB", 129_999, 1_500, ("MOUSE-001", "DOCK-001", "SLEEVE-014")),
    DemoProduct("MOUSE-001", "Wireless mouse", 2_999, 5_000, ("KEYBOARD-001",)),
    DemoProduct("KEYBOARD-001", "Mechanical keyboard", 7_999, 3_000, ("MOUSE-001",)),
    DemoProduct("MONITOR-027", "Monitor 27″, 4K", 44_900, 800, ("CABLE-USBC", "ARM-001")),
    DemoProduct("DOCK-001", "Docking station, 12 ports", 18_950, 400, ("CABLE-USBC",)),
    DemoProduct("HEADSET-002", "Headset with noise cancelling", 15_900, 650),
    DemoProduct("WEBCAM-004", "Webcam, 1440p", 8_990, 320),
    DemoProduct("ARM-001", "Monitor arm", 11_500, 150),
    DemoProduct("SLEEVE-014", "Laptop sleeve 14″, wool felt", 3_950, 900),
    DemoProduct("CABLE-USBC", "USB-C cable, 2 m", 1_490, 12_000),
    # Ten pieces and no more: the one to see a shortage with.
    DemoProduct("LIMITED-010", "Anniversary keycaps, numbered", 24_900, 10, ("KEYBOARD-001",)),
)

# (customer number, name, e-mail, address)
CUSTOMERS = (
    ("CUST-001", "Amara Okafor", "amara.okafor@example.com", "14 Orchard Row, Bristol BS1 4QT"),
    ("CUST-002", "Jonas Lindqvist", "jonas.lindqvist@example.com", "Storgatan 8, 211 42 Malmö"),
    ("CUST-003", "Mei Tanaka", "mei.tanaka@example.com", "2-11-3 Meguro, Tokyo 153-0063"),
    ("CUST-004", "Lucía Fernández", "lucia.fernandez@example.com", "Calle de Alcalá 120, 28009 Madrid"),
    ("CUST-005", "Samuel Osei", "samuel.osei@example.com", "5 Harbour View, Portland, ME 04101"),
    ("CUST-006", "Ingrid Weber", "ingrid.weber@example.com", "Lindenallee 42, 50968 Köln"),
    ("CUST-007", "Noor Haddad", "noor.haddad@example.com", "Rue de Flandre 31, 1000 Bruxelles"),
    (
        "CUST-008",
        "Theatre Royal, props office",
        "props@theatre-royal.example.com",
        "Stage Door, King Street, York YO1 9WT",
    ),
)


@transaction.atomic
def load_demo_data() -> None:
    """Products, customers and the settings row. What is there already stays as it is, stock and prices too."""
    missing = {product.sku for product in PRODUCTS} - set(Product.objects.values_list("sku", flat=True))
    Product.objects.bulk_create(
        Product(sku=product.sku, name=product.name, unit_price_cents=product.unit_price_cents, stock=product.stock)
        for product in PRODUCTS
        if product.sku in missing
    )
    rows = Product.objects.in_bulk([product.sku for product in PRODUCTS], field_name="sku")
    for product in PRODUCTS:
        if product.sku in missing and product.bought_together:
            rows[product.sku].bought_together.add(*(rows[sku] for sku in product.bought_together))
    Customer.objects.bulk_create(
        (
            Customer(customer_id=number, name=name, email=email, shipping_address=address)
            for number, name, email, address in CUSTOMERS
        ),
        ignore_conflicts=True,
    )
    OrderSettings.current()
