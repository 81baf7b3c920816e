"""A real PostgreSQL server for the tests: in a temporary folder, on a Unix socket, gone with the tests."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bot.audit.postgres.trail import PostgresTrail
from tests.postgres.programs import programs

ACCOUNT = "postgres"
"""PostgreSQL refuses to run as root."""
TEMPLATE = "kickbot_template"
"""A database with an empty trail, from which those of the tests are made."""
MEMORY = Path("/dev/shm")
"""Here the disk's patience costs nothing, and fsync may stay on."""


class Server:
    """One server with its own data. `url` names a database on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0
        self._run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", ACCOUNT, "--no-locale", "-E", "UTF8", "-N")

    def url(self, database: str) -> str:
        return f"postgresql:///{database}?host={self.folder}&user={ACCOUNT}"

    def start(self) -> None:
        """Returns when it takes connections."""
        settings = ("listen_addresses=", f"unix_socket_directories={self.folder}", "max_connections=200")
        options = [word for setting in settings for word in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            command = self._command("postgres", "-D", str(self.folder / "data"), *options)
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait()

    def stop(self) -> None:
        """At once, as if the machine had stopped; what was committed stays."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)
            self._process = None

    def new_database(self, template: str = "template1") -> str:
        """The URL of a database of its own."""
        self._made += 1
        name = f"test_{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def execute(self, sql: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql)

    def _wait(self) -> None:
        until = time.monotonic() + 30
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                return

    def _run(self, *words: str) -> None:
        subprocess.run(self._command(*words), check=True, capture_output=True, cwd="/")

    def _command(self, program: str, *words: str) -> list[str]:
        """It stops with the tests, however they end."""
        folder = programs()
        assert folder is not None
        account = ["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"] if os.geteuid() == 0 else []
        return ["setpriv", *account, "--pdeathsig", "QUIT", str(folder / program), *words]


@contextmanager
def running() -> Iterator[Server]:
    """A server of one's own."""
    folder = Path(tempfile.mkdtemp(prefix="kickbot-postgres-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, ACCOUNT)
        server = Server(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@contextmanager
def prepared() -> Iterator[Server]:
    """The same, with the template of an empty trail."""
    with running() as server:
        server.execute(f"CREATE DATABASE {TEMPLATE}")
        asyncio.run(_make(server.url(TEMPLATE)))
        yield server


async def _make(url: str) -> None:
    async with PostgresTrail.open(url):
        pass
