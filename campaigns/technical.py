"""Which workflows are campaigns and their shards, people's actors, welcomes and imports, for the technical view."""

import re

from django.contrib.auth.models import User
from django.urls import reverse

from campaigns import gateway
from campaigns.consumer_actor import USER_ID
from campaigns.contract import (
    campaign_workflow_id,
    import_workflow_id,
    user_actor_workflow_id,
    welcome_workflow_id,
)
from campaigns.gateway.imports import IMPORT
from campaigns.gateway.imports import SEE as SEE_IMPORTS
from campaigns.gateway.rights import SEE_CONTACTS
from campaigns.models import AudienceImport, Campaign, Contact
from dashboard.technical.processes import Process

_SHARD = re.compile(r"(?P<campaign>.+)-shard-(?P<number>\d{1,6})")


def recognise(workflow_id: str) -> Process | None:
    for prefix, found in (
        (campaign_workflow_id(""), _campaign),
        (import_workflow_id(""), _import),
        (user_actor_workflow_id(""), _actor),
        (welcome_workflow_id(""), _welcome),
    ):
        if workflow_id.startswith(prefix):
            return found(workflow_id.removeprefix(prefix))
    return None


def _campaign(campaign_id: str) -> Process | None:
    shard = _SHARD.fullmatch(campaign_id)
    row = Campaign.objects.filter(campaign_id=shard["campaign"] if shard else campaign_id).only("name").first()
    if row is None:
        return None
    name = f"{row.name}, shard {shard['number']}" if shard else row.name
    link = reverse("campaigns:detail", args=[shard["campaign"] if shard else campaign_id])
    return Process(name, link, "campaigns", gateway.may_see)


def _import(import_id: str) -> Process | None:
    row = AudienceImport.objects.filter(import_id=import_id).only("name").first()
    if row is None:
        return None
    link = reverse("campaigns:import", args=[import_id])
    return Process(row.name or import_id, link, "contacts", _may_see_imports)


def _actor(user_id: str) -> Process | None:
    return _person(user_id, "Actor of {}")


def _welcome(user_id: str) -> Process | None:
    return _person(user_id, "Welcome of {}")


def _person(user_id: str, title: str) -> Process | None:
    if not re.fullmatch(USER_ID, user_id):
        return None
    contact = Contact.objects.filter(user_id=user_id).only("name").first()
    if contact is None:
        return None
    link = reverse("campaigns:person", args=[user_id])
    return Process(title.format(contact.name or user_id), link, "people", _may_see_contacts)


def _may_see_imports(user: User) -> bool:
    return user.has_perm(SEE_IMPORTS) or user.has_perm(IMPORT)


def _may_see_contacts(user: User) -> bool:
    return user.has_perm(SEE_CONTACTS)
