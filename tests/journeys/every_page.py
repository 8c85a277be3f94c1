"""Every HTML page of the site and how to get there; what else answers a GET, and why it is no page."""

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Page

from tests.dashboard.everybody import address_of
from tests.journeys.desk import LIVE
from tests.journeys.furnishing import LONG
from tests.journeys.mailroom import COLUMNS_PAGE, id_of, say_what_columns_mean

Names = dict[str, str]
"""What fills the places in the routes; see ``furnishing``."""
ANYBODY = ""


@dataclass(frozen=True)
class Visit:
    """One page: who opens it, and with what in its address.

    ``instead``: which of the names fills a place, where it is not the one of the same name. ``first`` makes what the page
    shows, with the names that it knows from then on.
    """

    route: str
    who: str = ANYBODY
    query: str = ""
    ready: str = "main h1"
    instead: Names = field(default_factory=dict)
    first: Callable[[Page, Names], Awaitable[Names]] | None = None

    @property
    def what(self) -> str:
        parts = (self.route or "home", self.query[:30], self.who, *dict.fromkeys(self.instead.values()))
        return " ".join(filter(None, parts))

    def address(self, names: Names) -> str:
        places = {place: name.format(**names) if "{" in name else names[name] for place, name in self.instead.items()}
        return address_of(self.route, names | places) + (self.query and f"?{self.query}")


# ── What has to be made in the browser ───────────────────────────────────────────────────────────────────────────────


async def _upload(page: Page, names: Names) -> Names:
    await page.goto("/campaigns/imports/new/")
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / f"{LONG[:60]}.csv"
        file.write_text(f"id,name,email,note\nLOOKS-1,{LONG},looks@example.com,{LONG}\nLOOKS-2,,{LONG},\n")
        await page.get_by_label("CSV file").set_input_files(file)
        await page.get_by_role("button", name="Upload").click()
        await page.wait_for_url(COLUMNS_PAGE)
    return {"import_id": id_of(page, COLUMNS_PAGE)}


async def _compare(page: Page, names: Names) -> Names:
    await page.goto(f"/campaigns/imports/{names['import_id']}/columns/")
    await say_what_columns_mean(page)
    await page.get_by_role("button", name="Compare").click(timeout=LIVE)
    await page.get_by_role("button", name="Write the contacts").wait_for(timeout=LIVE)
    return {}


async def _stop_everything(page: Page, names: Names) -> Names:
    await page.goto("/campaigns/stop/")
    await page.get_by_label("Type").fill("stop")
    await page.locator("main form button[type=submit]").click()
    await page.wait_for_url("**/campaigns/stop/*/")
    return {"stop_id": page.url.rstrip("/").rpartition("/")[2]}


# ── The pages ────────────────────────────────────────────────────────────────────────────────────────────────────────

_ORDER, _REQUEST = "orders/<order_id:order_id>/", "approvals/<request_id:request_id>/"
_CAMPAIGN, _PERSON, _IMPORT = (
    "campaigns/<campaign_id:campaign_id>/",
    "campaigns/users/<person_id:user_id>/",
    "campaigns/imports/<import_id:import_id>/",
)
_CONTACT = "campaigns/contacts/<contact_id:user_id>/"
_TECHNICAL = "technical/<str:workflow_id>/"


def _of(name: str) -> Names:
    """Another order, request or campaign than the one that most pages are about."""
    return dict.fromkeys(("order_id", "request_id", "campaign_id"), name)


def _behind(workflow_id: str) -> Names:
    return {"workflow_id": workflow_id}


VISITS = (
    # The shell.
    Visit("accounts/login/"),
    Visit("accounts/login/", query="next=/orders/"),
    Visit("accounts/password/reset/"),
    Visit("accounts/password/reset/sent/"),
    Visit("accounts/password/reset/<uidb64>/<token>/"),
    Visit("", "admin"),
    Visit("", "employee"),
    Visit("search/", "ops", "q=theatre"),
    Visit("styleguide/", "admin"),
    Visit("accounts/profile/", "manager"),
    Visit("accounts/password/", "manager"),
    Visit("health/", "ops"),
    Visit("api/docs", "ops"),
    # Orders.
    Visit("orders/", "ops", "tab=all"),
    Visit("orders/new/", "ops"),
    Visit("orders/unmatched/", "ops"),
    Visit(_ORDER, "ops"),
    *(Visit(_ORDER, "ops", instead=_of(state)) for state in ("delivered", "refunded", "needs_attention")),
    *(
        Visit(f"{_ORDER}{noun}/", "ops")
        for noun in ("items", "items/removal", "payment", "manual-payment", "cancellation")
    ),
    Visit(f"{_ORDER}shipment/", "ops", instead=_of("paid")),
    Visit(f"{_ORDER}cancellation/", "ops", instead=_of("paid")),
    Visit(f"{_ORDER}delivery/", "ops", instead=_of("shipped")),
    Visit(f"{_ORDER}retry/", "ops", instead=_of("needs_attention")),
    Visit("checkout/<str:order_id>/<str:signature>/"),
    # Approvals.
    Visit("approvals/", "manager", ready=".req"),
    Visit("approvals/new/", "employee"),
    Visit("approvals/away/", "manager"),
    Visit("approvals/mail/<str:signed>/"),
    Visit("approvals/bulk/<str:job_id>/", "manager"),
    Visit(_REQUEST, "manager"),
    *(Visit(_REQUEST, "employee", instead=_of(state)) for state in ("changes", "handed_over", "approved")),
    Visit(f"{_REQUEST}decision/", "manager", "decision=approve"),
    *(Visit(f"{_REQUEST}{noun}/", "manager") for noun in ("changes", "delegation", "attachments")),
    Visit(f"{_REQUEST}delegation/end/", "manager", instead=_of("handed_over")),
    Visit(f"{_REQUEST}resubmission/", "employee", instead=_of("changes")),
    Visit(f"{_REQUEST}withdrawal/", "employee"),
    # Campaigns.
    Visit("campaigns/", "marketer"),
    Visit("campaigns/new/", "marketer"),
    Visit(_CAMPAIGN, "marketer"),
    *(Visit(_CAMPAIGN, "marketer", instead=_of(state)) for state in ("scheduled", "awaiting_approval")),
    Visit(f"{_CAMPAIGN}edit/", "marketer", instead=_of("draft")),
    Visit(f"{_CAMPAIGN}launch/", "marketer", instead=_of("draft")),
    Visit(f"{_CAMPAIGN}test/", "marketer", instead=_of("draft")),
    Visit(f"{_CAMPAIGN}trial/", "marketer", instead=_of("draft")),
    Visit(f"{_CAMPAIGN}preview/", "marketer", instead=_of("draft")),
    *(Visit(f"{_CAMPAIGN}{noun}/", "marketer") for noun in ("pause", "cancellation", "rate")),
    Visit(f"{_CAMPAIGN}resumption/", "marketer", instead=_of("paused")),
    Visit(f"{_CAMPAIGN}log/", "marketer", instead=_of("completed")),
    Visit("campaigns/users/", "marketer"),
    Visit(_PERSON, "marketer", ready="#actor-decisions"),
    *(
        Visit(f"{_PERSON}{noun}/", "marketer")
        for noun in ("log", "stampede", "preferences", "cap", "suppression", "lifting", "test")
    ),
    Visit(f"{_PERSON}erasure/", "admin"),
    Visit("campaigns/preferences/<str:signed>/"),
    Visit("webhooks/email/unsubscribe/<str:signed>"),
    Visit("campaigns/contacts/", "marketer"),
    Visit("campaigns/contacts/new/", "marketer"),
    Visit(f"{_CONTACT}edit/", "marketer"),
    Visit(f"{_CONTACT}greeting/", "marketer"),
    Visit("campaigns/segments/", "marketer"),
    Visit("campaigns/segments/new/", "marketer"),
    Visit("campaigns/segments/<int:pk>/", "marketer"),
    Visit("campaigns/imports/new/", "marketer"),
    Visit(f"{_IMPORT}columns/", "marketer", first=_upload),
    Visit(_IMPORT, "marketer", first=_compare),
    Visit(f"{_IMPORT}cancellation/", "marketer"),
    Visit("campaigns/imports/", "marketer"),
    # Behind the curtain: each kind of process.
    Visit(_TECHNICAL, "admin", instead=_behind("order-{order_id}")),
    Visit(f"{_TECHNICAL}stack/", "admin", instead=_behind("order-{order_id}")),
    Visit(
        f"{_TECHNICAL}fast-forward/",
        "ops",
        f"until={(datetime.now(UTC) + timedelta(days=1)):%Y-%m-%dT%H:%M:%SZ}",
        instead=_behind("order-{order_id}"),
    ),
    Visit(_TECHNICAL, "admin", instead=_behind("approval-{request_id}")),
    Visit(_TECHNICAL, "admin", instead=_behind("campaign-{campaign_id}")),
    Visit(_TECHNICAL, "admin", instead=_behind("user-actor-{user_id}")),
    Visit(_TECHNICAL, "admin", instead=_behind("import-{import_id}")),
    Visit("campaigns/stop/", "marketer"),
)
AT_THE_END = (
    # No campaign runs any more after it.
    Visit("campaigns/stop/<slug:stop_id>/", "marketer", first=_stop_everything),
)

NO_PAGE = {
    "a part of a page, which is looked at with it": {
        "home/mine/",
        "home/live/",
        f"{_TECHNICAL}live/",
        "search/suggestions/",
        "orders/new/line/",
        "orders/new/total/",
        *(f"{process}{part}/" for process in (_ORDER, _REQUEST, _CAMPAIGN, _IMPORT) for part in ("live", "actions")),
        *(f"{_PERSON}{part}/" for part in ("now", "answer", "live")),
        "approvals/new/preview/",
        "approvals/bulk/<str:job_id>/progress/",
        "campaigns/segments/count/",
        "polls/<path:socket>",
    },
    "a file": {
        f"{_TECHNICAL}history.json",
        "orders/export/",
        "approvals/export/",
        f"{_REQUEST}export/",
        f"{_REQUEST}attachments/<uuid:attachment_id>/",
        f"{_IMPORT}problems.csv",
        f"{_CAMPAIGN}log/export/",
        f"{_PERSON}log/export/",
    },
    "a campaign's own mail, in the frame of its preview": {f"{_CAMPAIGN}preview/<str:user_id>/"},
    "for machines": {
        "healthz",
        "readyz",
        "api/",
        "api/openapi.json",
        "api/orders",
        "api/orders/<order_id>",
        "api/approvals",
        "api/approvals/<request_id>",
        "api/campaigns",
        "api/campaigns/<campaign_id>",
        "api/users/<user_id>/actor",
        "webhooks/slack/interactivity",
    },
    "sends on to Temporal's own page": {f"{_TECHNICAL}temporal/"},
    "sends on to the provider, and is off without one": {"accounts/oidc/", "accounts/oidc/callback/"},
}
