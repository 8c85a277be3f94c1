"""The area's pages, by what they are about; a fragment lives under its page, an action is a noun that is POSTed."""

from campaigns.urls import campaigns, contacts, people, public

app_name = "campaigns"

# A campaign's id comes last: it is the only part of a path that is not a fixed word.
urlpatterns = [*public.urlpatterns, *contacts.urlpatterns, *people.urlpatterns, *campaigns.urlpatterns]
