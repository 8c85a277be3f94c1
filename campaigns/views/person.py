"""Who looks at a person's page, and what they are offered."""

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest

from campaigns.gateway.rights import EDIT_PREFERENCES, ERASE, SEND


def user_of(request: HttpRequest) -> User:
    """Whoever is logged in; the view has asked for a right already."""
    assert isinstance(request.user, User)
    return request.user


def rights_of(user: User) -> dict[str, bool]:
    """What the page offers to this one."""
    return {"may_edit": user.has_perm(EDIT_PREFERENCES), "may_erase": user.has_perm(ERASE)}


def offers_stampede(user: User) -> bool:
    """Only the demo lets many campaigns run at one person for show."""
    return settings.DEMO and user.has_perm(SEND)
