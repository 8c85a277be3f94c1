"""Which workflows are campaigns, their shards and what has their next time started, stops of everything, people's actors,
welcomes and imports, for the technical view."""

import re

from django.contrib.auth.models import User
from django.urls import reverse

from campaigns import gateway
from campaigns.consumer_actor import USER_ID
from campaigns.contract import (
    campaign_workflow_id,
    import_workflow_id,
    is_import_id,
    user_actor_workflow_id,
    welcome_workflow_id,
)
from campaigns.gateway.acting import stop_workflow_id
from campaigns.gateway.imports import IMPORT
from campaigns.gateway.imports import SEE as SEE_IMPORTS
from campaigns.gateway.rights import SEE_CONTACTS, STOP_ALL
from campaigns.models import AudienceImport, Campaign, Contact
from dashboard.technical.processes import Process

_SHARD = re.compile(r"(?P<campaign>.+)-shard-(?P<number>\d{1,6})")
_OCCURRENCE = re.compile(r"(?P<campaign>.+?)-occurrence(?:-(?P<due>[0-9TZ:.+-]{1,40}))?")
"""A Schedule adds the moment that was due to the id that it was given."""
_STOP = re.compile(r"[A-Za-z0-9_-]{1,64}")


def recognise(workflow_id: str) -> Process | None:
    for prefix, found in (
        (stop_workflow_id(""), _stop),
        (campaign_workflow_id(""), _campaign),
        (import_workflow_id(""), _import),
        (user_actor_workflow_id(""), _actor),
        (welcome_workflow_id(""), _welcome),
    ):
        if workflow_id.startswith(prefix):
            return found(workflow_id.removeprefix(prefix))
    return None


def _stop(stop_id: str) -> Process | None:
    """Nothing of a stop is in the database: what Temporal has of it is all that there is."""
    if not _STOP.fullmatch(stop_id):
        return None
    return Process("Stop everything", reverse("campaigns:stop_report", args=[stop_id]), "campaigns", _may_stop_all)


def _campaign(name: str) -> Process | None:
    shard, occurrence = _SHARD.fullmatch(name), _OCCURRENCE.fullmatch(name)
    campaign_id = campaign_of(name)
    row = Campaign.objects.filter(campaign_id=campaign_id).only("name").first()
    if row is None:
        return None
    title = row.name
    if shard:
        title += f", shard {shard['number']}"
    elif occurrence:
        due = occurrence["due"]
        title += f", start of the time due {due.removesuffix('Z')} UTC" if due else ", start of a time"
    return Process(title, reverse("campaigns:detail", args=[campaign_id]), "campaigns", gateway.may_see)


def campaign_of(name: str) -> str:
    """The campaign that a workflow id names, when ``campaign-`` is taken off: its own, its shard's, its Schedule's."""
    part = _SHARD.fullmatch(name) or _OCCURRENCE.fullmatch(name)
    return part["campaign"] if part else name


def stop_of(workflow_id: str) -> str:
    """The stop's id; empty for what is no stop of everything."""
    stop_id = workflow_id.removeprefix(stop_workflow_id(""))
    return stop_id if workflow_id == stop_workflow_id(stop_id) and _STOP.fullmatch(stop_id) else ""


def _import(import_id: str) -> Process | None:
    row = AudienceImport.objects.filter(import_id=import_id).only("name").first() if is_import_id(import_id) else None
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


def _may_stop_all(user: User) -> bool:
    return gateway.may_see(user) and user.has_perm(STOP_ALL)


def _may_see_contacts(user: User) -> bool:
    return user.has_perm(SEE_CONTACTS)
