"""The user actor of one person, seen and tried."""

from django.urls import URLPattern, URLResolver, path, register_converter
from django.urls.converters import StringConverter

from campaigns.consumer_actor import USER_ID
from campaigns.views import inspector, inspector_actions, inspector_live, log, people, stampede


class PersonIdConverter(StringConverter):
    """A contact's own id; anything else is no page."""

    regex = USER_ID


register_converter(PersonIdConverter, "person_id")

_ONE = "users/<person_id:user_id>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("users/", people.people, name="people"),
    path(_ONE, inspector.person, name="person"),
    path(f"{_ONE}now/", inspector.now, name="person_now"),
    path(f"{_ONE}answer/", inspector.answer, name="person_answer"),
    path(f"{_ONE}log/", inspector.log, name="person_log"),
    path(f"{_ONE}log/export/", log.export_of_person, name="person_log_export"),
    path(f"{_ONE}live/", inspector_live.live, name="person_live"),
    path(f"{_ONE}stampede/", stampede.stampede, name="person_stampede"),
    path(f"{_ONE}stampede/return/", stampede.give_back, name="person_stampede_return"),
    *[
        path(f"{_ONE}{noun}/", inspector_actions.act, {"name": noun}, name=f"person_{noun}")
        for noun in ("preferences", "cap", "suppression", "lifting", "erasure", "test")
    ],
]
