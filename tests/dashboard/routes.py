"""Every address of the site, and who gets in: the matrix test knows no route that is not declared here.

A *rule* says with which status somebody is refused, or None for whoever gets in. What those get is not the matrix's concern
as long as it is no refusal: 200, a redirect, 422 for an empty form, 503 because there is no Temporal.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from approvals.gateway.rights import SEE_ALL, TAKE_PART
from campaigns.gateway import rights as campaigns


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in. ``involved``: approvals' request and absence of the test are theirs."""

    name: str
    rights: frozenset[str]
    involved: bool = False
    is_staff: bool = False

    def may(self, right: str) -> bool:
        return right in self.rights


Rule = Callable[[Person], int | None]


def needs(right: str, hidden_without: str = "") -> Rule:
    """403 without ``right``; 404 without ``hidden_without`` too."""

    def rule(who: Person) -> int | None:
        if hidden_without and not who.may(hidden_without):
            return 404
        return None if who.may(right) else 403

    return rule


def hidden(right: str) -> Rule:
    return needs(right, hidden_without=right)


def both(*rules: Rule) -> Rule:
    return lambda who: next((status for rule in rules if (status := rule(who))), None)


def everybody(who: Person) -> int | None:
    return None


def is_not_there(who: Person) -> int | None:
    return 404


def unsigned(who: Person) -> int | None:
    """Only the provider's signature gets in."""
    return 401


def only_in_the_demo(who: Person) -> int | None:
    return 404


def sees_request(who: Person) -> int | None:
    return None if who.may(SEE_ALL) or (who.may(TAKE_PART) and who.involved) else 404


def takes_part(who: Person) -> int | None:
    """In this very request."""
    return 404 if not who.may(TAKE_PART) else sees_request(who)


def only_theirs(who: Person) -> int | None:
    return None if who.involved else 404


EVERY = ("GET", "POST", "PUT", "PATCH", "DELETE")
SEE_ORDERS, OPERATE, SEE_UNMATCHED = "orders.view_order", "orders.operate_order", "orders.view_unmatchedevent"
TECHNICAL = "dashboard.view_technical"
LOGIN, TOKEN, OPEN = "to the log-in page", "401", "let in"


@dataclass(frozen=True)
class Route:
    """``rules`` by method; HEAD is as GET – but in the API, which has none –, and a method that is not there
    gets 405.

    ``strangers``: what becomes of who is not logged in, or deactivated.
    """

    rules: dict[str, Rule]
    strangers: str = LOGIN
    named: dict[str, str] = field(default_factory=dict)


def page(rule: Rule, strangers: str = LOGIN) -> Route:
    return Route({"GET": rule}, strangers)


def form(rule: Rule, strangers: str = LOGIN) -> Route:
    return Route({"GET": rule, "POST": rule}, strangers)


def act(rule: Rule, strangers: str = LOGIN) -> Route:
    return Route({"POST": rule}, strangers)


def api(**rules: Rule) -> Route:
    return Route(rules, TOKEN)


def only_staff(who: Person) -> int | None:
    return None if who.is_staff else 404


# ── The shell ────────────────────────────────────────────────────────────────────────────────────────────────────────

_SHELL = {
    "": page(everybody),
    "home/mine/": page(everybody),
    "home/live/": page(everybody),
    "polls/<path:socket>": page(everybody),
    "search/": page(everybody),
    **{
        f"technical/<str:workflow_id>/{part}": page(both(hidden(SEE_ORDERS), needs(TECHNICAL)))
        for part in ("", "live/", "stack/", "history.json")
    },
    "technical/<str:workflow_id>/temporal/": page(hidden(SEE_ORDERS)),
    "technical/<str:workflow_id>/fast-forward/": form(only_in_the_demo),
    "tour/dismissal/": act(everybody),
    "search/suggestions/": page(everybody),
    "styleguide/": page(only_staff),
    "accounts/login/": form(everybody, OPEN),
    "accounts/logout/": act(everybody, OPEN),
    # Off here, so there are no such pages.
    "accounts/oidc/": page(is_not_there, OPEN),
    "accounts/oidc/callback/": page(is_not_there, OPEN),
    "accounts/profile/": form(everybody),
    "accounts/profile/theme/": act(everybody),
    "accounts/profile/tokens/": act(everybody),
    "accounts/profile/tokens/<int:pk>/revocation/": act(only_theirs),
    "accounts/profile/sessions/end/": act(everybody),
    "accounts/password/": form(everybody),
    "accounts/password/reset/": form(everybody, OPEN),
    "accounts/password/reset/sent/": page(everybody, OPEN),
    "accounts/password/reset/<uidb64>/<token>/": form(everybody, OPEN),
    "health/": page(everybody),
    "healthz": page(everybody, OPEN),
    "readyz": page(everybody, OPEN),
}

# ── Orders ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_operates = needs(OPERATE, hidden_without=SEE_ORDERS)
_settles = needs(OPERATE, hidden_without=SEE_UNMATCHED)
_ORDER = "orders/<order_id:order_id>/"

_ORDERS = {
    "orders/": page(needs(SEE_ORDERS)),
    "orders/export/": page(needs(SEE_ORDERS)),
    "orders/new/": form(_operates),
    "orders/new/line/": page(_operates),
    "orders/new/total/": page(_operates),
    "orders/new/customer/": act(_operates),
    "orders/unmatched/": page(needs(SEE_UNMATCHED)),
    "orders/unmatched/<event_id:event_id>/replay/": act(_settles),
    "orders/unmatched/<event_id:event_id>/resolution/": act(_settles),
    _ORDER: page(hidden(SEE_ORDERS)),
    f"{_ORDER}live/": page(hidden(SEE_ORDERS)),
    f"{_ORDER}actions/": page(hidden(SEE_ORDERS)),
    **{
        f"{_ORDER}{noun}/": form(_operates)
        for noun in (
            "items",
            "items/removal",
            "payment",
            "manual-payment",
            "shipment",
            "delivery",
            "cancellation",
            "retry",
        )
    },
    "checkout/<str:order_id>/<str:signature>/": form(everybody, OPEN),
}

# ── Approvals ────────────────────────────────────────────────────────────────────────────────────────────────────────

_REQUEST = "approvals/<request_id:request_id>/"
_joins = hidden(TAKE_PART)

_APPROVALS = {
    "approvals/": page(_joins),
    "approvals/new/": form(_joins),
    "approvals/new/preview/": page(_joins),
    "approvals/away/": page(_joins),
    "approvals/away/new/": act(_joins),
    "approvals/away/<int:pk>/end/": act(both(_joins, only_theirs)),
    "approvals/export/": page(both(needs(SEE_ALL), needs("approvals.export_audit"))),
    "approvals/mail/<str:signed>/": form(everybody, OPEN),
    "approvals/bulk/": act(_joins),
    "approvals/bulk/<str:job_id>/": page(both(_joins, only_theirs)),
    "approvals/bulk/<str:job_id>/progress/": page(both(_joins, only_theirs)),
    _REQUEST: page(sees_request),
    f"{_REQUEST}export/": page(both(sees_request, needs("approvals.export_audit"))),
    f"{_REQUEST}live/": page(sees_request),
    f"{_REQUEST}actions/": page(sees_request),
    f"{_REQUEST}attachments/<uuid:attachment_id>/": page(sees_request),
    f"{_REQUEST}comment/": act(takes_part),
    **{
        f"{_REQUEST}{noun}/": form(takes_part)
        for noun in (
            "decision",
            "changes",
            "resubmission",
            "withdrawal",
            "attachments",
            "delegation",
            "delegation/end",
        )
    },
}

# ── Campaigns ────────────────────────────────────────────────────────────────────────────────────────────────────────

_CAMPAIGN, _PERSON, _IMPORT = (
    "campaigns/<campaign_id:campaign_id>/",
    "campaigns/users/<person_id:user_id>/",
    "campaigns/imports/<import_id:import_id>/",
)
SEE_SEGMENTS, SEE_IMPORTS = "campaigns.view_segment", "campaigns.view_audienceimport"
_sees, _sees_people = hidden(campaigns.SEE_CAMPAIGNS), hidden(campaigns.SEE_CONTACTS)
_writes = needs(campaigns.EDIT, hidden_without=campaigns.SEE_CAMPAIGNS)
_runs = needs(campaigns.SEND, hidden_without=campaigns.SEE_CAMPAIGNS)
_stops = needs(campaigns.STOP_ALL, hidden_without=campaigns.SEE_CAMPAIGNS)
_edits_people = needs(campaigns.EDIT, hidden_without=campaigns.SEE_CONTACTS)
_edits_segments = needs(campaigns.EDIT, hidden_without=SEE_SEGMENTS)
_imports = needs(campaigns.EDIT, hidden_without=SEE_IMPORTS)
_wishes = needs(campaigns.EDIT_PREFERENCES, hidden_without=campaigns.SEE_CONTACTS)

_CAMPAIGNS = {
    "campaigns/preferences/<str:signed>/": form(everybody, OPEN),
    "campaigns/contacts/": page(_sees_people),
    "campaigns/contacts/new/": form(_edits_people),
    "campaigns/contacts/<contact_id:user_id>/edit/": form(_edits_people),
    "campaigns/contacts/<contact_id:user_id>/greeting/": page(_wishes),
    "campaigns/contacts/<contact_id:user_id>/greeting/new/": act(_wishes),
    "campaigns/contacts/<contact_id:user_id>/greeting/language/": act(_wishes),
    "campaigns/segments/": page(hidden(SEE_SEGMENTS)),
    "campaigns/segments/new/": form(_edits_segments),
    "campaigns/segments/count/": page(hidden(SEE_SEGMENTS)),
    "campaigns/segments/<int:pk>/": form(_edits_segments),
    "campaigns/segments/<int:pk>/deletion/": act(_edits_segments),
    "campaigns/imports/": page(hidden(SEE_IMPORTS)),
    "campaigns/imports/new/": form(_imports),
    _IMPORT: page(hidden(SEE_IMPORTS)),
    f"{_IMPORT}live/": page(hidden(SEE_IMPORTS)),
    f"{_IMPORT}actions/": page(hidden(SEE_IMPORTS)),
    f"{_IMPORT}problems.csv": page(hidden(SEE_IMPORTS)),
    f"{_IMPORT}columns/": form(_imports),
    f"{_IMPORT}columns/preview/": act(_imports),
    f"{_IMPORT}validation/": act(_imports),
    f"{_IMPORT}transformation/": act(_imports),
    f"{_IMPORT}cancellation/": form(_imports),
    "campaigns/users/": page(needs(campaigns.SEE_CONTACTS)),
    _PERSON: page(_sees_people),
    **{f"{_PERSON}{noun}/": page(_sees_people) for noun in ("now", "answer", "log", "live")},
    f"{_PERSON}log/export/": page(needs(campaigns.EXPORT, hidden_without=campaigns.SEE_CONTACTS)),
    f"{_PERSON}stampede/": form(both(needs(campaigns.SEND, campaigns.SEE_CONTACTS), only_in_the_demo)),
    f"{_PERSON}stampede/return/": act(both(needs(campaigns.SEND, campaigns.SEE_CONTACTS), only_in_the_demo)),
    f"{_PERSON}preferences/": form(_wishes),
    f"{_PERSON}cap/": form(_wishes),
    f"{_PERSON}suppression/": form(_wishes),
    f"{_PERSON}lifting/": form(_wishes),
    f"{_PERSON}erasure/": form(needs(campaigns.ERASE, hidden_without=campaigns.SEE_CONTACTS)),
    f"{_PERSON}test/": form(needs(campaigns.SEND, hidden_without=campaigns.SEE_CONTACTS)),
    "campaigns/": page(_sees),
    "campaigns/new/": form(_writes),
    "campaigns/new/count/": act(_writes),
    "campaigns/stop/": form(_stops),
    "campaigns/stop/<slug:stop_id>/": page(_stops),
    _CAMPAIGN: page(_sees),
    **{f"{_CAMPAIGN}{noun}/": page(_sees) for noun in ("live", "actions", "trial", "preview", "log")},
    f"{_CAMPAIGN}preview/<str:user_id>/": page(_sees),
    f"{_CAMPAIGN}edit/": form(_writes),
    f"{_CAMPAIGN}log/export/": page(needs(campaigns.EXPORT, hidden_without=campaigns.SEE_CAMPAIGNS)),
    **{
        f"{_CAMPAIGN}{noun}/": form(_runs) for noun in ("launch", "test", "pause", "resumption", "cancellation", "rate")
    },
}

# ── Programs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _operates_by_api(who: Person) -> int | None:
    return 403 if not who.may(SEE_ORDERS) or not who.may(OPERATE) else None


def _sends_by_api(who: Person) -> int | None:
    if not who.may(campaigns.SEE_CONTACTS):
        return 404
    return None if who.may(campaigns.SEND) or who.may(campaigns.SEND_TRANSACTIONAL) else 403


def _any_request(who: Person) -> int | None:
    return None if who.may(TAKE_PART) or who.may(SEE_ALL) else 403


def _takes_part_by_api(who: Person) -> int | None:
    return sees_request(who) or (None if who.may(TAKE_PART) else 403)


_API = {
    "api/": Route(dict.fromkeys(EVERY, is_not_there), OPEN),
    "api/openapi.json": page(everybody, OPEN),
    "api/docs": page(everybody, OPEN),
    "api/orders": api(GET=needs(SEE_ORDERS), POST=_operates_by_api),
    "api/orders/<order_id>": api(GET=hidden(SEE_ORDERS)),
    **{
        f"api/orders/<order_id>/{noun}": api(POST=_operates)
        for noun in ("items", "payment", "shipment", "delivery", "cancellation")
    },
    "api/approvals": api(GET=_any_request, POST=needs(TAKE_PART)),
    "api/approvals/<request_id>": api(GET=sees_request),
    **{
        f"api/approvals/<request_id>/{noun}": api(POST=_takes_part_by_api)
        for noun in ("decisions", "comments", "withdrawal", "changes", "resubmission", "delegation")
    },
    "api/campaigns": api(GET=needs(campaigns.SEE_CAMPAIGNS), POST=needs(campaigns.EDIT)),
    "api/campaigns/<campaign_id>": api(GET=_sees),
    **{f"api/campaigns/<campaign_id>/{noun}": api(POST=_runs) for noun in ("launch", "pause", "resume", "cancel")},
    "api/users/<user_id>/actor": api(GET=_sees_people),
    "api/users/<user_id>/cap": api(PUT=_wishes),
    "api/users/<user_id>/send-requests": api(POST=_sends_by_api),
    "api/users/<user_id>/opt-outs": api(POST=_wishes),
    "webhooks/payments": act(unsigned, OPEN),
    # Slack is off here, so there is no such page.
    "webhooks/slack/interactivity": Route(dict.fromkeys(EVERY, is_not_there), OPEN),
    "webhooks/email/unsubscribe/<str:signed>": form(everybody, OPEN),
}

ROUTES: dict[str, Route] = {**_SHELL, **_ORDERS, **_APPROVALS, **_CAMPAIGNS, **_API}

# ── The admin site ───────────────────────────────────────────────────────────────────────────────────────────────────
# Its addresses follow from its models, and so do the rights; what is declared is which models it shows.

ADMIN_MODELS: dict[str, str] = {
    "admin": "logentry",
    "auth": "group user",
    "dashboard": "apitoken requestkey",
    "orders": "product customer ordersettings order orderevent ordermail webhookevent unmatchedevent reservation "
    "stockhold sandboxcharge",
    "approvals": "policy employee absence slackidentity approvalrequest trailrow refusedattempt involvement attachment "
    "approvalmail slackmessage slackpress bulkjob leavebooking payout",
    "campaigns": "contact campaign campaignrecipient sendlog optout preferencechange audienceimport importproblem "
    "stagedcontact sandboxmessage template segment cappolicy campaignsettings",
}
ADMIN_RECORDS = {
    "admin.logentry",
    "dashboard.requestkey",
    *(f"orders.{name}" for name in ADMIN_MODELS["orders"].split()[3:]),
    *(f"approvals.{name}" for name in ADMIN_MODELS["approvals"].split()[4:]),
    *(f"campaigns.{name}" for name in ADMIN_MODELS["campaigns"].split()[:10]),
}
"""Models that nobody may add to, change or delete from, whatever rights they have."""
ADMIN_NEVER = {"approvals.absence": ("delete",)}
"""What nobody may do with a model that can be changed otherwise."""
ADMIN_OWN: dict[str, str] = {
    "auth/user/<id>/password/": "auth.change_user",
    "approvals/policy/preview/": "approvals.view_policy",
    "campaigns/template/<int:pk>/preview/": "campaigns.view_template",
    "campaigns/cappolicy/over/": "campaigns.view_cappolicy",
}
"""Pages of a model beside Django's, and the right that each takes."""
ADMIN_SHELL = {
    "",
    "login/",
    "logout/",
    "password_change/",
    "password_change/done/",
    "autocomplete/",
    "changes/",
    "jsi18n/",
    "r/<path:content_type_id>/<path:object_id>/",
    "^(?P<app_label>auth|admin|dashboard|orders|approvals|campaigns)/$",
    "(?P<url>.*)$",
}

# ── The technical view ───────────────────────────────────────────────────────────────────────────────────────────────


def _engineers(sees: Rule) -> Rule:
    return both(sees, needs(TECHNICAL))


def _either(*rights: str) -> Rule:
    return lambda who: None if any(who.may(right) for right in rights) else 404


TECHNICAL_OF: dict[str, Rule] = {
    "order-{order_id}": _engineers(hidden(SEE_ORDERS)),
    "approval-{request_id}": _engineers(sees_request),
    "bulk-decision-{job_id}": _engineers(only_theirs),
    "campaign-{campaign_id}": _engineers(_sees),
    "campaign-{campaign_id}-shard-1": _engineers(_sees),
    "campaign-{campaign_id}-occurrence-2026-11-21T09:00:00Z": _engineers(_sees),
    "stop-everything-{stop_id}": _engineers(both(_sees, hidden(campaigns.STOP_ALL))),
    "import-{import_id}": _engineers(_either(SEE_IMPORTS, campaigns.EDIT)),
    "user-actor-{user_id}": _engineers(_sees_people),
    "welcome-{user_id}": _engineers(_sees_people),
}
"""By workflow id, whose places the world fills: a process is there for who may see its own page."""

# ── Live pages ───────────────────────────────────────────────────────────────────────────────────────────────────────

SOCKETS: dict[str, Rule] = {
    "ws/orders/": needs(SEE_ORDERS),
    "ws/orders/<str:order_id>/": hidden(SEE_ORDERS),
    "ws/approvals/": needs(TAKE_PART),
    "ws/approvals/<str:request_id>/": sees_request,
    "ws/campaigns/": needs(campaigns.SEE_CAMPAIGNS),
    "ws/campaigns/imports/": needs(SEE_IMPORTS),
    "ws/campaigns/imports/<str:import_id>/": hidden(SEE_IMPORTS),
    "ws/campaigns/users/<str:user_id>/": hidden(campaigns.SEE_CONTACTS),
    "ws/campaigns/users/<str:user_id>/stampede/": only_in_the_demo,
    "ws/campaigns/<str:campaign_id>/": hidden(campaigns.SEE_CAMPAIGNS),
    "ws/home/": everybody,
    "ws/shell/": everybody,
}
"""By path: 403 closes with 4403, 404 with 4404: what an address names by its id is not there for who may not see it."""


def admin_rights(app: str, model: str, action: str, method: str) -> set[str]:
    """One of them is needed for this page of a model; for some pages there is none that would do."""
    name = f"{app}.{model}"
    if (name in ADMIN_RECORDS and (action in ("add", "delete") or (action, method) == ("change", "POST"))) or (
        action in ADMIN_NEVER.get(name, ())
    ):
        return set()
    if action in ("", "history") or (action, method) == ("change", "GET"):
        return {f"{app}.view_{model}", f"{app}.change_{model}"}
    return {f"{app}.{action}_{model}"}
