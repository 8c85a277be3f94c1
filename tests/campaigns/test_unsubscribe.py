from typing import Any

import pytest

from campaigns.unsubscribe import BadLink, Purpose, Wish, is_one_click, link_for, links_for, read_link

WISH = Wish("USER-001", "email", "marketing", "CMP-20270101-120000-ab12")


def signed(link: str) -> str:
    return link.rstrip("/").rpartition("/")[2]


class TestLink:
    def test_says_whose_it_is_and_what_about(self) -> None:
        link = link_for(WISH)
        assert link.startswith("http://127.0.0.1:8000/webhooks/email/unsubscribe/")
        assert link == link_for(WISH)
        assert read_link(signed(link)) == WISH
        assert read_link(signed(link_for(Wish("USER-002")))) == Wish("USER-002")

    def test_is_good_for_one_purpose(self) -> None:
        preferences = link_for(WISH, Purpose.PREFERENCES)
        assert read_link(signed(preferences), Purpose.PREFERENCES) == WISH
        for link, purpose in ((preferences, Purpose.UNSUBSCRIBE), (link_for(WISH), Purpose.PREFERENCES)):
            with pytest.raises(BadLink):
                read_link(signed(link), purpose)

    def test_cannot_be_made_or_changed_by_others(self) -> None:
        good = signed(link_for(WISH))
        other = signed(link_for(Wish("USER-002", "email", "marketing", WISH.campaign_id)))
        forged = f"{good.partition(':')[0]}:{other.partition(':')[2]}"
        for bad in ("", "x", ":", good[:-1], good + "x", forged, "é:é", "\0", "x" * 5_000, good.replace(":", "")):
            with pytest.raises(BadLink):
                read_link(bad)

    def test_outlives_a_change_of_the_secret_key(self, settings: Any) -> None:
        before = signed(link_for(WISH))
        settings.SECRET_KEY_FALLBACKS = [settings.UNSUBSCRIBE_KEY]
        settings.SECRET_KEY = settings.UNSUBSCRIBE_KEY = "another one"
        assert read_link(before) == WISH
        settings.SECRET_KEY_FALLBACKS = []
        with pytest.raises(BadLink):
            read_link(before)

    def test_both_are_variables_of_texts(self) -> None:
        links = links_for(WISH)
        assert read_link(signed(links["unsubscribe_url"])) == WISH
        assert read_link(signed(links["preferences_url"]), Purpose.PREFERENCES) == WISH

    def test_no_click_ends_what_is_transactional(self) -> None:
        links = links_for(WISH, transactional=True)
        assert links["unsubscribe_url"] == links["preferences_url"]
        assert read_link(signed(links["unsubscribe_url"]), Purpose.PREFERENCES) == WISH

    def test_knows_a_mail_programs_button(self) -> None:
        assert is_one_click({"List-Unsubscribe": "One-Click"})
        assert not is_one_click({})
