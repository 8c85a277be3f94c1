import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0009_how_late_it_may_begin")]

    operations = [
        migrations.AlterField(
            model_name="campaignsettings",
            name="batch_size",
            field=models.PositiveIntegerField(
                default=500,
                help_text="Recipients of one activity.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(1000),
                ],
            ),
        )
    ]
