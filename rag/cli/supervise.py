"""Start a plan's programs under supervisord, wait until each is ready, and end all of them together."""

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from rag.cli.programs import Plan, Program
from rag.errors import RagError

POLL_S = 0.1
STOP_WAIT_S = 8
GIVEN_UP = {"FATAL", "BACKOFF", "EXITED", "UNKNOWN"}
PR_SET_PDEATHSIG = 1


class CannotStart(RagError):
    """A program ended instead of becoming ready."""

    type = "cannot-start"
    title = "The service cannot start"


class Stopped(Exception):
    """Someone asked for the end: Ctrl-C, or SIGTERM."""


@contextmanager
def running(plan: Plan, data: Path, tell: Callable[[str], None]) -> Iterator[Callable[[], str | None]]:
    """Run the plan's programs for the length of the block; yield a check that names one that has given up.

    Raise CannotStart, all programs ended, if a required one does not become ready.
    """
    with tempfile.TemporaryDirectory(prefix="rag-") as folder:  # short, for the socket's name
        socket = Path(folder) / "supervisor.sock"
        config = Path(folder) / "supervisord.conf"
        config.write_text(_config(plan, data, socket), encoding="utf-8")
        supervisor = subprocess.Popen(  # noqa: S603  # our own argv
            [sys.executable, "-m", "supervisor.supervisord", "-n", "-s", "-c", str(config)],
            env=os.environ | plan.environment,
            start_new_session=True,  # Ctrl-C is ours to pass on
            preexec_fn=_die_with_parent,  # noqa: PLW1509  # no threads here yet
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            rpc: Any = ServerProxy("http://x", SupervisorTransport(serverurl=f"unix://{socket}")).supervisor
            _wait_for_socket(supervisor, socket)
            for group in plan.groups:
                _start(rpc, group, data, tell)
            yield lambda: _given_up(rpc, plan, data)
        finally:
            supervisor.terminate()
            supervisor.wait()


@contextmanager
def stop_signals() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into Stopped, once; a second one changes nothing."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _config(plan: Plan, data: Path, socket: Path) -> str:
    programs = [program for group in plan.groups for program in group]
    return "\n".join([_SUPERVISOR.format(socket=socket, run=data / "run"), *(_section(p, data) for p in programs)])


def _section(program: Program, data: Path) -> str:
    command = shlex.join(program.argv).replace("%", "%%")
    return _PROGRAM.format(name=program.name, command=command, log=log_file(data, program), wait=STOP_WAIT_S)


def log_file(data: Path, program: Program) -> Path:
    return data / "logs" / f"{program.name}.log"


def _start(rpc: Any, group: list[Program], data: Path, tell: Callable[[str], None]) -> None:
    """Start a group at once and wait for its required programs; the others go on by themselves."""
    started = time.monotonic()
    for program in group:
        try:
            rpc.startProcess(program.name, False)
        except Fault as fault:
            raise CannotStart(f"{program.name}: {fault.faultString}") from fault
    waiting = [program for program in group if program.required]
    while waiting:
        for program in list(waiting):
            if rpc.getProcessInfo(program.name)["statename"] in GIVEN_UP:
                raise CannotStart(f"{program.name} ended: {_last_words(data, program)}")
            if program.is_ready():
                waiting.remove(program)
                tell(f"{program.name} ready ({time.monotonic() - started:.1f} s)")
            elif time.monotonic() - started > program.timeout_s:
                raise CannotStart(f"{program.name} is not ready after {program.timeout_s:.0f} s.")
        time.sleep(POLL_S)


def _given_up(rpc: Any, plan: Plan, data: Path) -> str | None:
    """Return what a required program said before supervisord stopped restarting it, or None."""
    for program in (program for group in plan.groups for program in group if program.required):
        if rpc.getProcessInfo(program.name)["statename"] == "FATAL":
            return f"{program.name} ended: {_last_words(data, program)}"
    return None


def _last_words(data: Path, program: Program) -> str:
    path = log_file(data, program)
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.exists() else []
    said = [line.strip() for line in lines if line.strip()]
    return f"{said[-1][:500]} (all of it: {path})" if said else f"it said nothing in {path}."


def _wait_for_socket(supervisor: subprocess.Popen[bytes], socket: Path) -> None:
    while not socket.exists():
        if supervisor.poll() is not None:
            said = supervisor.stderr.read().decode(errors="replace").strip() if supervisor.stderr else ""
            raise CannotStart(f"supervisord ended: {said or 'it said nothing.'}")
        time.sleep(POLL_S / 2)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


_SUPERVISOR = """
[supervisord]
logfile={run}/supervisord.log
logfile_maxbytes=1MB
logfile_backups=1
pidfile={run}/supervisord.pid
loglevel=info

[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

_PROGRAM = """
[program:{name}]
command={command}
autostart=false
autorestart=true
startsecs=2
startretries=20
stopasgroup=true
killasgroup=true
stopwaitsecs={wait}
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""
