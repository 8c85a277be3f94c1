"""Contacts: the list, a new one, and the addresses and attributes of one."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from campaigns.contact_forms import ContactForm
from campaigns.contact_list import Listing, page_of
from campaigns.gateway import contacts, imports
from campaigns.gateway.rights import EDIT, EDIT_PREFERENCES, ERASE, SEE_CONTACTS, seen_contact
from campaigns.gateway.welcome import GREET
from campaigns.models import Segment
from campaigns.views.greeting import greet_and_tell
from dashboard.access import requires
from dashboard.problem_answers import answers_problems, status_of_problem
from temporal_worker.problems import InvalidRequest, Problem


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@require_safe
@never_cache
@requires(SEE_CONTACTS, hidden_without=SEE_CONTACTS)
def contact_list(request: HttpRequest) -> HttpResponse:
    listing = Listing.read(request.GET.dict())
    context = {
        "nav": "contacts",
        "tab": "contacts",
        "listing": listing,
        "page": page_of(listing),
        "segments": Segment.objects.only("name"),
        "without_q": listing.url(q=""),
        "without_segment": listing.url(segment=None),
        "may_edit": request.user.has_perm(EDIT),
        "may_import": request.user.has_perm(imports.IMPORT) and request.user.has_perm(imports.SEE),
    }
    return render(request, "campaigns/contacts_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(EDIT, hidden_without=SEE_CONTACTS)
def new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _draw(request, ContactForm(may_greet=request.user.has_perm(GREET)))
    form = ContactForm(request.POST, may_greet=request.user.has_perm(GREET))
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw(request, form, status=422)
    try:
        contact = contacts.create_contact(
            user=_user(request), user_id=form.cleaned_data["user_id"], fields=form.values()
        )
    except Problem as problem:
        return _refused(request, form, problem)
    messages.success(request, f"{contact.user_id} is a contact now.")
    if form.cleaned_data.get("greet"):
        greet_and_tell(request, contact.user_id)
    return redirect("campaigns:contact_edit", contact.user_id)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(EDIT, hidden_without=SEE_CONTACTS)
@answers_problems
def edit(request: HttpRequest, user_id: str) -> HttpResponse:
    contact = seen_contact(_user(request), user_id)
    if request.method != "POST":
        return _draw(request, ContactForm(contact=contact))
    form = ContactForm(request.POST, contact=contact)
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw(request, form, status=422)
    try:
        contacts.change_contact(
            user_id, user=_user(request), fields=form.values(), change=form.cleaned_data["change"] or 0
        )
    except Problem as problem:
        return _refused(request, form, problem)
    messages.success(request, f"{user_id} is saved.")
    return redirect("campaigns:contact_edit", user_id)


def _refused(request: HttpRequest, form: ContactForm, problem: Problem) -> HttpResponse:
    if isinstance(problem, InvalidRequest):
        form.blame(problem.field, problem.detail)
    form.show_again(keep_key=False)
    return _draw(request, form, status=status_of_problem(problem), problem=problem)


def _draw(
    request: HttpRequest, form: ContactForm, *, status: int = 200, problem: Problem | None = None
) -> HttpResponse:
    shown = None if isinstance(problem, InvalidRequest) else problem
    context = {
        "nav": "contacts",
        "form": form,
        "contact": form.contact,
        "problem": shown,
        "may_greet": request.user.has_perm(GREET),
        "may_suppress": request.user.has_perm(EDIT_PREFERENCES),
        "may_erase": request.user.has_perm(ERASE),
    }
    return render(request, "campaigns/contacts_form.html", context, status=status)
