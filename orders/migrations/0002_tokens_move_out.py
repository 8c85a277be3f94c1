"""API tokens and request keys are for all areas: their tables go to ``dashboard``, with what is in them."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.AlterModelTable("apitoken", "dashboard_apitoken"),
                migrations.AlterModelTable("requestkey", "dashboard_requestkey"),
            ],
            state_operations=[migrations.DeleteModel("ApiToken"), migrations.DeleteModel("RequestKey")],
        )
    ]
