from django.db import migrations

from dashboard.search.indexes import trigram_index


class Migration(migrations.Migration):
    atomic = False  # an index that is built beside the work takes no transaction

    dependencies = [("orders", "0002_tokens_move_out")]

    operations = [
        trigram_index(
            "orders_search",
            "orders_order",
            ["order_id", "customer_id", "customer_name", "customer_email", "skus", "tracking_number"],
        )
    ]
