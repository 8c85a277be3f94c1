"""API tokens and request keys: made by ``orders``, whose second migration has renamed their tables."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def take_content_types(apps, schema_editor):
    """The admin's log and rights given to single people speak of the models by these rows."""
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(schema_editor.connection.alias)
    for model in ("apitoken", "requestkey"):
        if not content_types.filter(app_label="dashboard", model=model).exists():
            content_types.filter(app_label="orders", model=model).update(app_label="dashboard")


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("orders", "0002_tokens_move_out"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="ApiToken",
                    fields=[
                        ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                        ("name", models.CharField(max_length=100)),
                        ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                        ("is_demo", models.BooleanField(default=False, editable=False, help_text="Refused outside the demo.")),
                        ("created_at", models.DateTimeField(auto_now_add=True)),
                        ("last_used_at", models.DateTimeField(blank=True, editable=False, null=True)),
                        ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="api_tokens", to=settings.AUTH_USER_MODEL)),
                    ],
                    options={"verbose_name": "API token", "ordering": ["user", "name"]},
                ),
                migrations.CreateModel(
                    name="RequestKey",
                    fields=[
                        ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                        ("key", models.CharField(max_length=200)),
                        ("request_hash", models.CharField(max_length=64)),
                        ("created_at", models.DateTimeField(auto_now_add=True, db_index=True)),
                        ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        "constraints": [models.UniqueConstraint(fields=("user", "key"), name="one_request_per_key")],
                    },
                ),
            ]
        ),
        migrations.RunPython(take_content_types, migrations.RunPython.noop),
    ]
