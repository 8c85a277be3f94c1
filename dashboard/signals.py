"""Ends sessions and tells open live pages – of all web processes – when somebody logs out, is deactivated or changes roles.

The pages of this process hear of it at once. The others read a change counter, as they do for their lists, once a second
while pages are open, and look at the rights of their viewers only when it has changed: an idle page costs nothing.
"""

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from dashboard.accounts.addresses import address_of
from dashboard.accounts.models import OpenSession
from dashboard.viewers import COUNTER, viewers
from temporal_worker.models import ChangeCounter


@receiver(user_logged_in)
def keep_whose_session_it_is(request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    """From where they have come. Whoever comes while somebody else is logged in has a session that was never saved."""
    if request is None or not getattr(request, "session", None):
        return
    if request.session.session_key is None:
        request.session.save()
    known = {"user": user, "address": address_of(request), "browser": request.headers.get("User-Agent", "")[:300]}
    OpenSession.objects.update_or_create(session_key=request.session.session_key, defaults=known)


@receiver(post_save, sender=Session)
def keep_whose_session_has_a_new_key(instance: Session, created: bool, **kwargs: Any) -> None:
    """However it came to it: what is not known here cannot be ended from elsewhere."""
    if not created and OpenSession.objects.filter(session_key=instance.session_key).exists():
        return
    user_id = instance.get_decoded().get(SESSION_KEY)
    if user_id is not None and (user := User.objects.filter(pk=user_id).first()):
        OpenSession.objects.get_or_create(session_key=instance.session_key, defaults={"user": user})


@receiver(post_delete, sender=Session)
def close_pages_of_session(instance: Session, **kwargs: Any) -> None:
    """Log-out, here or from elsewhere: Django deletes the session's row."""
    if instance.expire_date <= timezone.now():
        return  # its pages were closed at its end, and its ``OpenSession`` is forgotten together with others
    if SESSION_KEY not in instance.get_decoded():
        return  # nobody was logged in by it
    with transaction.atomic():
        OpenSession.objects.filter(session_key=instance.session_key).delete()
        ChangeCounter.bump(COUNTER)
    transaction.on_commit(lambda: viewers.log_out(instance.session_key), robust=True)


@receiver(post_save, sender=User)
def end_sessions_of_closed_account(instance: User, **kwargs: Any) -> None:
    """A closed account that is opened again begins anew; its tokens are refused while it is closed."""
    if not instance.is_active:
        OpenSession.end_all(instance)


@receiver(post_save, sender=User)
@receiver(post_delete, sender=User)
@receiver(m2m_changed, sender=User.groups.through)
@receiver(m2m_changed, sender=User.user_permissions.through)
@receiver(m2m_changed, sender=Group.permissions.through)
def check_all_pages(**kwargs: Any) -> None:
    is_new = kwargs.get("created") or not str(kwargs.get("action", "post_")).startswith("post_")
    if is_new or kwargs.get("update_fields") == frozenset({"last_login"}):  # a log-in changes nobody's rights
        return
    with transaction.atomic():
        ChangeCounter.bump(COUNTER)
    transaction.on_commit(viewers.recheck, robust=True)
