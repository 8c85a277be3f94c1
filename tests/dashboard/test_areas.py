from pathlib import Path
from typing import Any

import pytest

from dashboard import areas


class TestModules:
    def test_are_those_of_the_areas_in_their_order(self) -> None:
        areas.modules.cache_clear()
        # Django's own apps have views, forms and admin modules too, and so has the shell.
        assert [one.__name__ for one in areas.modules("admin")] == [
            "orders.admin",
            "approvals.admin",
            "campaigns.admin",
        ]
        assert areas.modules("there_is_no_such_module") == []

    def test_of_an_area_that_is_broken_are_not_left_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
    ) -> None:
        area = tmp_path / "broken_area"
        area.mkdir()
        (area / "__init__.py").touch()
        (area / "sad.py").write_text("import there_is_no_such_module\n")
        monkeypatch.syspath_prepend(tmp_path)
        settings.BASE_DIR = tmp_path
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "broken_area"]
        areas.modules.cache_clear()
        with pytest.raises(ImportError, match="there_is_no_such_module"):
            areas.modules("sad")
        areas.modules.cache_clear()
