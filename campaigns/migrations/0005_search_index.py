from django.db import migrations

from dashboard.search.indexes import trigram_index


class Migration(migrations.Migration):
    atomic = False  # an index that is built beside the work takes no transaction

    dependencies = [("campaigns", "0004_own_cap_and_send_times")]

    operations = [trigram_index("contacts_search", "campaigns_contact", ["user_id", "name", "email", "phone"])]
