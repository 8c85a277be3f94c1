"""Forgetting who somebody was wherever their name or an address of theirs was copied to.

Their contact's own row forgets by :meth:`campaigns.models.Contact.erase`. Files of imports, which may name them too, are
deleted with their import's end (``tidy_import``), Temporal's histories with their retention; neither is looked at here.
"""

import re

from django.db.models import Q

from campaigns.models import Contact, ImportProblem, PreferenceChange, SandboxMessage, SendLog, StagedContact

GONE = "(erased)"
"""What stands where an address or a name was, in a sentence that stays."""


def erase_copies(contact: Contact) -> None:
    """Blank what says who they were, in other rows than their own. Rows stay: counts and decisions add up as before.

    Call it while the contact still has its name and addresses, which are looked for, in the transaction that erases them.
    """
    user_id = contact.user_id
    StagedContact.objects.filter(user_id=user_id).update(values={})
    SandboxMessage.objects.filter(user_id=user_id).update(address="", subject="", text="")
    own = [text for text in (contact.email, contact.phone, contact.push_token, contact.name) if text.strip()]
    # A row that was rejected before it was kept whose it is has no id: those are found by what they show.
    shows = Q(user_id=user_id)
    for text in own:
        shows |= Q(user_id="", value__icontains=text)
    ImportProblem.objects.filter(shows).exclude(value="").update(value=GONE)
    if own:
        _blank_words(user_id, own)


def _blank_words(user_id: str, own: list[str]) -> None:
    """Of what was written about them: a mail server's answer names the address, and somebody's note may."""
    named = re.compile("|".join(re.escape(text) for text in sorted(own, key=len, reverse=True)), re.IGNORECASE)
    for model, field in ((SendLog, "detail"), (PreferenceChange, "text")):
        written = model._default_manager.filter(user_id=user_id).exclude(**{field: ""})
        for key, words in written.values_list("pk", field).iterator(chunk_size=1_000):
            if named.search(words):
                # An update, for a preference change refuses to be saved again; this is the one change of it that there is.
                model._default_manager.filter(pk=key).update(**{field: named.sub(GONE, words)[:500]})
