"""Mails and Slack messages about requests that did not get through, for the home page."""

from django.db.models import QuerySet
from django.urls import reverse

from approvals.models import ApprovalRequest
from approvals.notifiers.retries import LONGEST
from dashboard.home.parts import Need, Sign
from dashboard.phrases import text

SEE_ALL = "approvals.view_all_requests"


def notice_sign(tried: list[str], given_up: list[str]) -> Sign:
    words = [f"{len(tried):,} being tried again"] if tried else []
    words += [f"{len(given_up):,} not sent"] if given_up else []
    which = "waiting" if tried or not given_up else "lost"
    return Sign(
        "Mails of approvals", ", ".join(words) or "All sent", "warn" if words else "move", _list(which), SEE_ALL
    )


def notice_needs(tried: list[str], given_up: list[str]) -> list[Need]:
    """``tried`` and ``given_up`` are ids of requests."""
    found = []
    if tried:
        minutes = int(LONGEST.total_seconds() // 60)
        words = [text(f"Mail or Slack does not answer. It is tried again by itself, {minutes} minutes at most.")]
        title = f"{_whose(tried)} being tried again"
        found.append(
            Need(SEE_ALL, "notices-waiting", title, words, _href(tried, "waiting"), icon="mail", label="Failing")
        )
    if given_up:
        words = [
            text("It is not tried any more: whoever should know has to be told in another way. The trail says whom.")
        ]
        title = f"{_whose(given_up)} not sent"
        found.append(
            Need(SEE_ALL, "notices-lost", title, words, _href(given_up, "lost"), icon="mail", label="Not sent")
        )
    return found


def ids_of(requests: QuerySet[ApprovalRequest]) -> list[str]:
    return list(requests.order_by().values_list("request_id", flat=True))


def _whose(ids: list[str]) -> str:
    return f"A notice about request {ids[0][-4:]} is" if len(ids) == 1 else f"Notices about {len(ids):,} requests are"


def _href(ids: list[str], which: str) -> str:
    return reverse("approvals:detail", args=ids) if len(ids) == 1 else _list(which)


def _list(which: str) -> str:
    return f"{reverse('approvals:list')}?tab=all&notice={which}"
