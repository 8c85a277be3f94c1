from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0017_what_would_have_let_it_pass")]

    operations = [
        migrations.AddField(
            model_name="importproblem",
            name="user_id",
            field=models.CharField(blank=True, db_default="", db_index=True, default="", editable=False, max_length=64),
        ),
    ]
