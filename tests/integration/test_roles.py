"""The groups that migrating makes."""

import pytest
from django.contrib.auth.models import Permission

from config.roles import MODERATORS, make_groups

pytestmark = pytest.mark.django_db


def permissions_of(role: str) -> set[str]:
    found = Permission.objects.filter(group__name=role).values_list("content_type__app_label", "codename")
    return {f"{app}.{name}" for app, name in found}


def test_every_permission_of_a_moderator_is_one() -> None:
    make_groups()
    assert permissions_of("owner") > permissions_of("moderator") > MODERATORS


def test_roles_are_made_of_what_is_migrated_so_far() -> None:
    Permission.objects.filter(codename="contain_code").delete()
    make_groups()
    assert MODERATORS - permissions_of("moderator") == {"invites.contain_code"}
