"""``/accounts/…``: logging in and out, oneself, passwords."""

from django.urls import path

from dashboard import views as shell
from dashboard.accounts import oidc, passwords, views

urlpatterns = [
    path("login/", shell.LogIn.as_view(), name="login"),
    path("logout/", views.LogOut.as_view(), name="logout"),
    path("oidc/", oidc.begin, name="oidc"),
    path("oidc/callback/", oidc.callback, name="oidc_callback"),
    path("profile/", views.profile, name="profile"),
    path("profile/theme/", views.theme, name="profile_theme"),
    path("profile/tokens/", views.new_token, name="profile_tokens"),
    path("profile/tokens/<int:pk>/revocation/", views.revoke_token, name="profile_token_revocation"),
    path("profile/sessions/end/", views.end_sessions, name="profile_sessions_end"),
    path("password/", passwords.Change.as_view(), name="password_change"),
    path("password/reset/", passwords.Reset.as_view(), name="password_reset"),
    path("password/reset/sent/", passwords.Sent.as_view(), name="password_reset_sent"),
    path("password/reset/<uidb64>/<token>/", passwords.NewPassword.as_view(), name="password_reset_confirm"),
]
