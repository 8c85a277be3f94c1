from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0023_when_it_comes_again")]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="times_paused_key",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="campaign",
            name="times_resumed_key",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AlterField(
            model_name="campaign",
            name="times_paused_why",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="Who paused them, and why.", max_length=500
            ),
        ),
    ]
