"""Who of ours a token of the provider means, and which roles it brings."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.exceptions import SuspiciousOperation
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from dashboard.accounts.oidc import provider
from dashboard.roles import ADMINISTRATORS

_PARTS = {
    "OIDC_OP_AUTHORIZATION_ENDPOINT": "authorization_endpoint",
    "OIDC_OP_TOKEN_ENDPOINT": "token_endpoint",
    "OIDC_OP_USER_ENDPOINT": "userinfo_endpoint",
    "OIDC_OP_JWKS_ENDPOINT": "jwks_uri",
}


def setting(name: str, *default: Any) -> Any:
    """In the place of the library's own look into the settings, which do not have what the provider says itself."""
    return provider()[_PARTS[name]] if name in _PARTS else OIDCAuthenticationBackend.get_settings(name, *default)


class OidcBackend(OIDCAuthenticationBackend):
    """A person is known by their verified e-mail address, or by the claim that ``OIDC_USERNAME_CLAIM`` names."""

    get_settings = staticmethod(setting)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Django makes each backend for each request; nobody asks the provider before somebody comes from it."""

    def authenticate(self, request: Any, **kwargs: Any) -> User | None:
        if request is None or "nonce" not in kwargs:
            return None  # a password
        super().__init__()
        return super().authenticate(request, **kwargs)

    def verify_token(self, token: str, **kwargs: Any) -> dict[str, Any]:
        """The signature, the nonce – and, which the library does not ask, whether it is from our provider and for us."""
        claims: dict[str, Any] = super().verify_token(token, **kwargs)
        audience = claims.get("aud", [])
        audience = [audience] if isinstance(audience, str) else audience
        if claims.get("iss") != settings.OIDC_ISSUER:
            raise SuspiciousOperation("The token is from another issuer.")
        if settings.OIDC_RP_CLIENT_ID not in audience:
            raise SuspiciousOperation("The token is for somebody else.")
        if len(audience) > 1 and claims.get("azp") != settings.OIDC_RP_CLIENT_ID:
            raise SuspiciousOperation("The token was given to somebody else.")
        if "exp" not in claims:
            raise SuspiciousOperation("The token never expires.")
        return claims

    def get_userinfo(self, access_token: str, id_token: str, payload: dict[str, Any]) -> dict[str, Any]:
        claims: dict[str, Any] = super().get_userinfo(access_token, id_token, payload)
        if claims.get("sub") != payload.get("sub"):
            raise SuspiciousOperation("What is said is about somebody else.")
        return {**payload, **claims}

    def verify_claims(self, claims: dict[str, Any]) -> bool:
        if settings.OIDC_USERNAME_CLAIM:
            return bool(claims.get(settings.OIDC_USERNAME_CLAIM))
        return bool(claims.get("email")) and claims.get("email_verified") is True

    def filter_users_by_claims(self, claims: dict[str, Any]) -> Any:
        if settings.OIDC_USERNAME_CLAIM:
            return User.objects.filter(username=str(claims[settings.OIDC_USERNAME_CLAIM]))
        return User.objects.filter(email__iexact=claims["email"])

    def get_username(self, claims: dict[str, Any]) -> str:
        return str(claims.get(settings.OIDC_USERNAME_CLAIM or "email"))[:150]

    def create_user(self, claims: dict[str, Any]) -> User:
        username = self.get_username(claims)
        if User.objects.filter(username=username).exists():
            raise SuspiciousOperation("Somebody else has this name.")
        user = User.objects.create_user(username, str(claims.get("email", "")))
        return self.update_user(user, claims)

    def update_user(self, user: User, claims: dict[str, Any]) -> User:
        """Name and roles follow the provider: the roles that ``OIDC_GROUPS`` names, and no others."""
        user.first_name = str(claims.get("given_name") or user.first_name)[:150]
        user.last_name = str(claims.get("family_name") or user.last_name)[:150]
        if settings.OIDC_GROUPS:
            held = claims.get(settings.OIDC_GROUPS_CLAIM) or []
            held = {held} if isinstance(held, str) else set(held)
            wanted = {role for group, role in settings.OIDC_GROUPS.items() if group in held}
            mapped = Group.objects.filter(name__in=settings.OIDC_GROUPS.values())
            user.groups.remove(*mapped.exclude(name__in=wanted))
            user.groups.add(*mapped.filter(name__in=wanted))
            if ADMINISTRATORS in settings.OIDC_GROUPS.values():
                user.is_staff = ADMINISTRATORS in wanted
        user.save()
        return user
