from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0014_who_said_transactional")]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="recount_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When somebody deferred has opted out of it; empty: its workflow knows of it.",
                null=True,
            ),
        ),
    ]
