"""Tells open live pages at once that somebody has logged out, was deactivated or changed roles."""

from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from dashboard.viewers import viewers


@receiver(user_logged_out)
def close_pages_of_session(request: HttpRequest | None, **kwargs: Any) -> None:
    # Sent before the session is flushed, so it still has its key.
    if request is not None and hasattr(request, "session"):
        viewers.log_out(request.session.session_key)


@receiver(post_save, sender=User)
@receiver(post_delete, sender=User)
@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def check_all_pages(**kwargs: Any) -> None:
    if kwargs.get("update_fields") == frozenset({"last_login"}):  # a log-in changes nobody's rights
        return
    transaction.on_commit(viewers.recheck, robust=True)
