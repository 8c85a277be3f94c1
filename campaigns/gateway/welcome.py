"""Welcomes: a new contact is greeted once, and their language may be set while the greeting waits."""

from django.contrib.auth.models import User
from temporalio.exceptions import ApplicationError

from campaigns.contract import (
    ALREADY_GREETED,
    TASK_QUEUE,
    UNKNOWN_LANGUAGE,
    WELCOME_WORKFLOW_TYPE,
    By,
    Door,
    LanguageInput,
    WelcomeInput,
    WelcomeMemory,
    welcome_workflow_id,
)
from campaigns.contract.welcome import MOST_SPREAD_SECONDS
from campaigns.gateway.problems import ContactNotFound
from campaigns.models import Contact
from temporal_worker import client
from temporal_worker.client import TemporalUnavailable, WorkflowCompleted, WorkflowNotFound
from temporal_worker.keys import update_id
from temporal_worker.problems import InvalidRequest, NotFound, NotPermitted, Refused, Unavailable, naming_the_field
from temporal_worker.starting import start_of_row

GREET = "campaigns.edit_preferences"


class WelcomeNotFound(NotFound):
    """Nobody of this id is being greeted."""

    def __init__(self, user_id: str) -> None:
        super().__init__(f"There is no welcome of {user_id}.")


def start_welcome(
    user_id: str, *, user: User, door: Door, language: str = "", delay_seconds: int = 600, channel: str = ""
) -> WelcomeMemory:
    """Greet a contact, once: asked again, the welcome that there is answers.

    Raises:
        NotPermitted, ContactNotFound, InvalidRequest, Unavailable
    """
    _require_right(user)
    if not Contact.objects.filter(user_id=user_id, erased_at=None).exists():
        raise ContactNotFound(user_id)
    message = WelcomeInput(user_id, language, channel, delay_seconds, by=By(user.get_username(), door))
    with naming_the_field():
        message.check()
    _start(message)
    return read_welcome(user_id, user)


def begin_greeting(user_id: str, *, by: By, spread_seconds: int) -> None:
    """Greet one of many contacts that came together, once. For the activity of their import. Raises Unavailable."""
    _start(WelcomeInput(user_id, by=by, spread_seconds=min(spread_seconds, MOST_SPREAD_SECONDS)))


def _start(message: WelcomeInput) -> None:
    start_of_row(
        WELCOME_WORKFLOW_TYPE,
        message,
        id=welcome_workflow_id(message.user_id),
        task_queue=TASK_QUEUE,
        summary=f"Greet {message.user_id}",
        page=f"/campaigns/users/{message.user_id}/",
    )


def read_welcome(user_id: str, user: User) -> WelcomeMemory:
    """How far the welcome is, as its workflow says. Raises NotPermitted, WelcomeNotFound, Unavailable."""
    _require_right(user)
    try:
        return client.call(client.query(welcome_workflow_id(user_id), "get_welcome", result_type=WelcomeMemory))
    except WorkflowNotFound as error:
        raise WelcomeNotFound(user_id) from error
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error


def set_language(user_id: str, *, user: User, door: Door, language: str, key: str) -> str:
    """The language of a greeting that waits; returns the one before.

    Raises:
        NotPermitted, WelcomeNotFound, Unavailable
        InvalidRequest: there are no greetings in it
        Refused: the greeting is on its way
    """
    _require_right(user)
    message, by = LanguageInput(language), By(user.get_username(), door)
    asking = client.execute_update(
        welcome_workflow_id(user_id),
        "set_language",
        message,
        update_id=update_id(by, key, "set_language", message),
        result_type=str,
    )
    try:
        return client.call(asking)
    except WorkflowNotFound as error:
        raise WelcomeNotFound(user_id) from error
    except WorkflowCompleted as error:
        raise Refused(ALREADY_GREETED, "The contact has been greeted.") from error
    except TemporalUnavailable as error:
        raise Unavailable(str(error), error.retry_after) from error
    except ApplicationError as error:
        if error.type in (UNKNOWN_LANGUAGE, "ValidationError"):
            raise InvalidRequest("language", error.message) from error
        raise Refused(error.type or "refused", error.message) from error


def _require_right(user: User) -> None:
    if not user.is_active:
        raise NotPermitted("account_closed", "This account is closed.")
    if not user.has_perm(GREET):
        raise NotPermitted("no_right", "Greeting contacts needs a right that you do not have.")
