"""Changing one's password, and getting a new one by mail: Django's own views, in our words and with sessions that end.

Whether there is an account for an address nobody is told: the answer is the same, and the mail is made and sent beside it, so
that it does not take longer either.
"""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.forms import PasswordResetForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from dashboard.accounts.mailing import send_beside
from dashboard.accounts.throttle import may_mail, note_mail
from dashboard.models import OpenSession
from dashboard.signals import keep_whose_session_it_is

_forms_only = method_decorator([never_cache, require_http_methods(["GET", "HEAD", "POST"])], name="dispatch")


@_forms_only
class Change(views.PasswordChangeView):
    """Everywhere else one has to log in again."""

    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("profile")
    extra_context = {"nav": "profile"}

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        OpenSession.end_all(form.user, but=self.request.session.session_key)
        keep_whose_session_it_is(self.request, form.user)  # its key is a new one
        messages.success(self.request, "Your password is changed. Everywhere else you have to log in again.")
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


class ResetForm(PasswordResetForm):
    def save(self, *args: Any, **kwargs: Any) -> None:
        send_beside(lambda: super(ResetForm, self).save(*args, **kwargs))


@_forms_only
class Reset(views.PasswordResetView):
    template_name = "accounts/password_reset.html"
    email_template_name = "emails/password_reset/body.txt"
    html_email_template_name = "emails/password_reset/body.html"
    subject_template_name = "emails/password_reset/subject.txt"
    success_url = reverse_lazy("password_reset_sent")
    extra_email_context = {"base_url": settings.BASE_URL}  # never the host that a request names
    form_class = ResetForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not may_mail(request):
            from dashboard.views import too_many_page

            return too_many_page(request, "Too many mails were asked for from where you are.", 60)
        note_mail(request)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


@_forms_only
class Sent(views.PasswordResetDoneView):
    template_name = "accounts/password_reset_sent.html"


@_forms_only
class NewPassword(views.PasswordResetConfirmView):
    template_name = "accounts/password_new.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        OpenSession.end_all(form.user)
        messages.success(self.request, "Your new password holds. Log in with it.")
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)
