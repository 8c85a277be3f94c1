"""The greeting of a contact: how far it is, beginning it, and its language while it waits."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from campaigns.contract import LANGUAGES, Door, WelcomeMemory
from campaigns.gateway import welcome
from campaigns.gateway.rights import SEE_CONTACTS, seen_contact
from campaigns.views.viewer import user_of
from dashboard.access import is_fragment, requires
from dashboard.keyed_forms import new_key
from dashboard.problem_answers import answers_problems
from temporal_worker.problems import NotFound, Problem, Unavailable

LANGUAGE_NAMES = {
    "en": "English", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian", "nl": "Dutch", "pt": "Portuguese",
}  # fmt: skip
assert set(LANGUAGE_NAMES) == set(LANGUAGES)


@require_safe
@never_cache
@requires(welcome.GREET, hidden_without=SEE_CONTACTS)
@answers_problems
def greeting(request: HttpRequest, user_id: str) -> HttpResponse:
    """Asked apart from the contact's page, which does not wait for Temporal."""
    contact = seen_contact(user_of(request), user_id)
    context = {"nav": "contacts", "contact": contact, "languages": LANGUAGE_NAMES, "key": new_key()}
    try:
        memory = welcome.read_welcome(user_id, user_of(request))
        context |= {"greeting": memory, "language": LANGUAGE_NAMES.get(memory.language, memory.language)}
    except NotFound:
        context["greeting"] = None
    except Unavailable:
        context["unavailable"] = True
    template = "campaigns/_contacts_greeting.html" if is_fragment(request) else "campaigns/contacts_greeting.html"
    return render(request, template, context)


@require_POST
@requires(welcome.GREET, hidden_without=SEE_CONTACTS)
@answers_problems
def begin(request: HttpRequest, user_id: str) -> HttpResponse:
    """Greeted once, however often it is pressed."""
    seen_contact(user_of(request), user_id)
    greet_and_tell(request, user_id)
    return redirect("campaigns:contact_edit", user_id)


def greet_and_tell(request: HttpRequest, user_id: str) -> None:
    """Begin a greeting, and tell on the next page what has come of it."""
    try:
        found: WelcomeMemory = welcome.start_welcome(user_id, user=user_of(request), door=Door.WEB)
    except Problem as problem:
        messages.error(request, f"{user_id} was not greeted: {problem.detail}")
        return
    messages.success(request, f"{user_id} will be greeted in {LANGUAGE_NAMES.get(found.language, found.language)}.")


@require_POST
@requires(welcome.GREET, hidden_without=SEE_CONTACTS)
@answers_problems
def language(request: HttpRequest, user_id: str) -> HttpResponse:
    seen_contact(user_of(request), user_id)
    chosen, key = request.POST.get("language", ""), request.POST.get("idempotency_key", "")[:64] or new_key()
    try:
        welcome.set_language(user_id, user=user_of(request), door=Door.WEB, language=chosen, key=key)
    except Problem as problem:
        messages.error(request, problem.detail)
    else:
        messages.success(request, f"The greeting is in {LANGUAGE_NAMES.get(chosen, chosen)} now.")
    return redirect("campaigns:contact_edit", user_id)
