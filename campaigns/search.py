"""What the search box finds among the campaigns and the contacts: the same as their lists do."""

from django.contrib.auth.models import User
from django.urls import reverse

from campaigns.contact_list import searched
from campaigns.contract import is_import_id
from campaigns.gateway.imports import SEE as SEE_IMPORTS
from campaigns.gateway.rights import SEE_CAMPAIGNS, SEE_CONTACTS, STOP_ALL
from campaigns.listing import ROW_FIELDS, Listing
from campaigns.models import AudienceImport, Campaign, Contact
from campaigns.presentation.row import row_of
from campaigns.technical import campaign_of, stop_of
from dashboard.search.findings import Asked, Finding, Group
from dashboard.search.planning import planned


def page_of(user: User, text: str) -> str | None:
    """The workflow of a shard or of a Schedule leads to its campaign, a welcome's to its person, a stop's to its report."""
    if (stop_id := stop_of(text)) and user.has_perm(SEE_CAMPAIGNS) and user.has_perm(STOP_ALL):
        return reverse("campaigns:stop_report", args=[stop_id])
    campaign_id = campaign_of(text.removeprefix("campaign-"))
    if user.has_perm(SEE_CAMPAIGNS) and Campaign.objects.filter(campaign_id=campaign_id).exists():
        return reverse("campaigns:detail", args=[campaign_id])
    user_id = text.removeprefix("user-actor-").removeprefix("welcome-")
    if user.has_perm(SEE_CONTACTS) and Contact.objects.filter(user_id=user_id).exists():
        return reverse("campaigns:person", args=[user_id])
    return _import_page(text) if user.has_perm(SEE_IMPORTS) else None


def _import_page(text: str) -> str | None:
    import_id = text.removeprefix("import-")
    if not is_import_id(import_id) or not AudienceImport.objects.filter(import_id=import_id).exists():
        return None
    return reverse("campaigns:import", args=[import_id])


def find(user: User, asked: Asked, most: int) -> list[Group]:
    groups = []
    if user.has_perm(SEE_CAMPAIGNS):
        groups.append(_campaigns(asked, most))
    if user.has_perm(SEE_CONTACTS):
        groups.append(_contacts(asked, most))
    return groups


def _campaigns(asked: Asked, most: int) -> Group:
    listing = Listing.read({"q": " ".join(asked.words)})
    found = list(listing.campaigns().only(*ROW_FIELDS).order_by("-pk")[: most + 1])
    more = reverse("campaigns:list") + listing.url() if len(found) > most else ""
    return Group("Campaigns", "campaigns", [_campaign(row) for row in found[:most]], more)


def _campaign(campaign: Campaign) -> Finding:
    row = row_of(campaign)
    return Finding(
        title=row.name,
        detail=f"{row.campaign_id} · {row.channel}",
        url=reverse("campaigns:detail", args=[row.campaign_id]),
        mark=row.status.mark,
        word=row.status.word,
    )


def _contacts(asked: Asked, most: int) -> Group:
    words = " ".join(word.removeprefix("user-actor-") for word in asked.words)
    found = list(planned(searched(Contact.objects.order_by("user_id"), words))[: most + 1])
    more = reverse("campaigns:people", query={"q": words}) if len(found) > most else ""
    return Group("People", "people", [_contact(contact) for contact in found[:most]], more)


def _contact(contact: Contact) -> Finding:
    known = [contact.user_id, contact.email] if contact.name else [contact.email]
    return Finding(
        title=contact.name or contact.user_id,
        detail=" · ".join(filter(None, known)),
        url=reverse("campaigns:person", args=[contact.user_id]),
        mark="ended" if contact.erased_at else "bad" if contact.suppressed_reason else "",
        word="Erased" if contact.erased_at else "Suppressed" if contact.suppressed_reason else "",
    )
