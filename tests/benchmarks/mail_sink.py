"""A real SMTP server in a process of its own: takes every mail, and writes a line ``<to> <subject>`` for each into a file."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

HOST = "127.0.0.1"


class Sink:
    def __init__(self, path: Path) -> None:
        self._lines = path.open("a", buffering=1)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        head = bytes(envelope.content).partition(b"\r\n\r\n")[0].decode(errors="replace")
        subject = next((line[9:] for line in head.splitlines() if line.startswith("Subject: ")), "")
        self._lines.write(f"{envelope.rcpt_tos[0]} {subject}\n")
        return "250 OK"


if __name__ == "__main__":
    controller = Controller(Sink(Path(sys.argv[2])), hostname=HOST, port=int(sys.argv[1]))
    controller.start()
    asyncio.new_event_loop().run_forever()
