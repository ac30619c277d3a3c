"""`make run`: the embedded parts, the web server, the relay, the worker and the scheduler as one process to stop."""

import os
import signal
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, call_command
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from accounts.actions import create_staff
from accounts.models import User
from config import embedded, supervisor
from config.children import stop_with_parent
from config.supervisor import Supervisor
from waitlist.actions.tuning import open_first_launch

STAFF = "owner@localhost"
PAGES = [("Public page", "/"), ("Console", "/admin/"), ("API docs", "/api/docs")]


class Command(BaseCommand):
    """Starts everything and stays in the foreground; Ctrl-C stops it."""

    help = "Starts Vestibule: the embedded database where DATABASE_URL is empty, web, relay, worker and scheduler."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--stop-with-parent", action="store_true", help="stop when the make that started this is gone"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        make = os.getppid() if options["stop_with_parent"] else 0
        if make:
            stop_with_parent(signal.SIGTERM, make)
        run = Supervisor(make)
        with run.hearing():
            parts = None
            try:
                parts = self.start_parts(run)
                self.prepare()
                self.start_programs(run)
                run.watch()
            except KeyboardInterrupt:
                pass
            finally:
                if run.children:
                    self.say("Stopping.")
                run.stop()
                if parts is not None:
                    parts.stop()
        self.say("Stopped.")

    def say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def redis_given(self) -> str:
        """The Redis that REDIS_URL names; empty where we start our own, or none."""
        ours = embedded.redis_address(settings.DATA_DIR)
        return "" if ours == settings.REDIS_URL else str(settings.REDIS_URL)

    def start_parts(self, run: Supervisor) -> embedded.Running | None:
        """The embedded database and Redis; none where DATABASE_URL names a server."""
        bind, port = settings.BIND_ADDRESS, settings.PORT
        if settings.DATABASE_URL:
            supervisor.claim_port(bind, port, patience=0)
            return None
        lock, cut_off = embedded.claim(settings.DATA_DIR)
        try:
            supervisor.claim_port(bind, port, patience=10 if cut_off else 0)
        except embedded.NotStarted:
            embedded.release(lock)
            raise
        parts = embedded.start(settings.DATA_DIR, lock=lock, with_redis=not self.redis_given())
        run.children += parts.parts
        self.say(f"The database and its data are in {settings.DATA_DIR}.")
        return parts

    def prepare(self) -> None:
        """Brings the database up to date; the first time it also gets its launch and somebody who may log in."""
        self.say("Bringing the database up to date.")
        call_command("migrate", verbosity=0)
        if not settings.DEBUG:
            call_command("collectstatic", interactive=False, verbosity=0)
        open_first_launch()
        if not User.objects.filter(is_staff=True).exists():
            _user, password = create_staff(STAFF, "owner", by="system")
            self.say(
                f"\n  Console log-in   {STAFF}\n  Password         {password}   (shown this once; change it in the console)\n"
            )
        database = connections["default"]
        assert isinstance(database, DatabaseWrapper)
        database.close()
        database.close_pool()  # its threads must not live where children are started

    def start_programs(self, run: Supervisor) -> None:
        """Web, relay, worker and beat; returns when the web server answers and says where to click."""
        redis = self.redis_given() or embedded.redis_url(settings.DATA_DIR)
        environ = {**os.environ, "DEBUG": str(settings.DEBUG), "REDIS_URL": redis, "PORT": str(settings.PORT)}
        for folder in ("broker", "broker-control"):  # of Celery, where there is no Redis
            Path(settings.DATA_DIR / folder).mkdir(parents=True, exist_ok=True)
        run.start(
            supervisor.programs(settings.DATA_DIR, settings.BIND_ADDRESS, settings.PORT, environ, several=bool(redis))
        )
        web = run.children[-1]
        while web.alive and not supervisor.accepts(settings.BIND_ADDRESS, settings.PORT):
            time.sleep(0.1)
        if not web.alive:
            raise embedded.NotStarted("The web server did not start; its reason stands above.")
        pages = [*PAGES, ("Mailbox", "/mailbox")] if settings.MAILBOX else PAGES
        lines = [f"  {name:<16} {settings.PUBLIC_BASE_URL}{path}" for name, path in pages]
        self.say("\n".join(["Vestibule runs; Ctrl-C stops it.", "", *lines, ""]))
