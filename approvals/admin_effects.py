"""What a change of a policy leads to for requests that run, and for those that come."""

from typing import Any

from approvals.contract import ApprovalStatus
from approvals.models import ApprovalRequest, Policy
from dashboard.admin_effects import Effect

_OPEN = [status.value for status in ApprovalStatus if not status.is_final]


def open_under(policy: Policy) -> int:
    """Open requests that were asked under this policy, whichever version of it."""
    return ApprovalRequest.objects.filter(status__in=_OPEN, snapshot__policy_id=str(policy.pk)).count()


def of_policy(form: Any) -> Effect:
    """Running requests keep the version that they were asked under; a request that comes asks for the policy anew."""
    policy: Policy = form.instance
    said = []
    if policy.pk and (number := open_under(policy)):
        keep = "request keeps" if number == 1 else "requests keep"
        said.append(f"{number:,} open {keep} the version that they were asked under.")
    if policy.is_active:
        said.append(f"New requests go by {_version(policy)} from now on.")
    elif "is_active" in form.changed_data:
        said.append(f"New requests go by {_others(policy)} from now on.")
    return Effect(said)


def _version(policy: Policy) -> str:
    return f"version {policy.version + 1} of “{policy.name}”" if policy.pk else f"“{policy.name}”"


def _others(policy: Policy) -> str:
    names = list(
        Policy.objects.filter(is_active=True, kind=policy.kind, currency=policy.currency)
        .exclude(pk=policy.pk)
        .values_list("name", flat=True)[:5]
    )
    if not names:
        return f"no policy: there is no other one for {policy.kind}, so they are refused"
    return f"the others for {policy.kind} ({', '.join(f'“{name}”' for name in names)}), and are refused where none fits"
