from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0004_tour_dismissed"),
    ]

    operations = [
        migrations.AddField(
            model_name="profile",
            name="single_key_shortcuts",
            field=models.BooleanField(
                default=True, help_text="Letters and signs act by themselves, outside of fields (WCAG 2.2, 2.1.4)."
            ),
        ),
    ]
