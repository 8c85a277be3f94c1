from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from dashboard.models import ApiToken
from dashboard.tokens import user_of_token
from tests.orders.at_once import at_once


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ops")


@pytest.mark.django_db
class TestUserOfToken:
    def test_finds_the_user(self, user):
        assert user_of_token(ApiToken.issue(user, "warehouse")) == user

    def test_only_a_hash_is_kept(self, user):
        token = ApiToken.issue(user, "warehouse")
        assert token not in str(list(ApiToken.objects.values()))
        assert len(token) >= 40

    @pytest.mark.parametrize("token", ["", "unknown", "x" * 100_000, "é" * 10, "\0"])
    def test_nobody_has_a_senseless_one(self, user, token):
        ApiToken.issue(user, "warehouse")
        assert user_of_token(token) is None

    def test_ends_with_the_user(self, user):
        token = ApiToken.issue(user, "warehouse")
        User.objects.update(is_active=False)
        assert user_of_token(token) is None

    def test_the_demos_are_refused_outside_the_demo(self, user, settings):
        token = ApiToken.issue(user, "demo", token="demo-ops", is_demo=True)
        settings.DEMO = False
        assert user_of_token(token) is None
        settings.DEMO = True
        assert user_of_token(token) == user

    def test_notes_its_use_once_a_minute(self, user, django_assert_num_queries):
        token = ApiToken.issue(user, "warehouse")
        with django_assert_num_queries(2):
            user_of_token(token)
        first = ApiToken.objects.get().last_used_at
        with django_assert_num_queries(1):
            user_of_token(token)
        assert ApiToken.objects.get().last_used_at == first
        ApiToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
        user_of_token(token)
        assert ApiToken.objects.get().last_used_at > first


@pytest.mark.django_db(transaction=True)
def test_a_token_may_be_used_by_many_at_once(user):
    token = ApiToken.issue(user, "warehouse")
    assert set(at_once(20, lambda _: user_of_token(token))) == {user}
