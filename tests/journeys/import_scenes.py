"""Live pages of imports, while a file of some thousand rows goes through its four stages."""

import asyncio
from itertools import count

from tests.journeys.live_scenes import Scene, Shop, shows
from tests.stack import Stack

_numbers = count(1)
ROWS = 3_000
WRONG = 60
"""Rows that cannot be taken: more than a page of them."""

_HAND_IN = f"""
import io
from django.contrib.auth.models import User
from campaigns.contract import Door
from campaigns.gateway import imports
lines = [f"{{NAME}}-{{n}},Person {{n}}," + ("" if n > {WRONG} else "no address") for n in range(1, {ROWS} + 1)]
file = io.BytesIO("\\n".join(["id,name,email", *lines]).encode())
user = User.objects.get(username="marketer")
view = imports.start_import(user=user, door=Door.WEB, file=file, name=f"{{NAME}}.csv", key=NAME, asks_columns=True)
print(view.import_id)
"""
_GO_ON = """
from time import monotonic, sleep
from django.contrib.auth.models import User
from campaigns.contract import Door, ImportStage
from campaigns.gateway import imports, uploads
user = User.objects.get(username="marketer")
uploads.begin(IMPORT, user=user, door=Door.WEB, mapping={})
until = monotonic() + 90
for stage in (ImportStage.VALIDATE, ImportStage.TRANSFORM):
    while True:
        view = imports.read_import(IMPORT, user)
        if view.stage == stage and view.is_waiting:
            break
        assert monotonic() < until, view
        sleep(0.1)
    imports.go_on(IMPORT, stage, user=user, door=Door.WEB)
"""


async def _handed_in(stack: Stack, name: str) -> str:
    name = f"{name}-{next(_numbers)}"  # another file for each screen: the same one again would be the same import
    printed = await asyncio.to_thread(stack.manage, "shell", "-v", "0", "-c", f"NAME = {name!r}\n{_HAND_IN}")
    return printed.splitlines()[-1]


async def _goes_through(stack: Stack, import_id: str) -> None:
    """Says all that it waits for, one thing after the other."""
    await asyncio.to_thread(stack.manage, "shell", "-v", "0", "-c", f"IMPORT = {import_id!r}\n{_GO_ON}")


async def _page_of(shop: Shop, name: str, **watched: str) -> Scene:
    """The page of an import, from its file to its end."""
    import_id = await _handed_in(shop.stack, name)
    return Scene(
        "marketer",
        f"/campaigns/imports/{import_id}/",
        lambda: _goes_through(shop.stack, import_id),
        shows("#import-head .status", "Done"),
        **watched,
    )


async def import_that_runs(shop: Shop) -> Scene:
    return await _page_of(shop, "RUNS", focus="#crumb-imports")


async def import_whose_file_is_read(shop: Shop) -> Scene:
    return await _page_of(shop, "FILE", reads="#import-facts")


async def import_in_the_list(shop: Shop) -> Scene:
    import_id = await _handed_in(shop.stack, "LISTED")

    async def happens() -> None:
        await _goes_through(shop.stack, import_id)
        await _handed_in(shop.stack, "LATER")

    return Scene(
        "marketer", "/campaigns/imports/", happens, shows("#imports-new", "new import"), focus=f"#to-{import_id}"
    )


IMPORTS = (import_that_runs, import_whose_file_is_read, import_in_the_list)
