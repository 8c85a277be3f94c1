from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0020_transactional_drafts_have_their_category")]

    operations = [
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                fields=["user_id"], condition=models.Q(own_cap__isnull=False), name="contact_with_own_cap"
            ),
        ),
    ]
