"""When a failing payment is tried again becomes a column, so that such orders are counted and listed whatever their number."""

from typing import Any

from django.db import migrations, models
from django.utils.dateparse import parse_datetime


def take_from_snapshots(apps: Any, schema_editor: Any) -> None:
    orders = apps.get_model("orders", "Order").objects.using(schema_editor.connection.alias)
    paying = orders.filter(stage="payment", status="pending").values_list("pk", "snapshot__payment__next_attempt_at")
    for pk, at in list(paying):
        if at:
            orders.filter(pk=pk).update(pays_again_at=parse_datetime(at))


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0005_takes_orders_and_reviews"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="pays_again_at",
            field=models.DateTimeField(
                blank=True, help_text="When its payment, which has failed, is tried again by itself.", null=True
            ),
        ),
        migrations.RunPython(take_from_snapshots, migrations.RunPython.noop, elidable=True),
        migrations.RemoveIndex(model_name="order", name="orders_paying"),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("pays_again_at__isnull", False)),
                fields=["status", "pays_again_at"],
                name="orders_paying_again",
            ),
        ),
    ]
