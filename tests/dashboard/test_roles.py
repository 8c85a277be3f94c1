from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command

from campaigns.gateway.imports import IMPORT
from dashboard.roles import (
    ADMINISTRATORS,
    AUDITORS,
    CAMPAIGN_WRITERS,
    MARKETERS,
    OPERATIONS,
    RIGHTS,
    STAFF,
    TRANSACTIONAL_SENDERS,
)


def user_with(*groups: str) -> User:
    user = User.objects.create_user("somebody")
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


@pytest.mark.django_db
class TestRoles:
    def test_operations_act(self):
        user = user_with(OPERATIONS)
        assert user.has_perms(["orders.view_order", "orders.operate_order", "orders.view_unmatchedevent"])
        assert not user.has_perm("orders.change_product")

    def test_staff_see_orders_and_take_part_in_approvals(self):
        assert user_with(STAFF).get_all_permissions() == {"orders.view_order", "approvals.ask_approval"}

    def test_auditors_see_everything_and_may_take_part(self):
        rights = {"approvals.ask_approval", "approvals.view_all_requests", "approvals.export_audit"}
        assert user_with(AUDITORS).get_all_permissions() == rights

    def test_administrators_configure_and_do_not_act(self):
        user = user_with(ADMINISTRATORS)
        assert user.has_perms(["orders.change_product", "orders.change_ordersettings", "orders.view_order"])
        assert not user.has_perm("orders.operate_order")
        assert not user.has_perm("orders.change_order")

    def test_administrators_configure_approvals_and_decide_none(self):
        user = user_with(ADMINISTRATORS)
        assert user.has_perms(["approvals.change_policy", "approvals.view_trailrow", "approvals.view_all_requests"])
        assert not user.has_perm("approvals.ask_approval")
        assert not user.has_perm("approvals.change_trailrow")

    def test_marketers_write_and_send(self):
        user = user_with(MARKETERS)
        assert user.has_perms(["campaigns.edit_campaign", "campaigns.send_campaign", "campaigns.view_contact"])
        assert user.has_perm("approvals.ask_approval")  # a large launch asks in their name
        assert not user.has_perm("campaigns.send_transactional")
        assert not user.has_perm("campaigns.change_cappolicy")

    def test_transactional_senders_send_nothing_else(self):
        rights = {"campaigns.send_transactional", "campaigns.view_contact"}
        assert user_with(TRANSACTIONAL_SENDERS).get_all_permissions() == rights
        holders = {name for name, rights in RIGHTS.items() if "campaigns.send_transactional" in rights}
        assert holders == {TRANSACTIONAL_SENDERS}

    def test_whoever_writes_campaigns_imports_contacts(self):
        holders = {name for name, rights in RIGHTS.items() if IMPORT in rights}
        assert holders == {MARKETERS, CAMPAIGN_WRITERS}

    def test_campaign_writers_do_not_send(self):
        user = user_with(CAMPAIGN_WRITERS)
        assert user.has_perms(["campaigns.edit_campaign", "campaigns.view_sendlog"])
        assert not user.has_perm("campaigns.send_campaign")
        assert not user.has_perm("campaigns.edit_preferences")

    def test_administrators_configure_campaigns_and_send_none(self):
        user = user_with(ADMINISTRATORS)
        assert user.has_perms(["campaigns.change_cappolicy", "campaigns.view_campaign", "campaigns.stop_all_campaigns"])
        assert not user.has_perm("campaigns.send_campaign")
        assert not user.has_perm("campaigns.change_contact")

    def test_marketers_and_administrators_erase_people(self):
        holders = {name for name, rights in RIGHTS.items() if "campaigns.erase_contact" in rights}
        assert holders == {MARKETERS, ADMINISTRATORS}

    def test_a_migration_sets_them_again(self):
        staff = Group.objects.get(name=STAFF)
        staff.permissions.clear()
        Group.objects.get(name=OPERATIONS).delete()
        call_command("migrate", verbosity=0)
        assert staff.permissions.count() == 2
        assert Group.objects.filter(name__in=RIGHTS).count() == len(RIGHTS) == 8


class TestRights:
    """Ours are read in one query; they are the same as Django's."""

    @pytest.mark.django_db
    def test_are_those_of_the_person_and_of_their_groups(self, django_assert_num_queries: Any) -> None:
        user = user_with(STAFF, AUDITORS)
        user.user_permissions.add(*Permission.objects.filter(codename__in=["ask_approval", "change_product"]))
        with django_assert_num_queries(1):
            held = user.get_all_permissions()
            assert user.has_perm("orders.change_product")
        assert held == ModelBackend().get_all_permissions(User.objects.get(pk=user.pk))
        assert "approvals.view_all_requests" in held

    @pytest.mark.django_db
    def test_of_a_closed_account_are_none_and_of_a_superuser_all(self) -> None:
        user = user_with(STAFF)
        user.is_active = False
        assert not user.get_all_permissions()
        root = User.objects.create_superuser("root")
        assert root.get_all_permissions() == ModelBackend().get_all_permissions(User.objects.get(pk=root.pk))
