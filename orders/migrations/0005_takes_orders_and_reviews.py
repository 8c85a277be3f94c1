import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0004_home_page"),
    ]

    operations = [
        migrations.AddField(
            model_name="ordersettings",
            name="closed_note",
            field=models.CharField(
                blank=True,
                help_text="Why, and until when: people and programs read it who want to place an order.",
                max_length=200,
                verbose_name="what is said meanwhile",
            ),
        ),
        migrations.AddField(
            model_name="ordersettings",
            name="review_above_cents",
            field=models.PositiveBigIntegerField(
                blank=True,
                help_text="A paid order whose total is above this is not shipped before a person has released it, against "
                "fraud. In the smallest unit of the order's currency, 100000 for $1,000.00; empty: none is held, 0: each is.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(1000000000000)],
                verbose_name="reviewed above",
            ),
        ),
        migrations.AddField(
            model_name="ordersettings",
            name="takes_orders",
            field=models.BooleanField(
                default=True,
                help_text="Switched off – for maintenance, for stocktaking – nobody can place an order, on the pages and by "
                "the API. Orders under way go on, and can be acted on.",
                verbose_name="new orders are taken",
            ),
        ),
    ]
