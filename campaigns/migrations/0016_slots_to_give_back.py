from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0015_who_is_not_waited_for")]

    operations = [
        migrations.AddField(
            model_name="sendlog",
            name="holds_slot",
            field=models.BooleanField(
                db_default=False,
                default=False,
                editable=False,
                help_text="It did not go out, and its actor has not answered yet that it knows.",
            ),
        ),
        migrations.AddIndex(
            model_name="sendlog",
            index=models.Index(condition=models.Q(("holds_slot", True)), fields=["at"], name="send_log_holds_slot"),
        ),
    ]
