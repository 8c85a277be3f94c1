"""Who may call the campaigns' part of the API."""

from collections.abc import Callable

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.errors import AuthorizationError, HttpError

from campaigns.gateway.rights import EDIT, EDIT_PREFERENCES, SEE_CAMPAIGNS, SEE_CONTACTS, SEND, SEND_TRANSACTIONAL
from dashboard.api_access import ApiToken

Check = Callable[[HttpRequest, User], None]


def may(*permissions: str) -> Check:
    """403 for who has none of ``permissions``; a campaign or contact that they may not see is not there: 404.

    That a campaign or contact is not there at all, the gateway finds, and answers in the same words.
    """

    def check_rights(request: HttpRequest, user: User) -> None:
        named = request.resolver_match.kwargs if request.resolver_match else {}
        for name, what, right in (
            ("campaign_id", "campaign", SEE_CAMPAIGNS),
            ("user_id", "contact", SEE_CONTACTS),
        ):
            # What no id can hold is no id: PostgreSQL refuses to look for a null character.
            if name in named and ("\0" in named[name] or not user.has_perm(right)):
                raise HttpError(404, f"There is no {what} {named[name]}.")
        if not any(user.has_perm(permission) for permission in permissions):
            raise AuthorizationError(message="You may not do this: it needs a right that you do not have.")

    return check_rights


READ_CAMPAIGNS = ApiToken(may(SEE_CAMPAIGNS))
WRITE_CAMPAIGNS = ApiToken(may(EDIT))
RUN_CAMPAIGNS = ApiToken(may(SEND))
READ_ACTORS = ApiToken(may(SEE_CONTACTS))
# Which of the two it needs depends on the message: the gateway asks again.
ASK_ACTORS = ApiToken(may(SEND, SEND_TRANSACTIONAL))
CHANGE_WISHES = ApiToken(may(EDIT_PREFERENCES))
