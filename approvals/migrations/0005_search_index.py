from django.db import migrations

from dashboard.search.indexes import trigram_index


class Migration(migrations.Migration):
    atomic = False  # an index that is built beside the work takes no transaction

    dependencies = [("approvals", "0004_places_and_retries")]

    operations = [
        trigram_index(
            "approvals_search", "approvals_approvalrequest", ["request_id", "title", "requester", "requester_name"]
        )
    ]
