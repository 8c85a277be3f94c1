"""Out of office: who decides for somebody while they are away."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from approvals.forms import AbsenceForm
from approvals.models import Absence
from approvals.views.rights import takes_part
from approvals.views.viewer import user_of

PAST_SHOWN = 10


@require_safe
@never_cache
@takes_part
def away(request: HttpRequest) -> HttpResponse:
    return _draw(request, AbsenceForm(person=user_of(request)))


@require_POST
@takes_part
def new(request: HttpRequest) -> HttpResponse:
    form = AbsenceForm(request.POST, person=user_of(request))
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw(request, form, status=422)
    absence = form.absence
    same = Absence.objects.filter(
        person=absence.person, delegate=absence.delegate, starts_at=absence.starts_at, until=absence.until,
        kind=absence.kind, ended_at=None,
    )  # fmt: skip
    if not same.exists():  # pressing twice is one absence
        absence.save()
    messages.success(request, f"{absence.delegate.get_full_name() or absence.delegate} decides for you then.")
    return redirect("approvals:away")


@require_POST
@takes_part
def end(request: HttpRequest, pk: int) -> HttpResponse:
    absence = Absence.objects.filter(pk=pk, person=user_of(request)).first()
    if absence is None:
        raise Http404("There is no such absence.")
    absence.end()
    messages.success(request, "It has ended. What waits for you is yours alone again.")
    return redirect("approvals:away")


def _draw(request: HttpRequest, form: AbsenceForm, *, status: int = 200) -> HttpResponse:
    user, now = user_of(request), timezone.now()
    mine = Absence.objects.filter(person=user).select_related("delegate")
    covering = Absence.objects.filter(delegate=user, ended_at=None, until__gt=now).select_related("person")
    open_now = mine.filter(ended_at=None, until__gt=now).order_by("starts_at")
    context = {
        "nav": "away",
        "form": form,
        "now": now,
        "absences": open_now,
        "past": mine.exclude(pk__in=open_now.values("pk"))[:PAST_SHOWN],
        "covering": covering.order_by("starts_at"),
    }
    return render(request, "approvals/away.html", context, status=status)
