"""Who may see, write, launch and stop campaigns, and who may change what a contact wants."""

from django.contrib.auth.models import User

from campaigns.gateway.problems import CampaignNotFound, ContactNotFound, NotPermitted
from campaigns.models import Campaign, Contact

SEE_CAMPAIGNS = "campaigns.view_campaign"
SEE_CONTACTS = "campaigns.view_contact"
EDIT = "campaigns.edit_campaign"
SEND = "campaigns.send_campaign"
SEND_TRANSACTIONAL = "campaigns.send_transactional"
EDIT_PREFERENCES = "campaigns.edit_preferences"
STOP_ALL = "campaigns.stop_all_campaigns"
ERASE = "campaigns.erase_contact"
EXPORT = "campaigns.export_send_log"

_WORDS = {
    EDIT: "write campaigns",
    SEND: "launch or stop campaigns",
    SEND_TRANSACTIONAL: "send transactional messages",
    EDIT_PREFERENCES: "change what contacts want",
    ERASE: "erase people",
    STOP_ALL: "stop all campaigns at once",
}


def require(user: User, right: str) -> None:
    """Raises NotPermitted."""
    if not user.is_active:
        raise NotPermitted("account_closed", "This account is closed.")
    if not user.has_perm(right):
        raise NotPermitted("no_right", f"You may not {_WORDS[right]}: it needs a right that you do not have.")


def may_see(user: User) -> bool:
    return user.is_active and user.has_perm(SEE_CAMPAIGNS)


def seen_campaign(user: User, campaign_id: str) -> Campaign:
    """Raises CampaignNotFound, which tells a stranger nothing."""
    row = Campaign.objects.select_related("first").filter(campaign_id=campaign_id).first() if may_see(user) else None
    if row is None:
        raise CampaignNotFound(campaign_id)
    return row


def seen_contact(user: User, user_id: str) -> Contact:
    """Raises ContactNotFound."""
    may = user.is_active and user.has_perm(SEE_CONTACTS)
    contact = Contact.objects.filter(user_id=user_id).first() if may else None
    if contact is None:
        raise ContactNotFound(user_id)
    return contact
