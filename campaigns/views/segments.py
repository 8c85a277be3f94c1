"""Segments: saved filters on contacts, with how many are in them."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns.contact_forms import SegmentForm
from campaigns.gateway import contacts
from campaigns.gateway.contacts import SEE_SEGMENTS
from campaigns.gateway.rights import EDIT, SEE_CONTACTS
from campaigns.models import Contact, Segment
from campaigns.segments import filtered
from dashboard.access import requires
from dashboard.problem_answers import answers_problems, status_of_problem
from temporal_worker.contract import InvalidField
from temporal_worker.problems import InvalidRequest, NotFound, Problem

PAGE = 25
EXAMPLES = 5


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@require_safe
@never_cache
@requires(SEE_SEGMENTS, hidden_without=SEE_SEGMENTS)
def segment_list(request: HttpRequest) -> HttpResponse:
    page = Paginator(Segment.objects.all(), PAGE).get_page(request.GET.get("page", "1"))
    context = {
        "nav": "contacts",
        "tab": "segments",
        "page": page,
        "rows": [(segment, _count(segment)) for segment in page],
        "may_edit": request.user.has_perm(EDIT),
    }
    return render(request, "campaigns/segments_list.html", context)


def _count(segment: Segment) -> int | None:
    """How many contacts are in it; None when its filters cannot be used."""
    try:
        return segment.contacts(Contact.objects.filter(erased_at=None)).count()
    except InvalidField:
        return None


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(EDIT, hidden_without=SEE_SEGMENTS)
def new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _draw(request, SegmentForm())
    return _save(request, SegmentForm(request.POST), Segment())


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(EDIT, hidden_without=SEE_SEGMENTS)
@answers_problems
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    segment = contacts.read_segment(pk, _user(request))
    if request.method != "POST":
        return _draw(request, SegmentForm(segment=segment))
    return _save(request, SegmentForm(request.POST, segment=segment), segment)


def _save(request: HttpRequest, form: SegmentForm, segment: Segment) -> HttpResponse:
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw(request, form, status=422)
    try:
        filters = form.filters()
        filtered(Contact.objects.none(), filters)
        segment.name, segment.description = form.cleaned_data["name"], form.cleaned_data["description"]
        segment.filters = filters
        saved = contacts.save_segment(segment, user=_user(request))
    except InvalidField as error:
        form.blame_filter(error.field, error.problem)
        form.show_again(keep_key=False)
        return _draw(request, form, status=422)
    except NotFound:
        raise
    except Problem as problem:
        if isinstance(problem, InvalidRequest):
            form.blame(problem.field, problem.detail)
        form.show_again(keep_key=False)
        return _draw(request, form, status=status_of_problem(problem), problem=problem)
    messages.success(request, f"The segment “{saved.name}” is saved.")
    return redirect("campaigns:segments")


@require_safe
@never_cache
@requires(SEE_SEGMENTS, hidden_without=SEE_SEGMENTS)
def preview(request: HttpRequest) -> HttpResponse:
    """How many fit what is typed, and a few of them."""
    filters = SegmentForm(request.GET).filters()
    return render(request, "campaigns/_segments_count.html", {"count": _preview(request, filters)})


def _preview(request: HttpRequest, filters: dict[str, Any]) -> dict[str, object]:
    try:
        found = filtered(Contact.objects.filter(erased_at=None), filters)
    except InvalidField as error:
        return {"problem": f"{error.problem[:1].upper()}{error.problem[1:]}."}
    examples = list(found.order_by("user_id")[:EXAMPLES]) if request.user.has_perm(SEE_CONTACTS) else []
    return {"number": found.count(), "examples": examples, "of": Contact.objects.filter(erased_at=None).count()}


@require_POST
@requires(EDIT, hidden_without=SEE_SEGMENTS)
@answers_problems
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    segment = contacts.read_segment(pk, _user(request))
    try:
        contacts.delete_segment(pk, user=_user(request))
    except NotFound:
        raise
    except Problem as problem:
        form = SegmentForm(segment=segment)
        return _draw(request, form, status=status_of_problem(problem), problem=problem)
    messages.success(request, f"The segment “{segment.name}” is deleted. Its contacts stay.")
    return redirect("campaigns:segments")


def _draw(
    request: HttpRequest, form: SegmentForm, *, status: int = 200, problem: Problem | None = None
) -> HttpResponse:
    segment = form.segment
    filters = form.filters() if form.is_bound else segment.filters if segment else {}
    context = {
        "nav": "contacts",
        "form": form,
        "segment": segment,
        "count": _preview(request, filters) if form.is_bound or segment else {},
        "problem": None if isinstance(problem, InvalidRequest) else problem,
        "why_not_deleted": contacts.why_not_deleted(segment) if segment else "",
    }
    return render(request, "campaigns/segments_form.html", context, status=status)
