"""``manage.py demo``: everything at once, with demo data. ``manage.py`` sets DEMO=1 for it."""

import signal
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from approvals.demo import load_demo_policies
from approvals.demo_requests import ask_demo_requests, unasked_requests
from campaigns.demo import load_demo_audience
from campaigns.demo_campaigns import launch_demo_campaigns, unlaunched_campaigns
from campaigns.demo_imports import start_demo_imports, unstarted_imports
from dashboard import areas
from dashboard.auth import DEMO_PASSWORD
from dashboard.demo import Addresses, Demo, DemoFailed, StopRequested, only_demo_on
from dashboard.demo_telling import at_once
from dashboard.demo_users import load_demo_users
from orders.demo import load_demo_data
from orders.demo_orders import place_demo_orders, unplaced_orders

READY = """
Callboard is at {web_url}

  log in as   ops        takes orders from cart to doorstep
              marketer   writes and launches campaigns
              employee   asks for approval
              manager    decides; so do hr, director and vp
              admin      configures at {web_url}/admin/
  password    {password}             (API tokens: demo-ops, demo-manager, demo-admin, …)

  Temporal    {temporal_ui_url}
  data        {data_dir}, mails and logs too

ready: press Ctrl-C to stop; `make demo` goes on with the same data
"""


def _tell_shop_and_office() -> None:
    place_demo_orders()
    ask_demo_requests()


def _tell_audience() -> None:
    start_demo_imports()
    launch_demo_campaigns()


class Command(BaseCommand):
    help = (
        "Run Temporal, the worker and the web with demo data until Ctrl-C. WEB_PORT, TEMPORAL_PORT, DATA_DIR move it."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--prepare", action="store_true", help="only migrate and load the demo data")
        parser.add_argument(
            "--requests",
            action="store_true",
            help="only place the demo's orders, ask its requests, launch its campaigns and imports, of a running demo",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demo needs DEMO=1, which manage.py sets for it.")
        if options["prepare"]:
            self._prepare()
            return
        if options["requests"]:
            at_once((_tell_shop_and_office, _tell_audience))
            return
        self._stop_requested = False
        # Set even where the shell had them ignored, as it does for a job in the background.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request_stop)
        try:
            self._run()
        except DemoFailed as error:
            raise CommandError(str(error)) from error

    def _run(self) -> None:
        addresses = Addresses.from_environment()
        with only_demo_on(settings.DATA_DIR):
            addresses.check_free()
            self._prepare()
            self._remember()
            demo = Demo(addresses, say=self._say, stop_requested=lambda: self._stop_requested)
            try:
                demo.start()
                self._say(
                    READY.format(
                        web_url=addresses.web_url,
                        temporal_ui_url=addresses.temporal_ui_url,
                        password=DEMO_PASSWORD,
                        data_dir=settings.DATA_DIR,
                    )
                )
                if unplaced_orders() or unasked_requests() or unstarted_imports() or unlaunched_campaigns():
                    demo.fill()
                demo.watch()
            except StopRequested:
                pass
            finally:
                self._say("Stopping …")
                demo.stop()
        self._say("Stopped. The data stays where it is.")

    def _prepare(self) -> None:
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        self._say("Preparing the database …")
        call_command("migrate", verbosity=0)
        load_demo_data()
        load_demo_users()
        load_demo_policies()
        load_demo_audience()

    def _remember(self) -> None:
        """The fortnight before the first start, while nobody looks yet."""
        now = timezone.now()
        for area in areas.modules("demo_past"):
            area.load_demo_past(now)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_requested = True
