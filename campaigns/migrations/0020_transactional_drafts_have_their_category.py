from django.db import migrations


def name_it(apps, schema_editor):
    """Drafts only: what is launched keeps the category that its messages have carried."""
    campaigns = apps.get_model("campaigns", "Campaign")
    campaigns.objects.filter(status="draft", transactional=True, category="marketing").update(category="transactional")


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0019_which_run_granted_it")]

    operations = [migrations.RunPython(name_it, migrations.RunPython.noop)]
