"""The pages about oneself: who one is, how one likes it, where one is logged in, and the tokens of one's programs."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.contrib.auth.views import LogoutView
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.access import logged_in
from dashboard.accounts.forms import ProfileForm, TokenForm
from dashboard.accounts.oidc import log_out_url
from dashboard.models import ApiToken, OpenSession, Profile


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@logged_in
def profile(request: HttpRequest) -> HttpResponse:
    user = _user(request)
    if request.method != "POST":
        return _draw(request)
    form = ProfileForm.of(user, request.POST)
    if not form.is_valid():
        form.show_again(keep_key=False)
        return _draw(request, form=form, status=422)
    form.save(user)
    messages.success(request, "It is saved, and holds wherever you log in.")
    return redirect("profile")


@require_POST
@logged_in
def theme(request: HttpRequest) -> HttpResponse:
    """The switch in the top bar."""
    chosen = request.POST.get("theme", "")
    if chosen not in Profile.Theme.values:
        return HttpResponse("theme: is none of system, light and dark.", status=422, content_type="text/plain")
    Profile.objects.update_or_create(user=_user(request), defaults={"theme": chosen})
    return HttpResponse(status=204)


@require_POST
@never_cache
@logged_in
def new_token(request: HttpRequest) -> HttpResponse:
    """Makes a token and shows it, this once: the answer to this very form is the only place where it ever stands."""
    form = TokenForm(request.POST)
    token = form.issue(_user(request)) if form.is_valid() else None
    if token is None:
        form.show_again(keep_key=False)
        return _draw(request, token_form=form, status=422)
    return _draw(request, token=token, named=form.cleaned_data["name"])


@require_POST
@logged_in
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    token = ApiToken.objects.filter(pk=pk, user=_user(request)).first()
    if token is None:
        raise Http404("There is no such token.")
    token.delete()
    messages.success(request, f"The token “{token.name}” is revoked. Whatever still uses it is refused from now on.")
    return redirect("profile")


@require_POST
@logged_in
def end_sessions(request: HttpRequest) -> HttpResponse:
    """Everywhere, here too; or, with ``but=here``, everywhere else."""
    if request.POST.get("but") == "here":
        OpenSession.end_all(_user(request), but=request.session.session_key)
        messages.success(request, "You are logged in nowhere else any more.")
        return redirect("profile")
    there = log_out_url(request)  # while the session still has its token
    OpenSession.end_all(_user(request))
    logout(request)
    return redirect(there or "login")


class LogOut(LogoutView):
    """Django's own; who came from a provider is logged out there too."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        there = log_out_url(request)
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return redirect(there) if there else answer


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _draw(request: HttpRequest, *, status: int = 200, **changes: Any) -> HttpResponse:
    user = _user(request)
    context = {
        "nav": "profile",
        "form": ProfileForm.of(user),
        "token_form": TokenForm(),
        "tokens": ApiToken.objects.filter(user=user).order_by("-created_at"),
        "sessions": OpenSession.of(user),
        "here": request.session.session_key,
        "slack": list(user.slack_identities.all()),
        "takes_part": user.has_perm("approvals.ask_approval"),
        "has_password": user.has_usable_password(),
        **changes,
    }
    return render(request, "accounts/profile.html", context, status=status)
