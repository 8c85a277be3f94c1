from django.db import migrations, models


def keep_what_was_asked(apps, schema_editor):
    """Of a recurring campaign none of whose times has come: there it still stands in what its first one starts from."""
    settings = apps.get_model("campaigns", "CampaignSettings").objects.first()
    if settings is not None and settings.approval_above == 0:
        return  # everything is asked for, and this cannot be told from it
    launched = apps.get_model("campaigns", "Campaign").objects.filter(first=None, planned_at=None)
    launched = launched.exclude(recurs="").exclude(launched_at=None)
    launched.filter(start_input__limits__approval_above=0).update(asks_first=True)


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0021_who_has_a_cap_of_their_own")]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="asks_first",
            field=models.BooleanField(
                db_default=False, default=False, verbose_name="an approval is asked for however few they are"
            ),
        ),
        migrations.RunPython(keep_what_was_asked, migrations.RunPython.noop),
    ]
