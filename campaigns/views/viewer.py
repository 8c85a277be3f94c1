"""Who acts."""

from django.contrib.auth.models import User
from django.http import HttpRequest


def user_of(request: HttpRequest) -> User:
    """Whoever is logged in; the view has asked for that."""
    assert isinstance(request.user, User)
    return request.user
