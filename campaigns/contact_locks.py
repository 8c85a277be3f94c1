"""The locks of contacts' rows: whoever changes what a person wishes, or is about to send to them, holds theirs."""

from collections.abc import Iterable

from campaigns.models import Contact


def lock_contact(user_id: str) -> Contact | None:
    """The contact, locked until the transaction's end. (On SQLite the whole database is, from the transaction's start.)"""
    return lock_contacts([user_id]).get(user_id)


def lock_contacts(user_ids: Iterable[str]) -> dict[str, Contact]:
    """Those of them that there are, by user id. Locked in the order of their ids: two who want the same ones take turns."""
    locked = Contact.objects.select_for_update(no_key=True).filter(user_id__in=set(user_ids)).order_by("user_id")
    return {contact.user_id: contact for contact in locked}
