from django.db import migrations

from dashboard.search.indexes import trigram_index


class Migration(migrations.Migration):
    atomic = False  # an index that is built beside the work takes no transaction

    dependencies = [
        ("approvals", "0007_notices_that_failed"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [trigram_index("people_search", "auth_user", ["email"])]
