"""Roles are Django groups. Which rights a role has is said here and set after every migration.

Who needs more than a role gives gets it by a group of one's own: rights that are added to these are taken off again.
"""

from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import Q
from django.db.models.signals import post_migrate
from django.dispatch import receiver

OPERATIONS = "Operations"
"""Take orders from cart to doorstep."""
STAFF = "Staff"
"""See the orders, ask for approval, and decide what they are asked."""
MARKETERS = "Marketers"
"""Write campaigns and launch them, import contacts, change contacts' wishes as they are asked to, erase who asks for it – and ask
for the approval that a large launch needs, in their own name."""
CAMPAIGN_WRITERS = "Campaign writers"
"""Write campaigns, texts and segments, and import contacts; somebody else launches them."""
TRANSACTIONAL_SENDERS = "Transactional senders"
"""Send what passes caps and quiet hours: confirmations, passwords, warnings.

A role of its own, given beside *Marketers*, or alone to the account of a program that sends such messages itself. Whoever
plans campaigns would be the one to gain from calling a letter transactional, so no marketer has it by their role; and
administrators send nothing at all, they only say who may.
"""
ADMINISTRATORS = "Administrators"
"""Configure, in the admin site, and see everything; they decide nothing."""
AUDITORS = "Auditors"
"""See every request for approval, and take its audit trail away; they decide only what they are asked themselves."""

ENGINEERS = "Engineers"
"""Look behind the curtain: the technical view of each process that another role of theirs lets them see. Given beside it."""

_ALL = ("add", "change", "delete", "view")


def _rights(actions: tuple[str, ...], app_label: str, *models: str) -> set[str]:
    return {f"{app_label}.{action}_{model}" for action in actions for model in models}


_SEEN_OF_CAMPAIGNS = (
    "campaign",
    "contact",
    "segment",
    "template",
    "cappolicy",
    "sendlog",
    "optout",
    "preferencechange",
    "audienceimport",
    "importproblem",
)

RIGHTS: dict[str, set[str]] = {
    OPERATIONS: {
        "orders.operate_order",
        *_rights(("view",), "orders", "order", "product", "customer", "unmatchedevent", "webhookevent"),
    },
    STAFF: {"orders.view_order", "approvals.ask_approval"},
    AUDITORS: {"approvals.ask_approval", "approvals.view_all_requests", "approvals.export_audit"},
    MARKETERS: {
        "approvals.ask_approval",
        "campaigns.edit_campaign",
        "campaigns.send_campaign",
        "campaigns.edit_preferences",
        "campaigns.erase_contact",
        "campaigns.stop_all_campaigns",
        "campaigns.export_send_log",
        *_rights(("view",), "campaigns", *_SEEN_OF_CAMPAIGNS),
    },
    TRANSACTIONAL_SENDERS: {"campaigns.send_transactional", "campaigns.view_contact"},
    ENGINEERS: {"dashboard.view_technical"},
    CAMPAIGN_WRITERS: {"campaigns.edit_campaign", *_rights(("view",), "campaigns", *_SEEN_OF_CAMPAIGNS)},
    ADMINISTRATORS: {
        "dashboard.view_technical",
        *_rights(_ALL, "orders", "product", "customer"),
        *_rights(_ALL, "dashboard", "apitoken"),
        *_rights(("view",), "dashboard", "requestkey"),
        *_rights(("view", "change"), "orders", "ordersettings"),
        *_rights(_ALL, "auth", "user"),
        *_rights(("view",), "auth", "group"),
        *_rights(("view",), "admin", "logentry"),
        *_rights(
            ("view",),
            "orders",
            "order",
            "orderevent",
            "ordermail",
            "webhookevent",
            "unmatchedevent",
            "reservation",
            "stockhold",
            "sandboxcharge",
            "sandboxrefund",
        ),
        "approvals.view_all_requests",
        "approvals.export_audit",
        *_rights(_ALL, "approvals", "policy", "policylevel", "employee", "absence", "slackidentity"),
        *_rights(
            ("view",),
            "approvals",
            "approvalrequest",
            "involvement",
            "trailrow",
            "refusedattempt",
            "attachment",
            "approvalmail",
            "slackmessage",
            "slackpress",
            "bulkjob",
            "bulkitemrow",
            "leavebooking",
            "payout",
        ),
        "campaigns.erase_contact",
        "campaigns.stop_all_campaigns",
        "campaigns.export_send_log",
        *_rights(_ALL, "campaigns", "cappolicy", "template", "segment"),
        *_rights(("view", "change"), "campaigns", "campaignsettings"),
        *_rights(
            ("view",),
            "campaigns",
            *_SEEN_OF_CAMPAIGNS,
            "campaignrecipient",
            "stagedcontact",
            "sandboxmessage",
        ),
    },
}


@receiver(post_migrate)
def set_up_roles(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """The groups with exactly the rights above. Safe to repeat."""
    if sender.label != "campaigns":
        return
    for label in sorted({right.partition(".")[0] for rights in RIGHTS.values() for right in rights}):
        # Django makes the permissions in a receiver of the same signal, which may come after this one.
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    for name, rights in RIGHTS.items():
        group, _ = Group.objects.using(using).get_or_create(name=name)
        group.permissions.set(_permissions(rights, using))


def _permissions(rights: set[str], using: str) -> list[Permission]:
    wanted = Q()
    for right in rights:
        app_label, codename = right.split(".")
        wanted |= Q(content_type__app_label=app_label, codename=codename)
    found = list(Permission.objects.using(using).filter(wanted).select_related("content_type"))
    if missing := rights - {f"{one.content_type.app_label}.{one.codename}" for one in found}:
        raise LookupError(f"No such permission: {', '.join(sorted(missing))}")
    return found
