from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0018_whose_row_has_a_problem")]

    operations = [
        migrations.AddField(
            model_name="sendlog",
            name="run_id",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Of what was granted: the actor's run whose history has it, as the update whose id is the grant "
                "id. What was refused leaves no event behind.",
                max_length=36,
            ),
        ),
        migrations.AlterField(
            model_name="sendlog",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("intent", "intent"),
                    ("sent", "sent"),
                    ("failed", "failed"),
                    ("unknown", "unknown"),
                    ("denied", "denied"),
                    ("deferred", "deferred"),
                    ("released", "released"),
                ],
                max_length=10,
            ),
        ),
    ]
