from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0016_slots_to_give_back")]

    operations = [
        migrations.AddField(
            model_name="sendlog",
            name="changes",
            field=models.JSONField(
                blank=True,
                null=True,
                help_text="The smallest changes that would have let it pass: field, current, needed.",
            ),
        ),
    ]
