from django.db import migrations, models
from django.utils import timezone


def ask_for_the_next_times(apps, schema_editor):
    """A moment that has come has a worker ask Temporal, of recurring campaigns that are under way."""
    firsts = apps.get_model("campaigns", "Campaign").objects.filter(first=None, times_ended_at=None)
    live = firsts.exclude(recurs="").exclude(launched_at=None).exclude(status="draft")
    live.update(next_time_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0022_who_asks_first")]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="next_time_at",
            field=models.DateTimeField(
                blank=True, help_text="When a recurring one comes again, as it is known; empty: not any more.", null=True
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="times_until",
            field=models.DateTimeField(
                blank=True, help_text="The end of a recurring one, once its row has its first time's.", null=True
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="times_paused_why",
            field=models.CharField(blank=True, db_default="", default="", max_length=500),
        ),
        migrations.AddIndex(
            model_name="campaign",
            index=models.Index(
                condition=models.Q(("next_time_at__isnull", False)),
                fields=["next_time_at"],
                name="campaigns_that_come_again",
            ),
        ),
        migrations.RunPython(ask_for_the_next_times, migrations.RunPython.noop),
    ]
