"""The gate: how a pause is exact. See :mod:`campaigns.contract.batches`."""

from django.db import connection

from campaigns.models import Campaign


def close_gate(campaign_id: str, gate: int) -> int:
    """Raise a campaign's gate to ``gate`` at least; answers what it is. Committed when the caller has no transaction."""
    Campaign.objects.filter(campaign_id=campaign_id, gate__lt=gate).update(gate=gate)
    return gate_of(campaign_id)


def gate_of(campaign_id: str) -> int:
    """Raises Campaign.DoesNotExist."""
    return Campaign.objects.values_list("gate", flat=True).get(campaign_id=campaign_id)


def hold_gate(campaign_id: str) -> int:
    """The gate, which stays as it is until the transaction's end. Intents of one campaign do not wait for one another."""
    table = connection.ops.quote_name(Campaign._meta.db_table)
    # Django knows no FOR SHARE; FOR UPDATE would let one intent through at a time. SQLite has no locks of rows and needs
    # none: the transaction has the whole database from its start.
    share = "FOR SHARE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT gate FROM {table} WHERE campaign_id = %s {share}", [campaign_id])  # noqa: S608
        row = cursor.fetchone()
    return int(row[0]) if row else -1
