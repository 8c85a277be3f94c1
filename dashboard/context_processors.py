"""What every full page shows around its own content. Fragments do not ask for it, and so do not pay for it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest

from approvals.counts import badge_count
from campaigns.counts import badge_count as running_campaigns
from dashboard import health_watch
from orders.counts import BadgeCounts, badge_counts


@dataclass
class Shell:
    """Looked up when the template uses it: one query for each area's badges, one for the role names."""

    user: User | AnonymousUser

    @cached_property
    def counts(self) -> BadgeCounts:
        return badge_counts() if self.user.has_perm("orders.view_order") else BadgeCounts()

    @cached_property
    def approvals(self) -> int:
        """How many requests wait for this user."""
        return badge_count(self.user.get_username()) if self.user.has_perm("approvals.ask_approval") else 0

    @cached_property
    def campaigns(self) -> int:
        """How many campaigns are sending."""
        return running_campaigns() if self.user.has_perm("campaigns.view_campaign") else 0

    @cached_property
    def health(self) -> health_watch.Health:
        return health_watch.current()

    @cached_property
    def name(self) -> str:
        return self.user.get_username() if self.user.is_anonymous else self.user.get_full_name() or self.user.username

    @cached_property
    def roles(self) -> str:
        return ", ".join(self.user.groups.values_list("name", flat=True).order_by("name"))


def shell(request: HttpRequest) -> dict[str, Any]:
    """``shell`` for the templates; nothing for async views, whose ``request.user`` must not be touched here."""
    if getattr(request, "htmx", None) or not hasattr(request, "user"):
        return {}
    return {"shell": Shell(request.user)}
