"""Forks a confined process for every task: the half of the sandbox that runs in the fork server.

Each message on its socket is a pickled Task with two descriptors: a pipe for what the task returns, a socket for how
it ends. The task has namespaces of its own where the kernel allows them; it is killed when the other end of its
socket closes, and when the service ends.
"""

import ctypes
import errno
import json
import os
import pickle
import platform
import selectors
import signal
import socket
import subprocess
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ingest.parse import progress
from ingest.parse.confine import NAMESPACES, confine
from rag.errors import PermanentError

MAX_MESSAGE_BYTES = 65_536
NOT_CONFINED = 70  # exit code
_CLONE = {"x86_64": 56, "aarch64": 220}
_OUTPUT = 3
_PR_SET_CHILD_SUBREAPER = 36
_LIMITS = {errno.ENOMEM: "memory", errno.EFBIG: "disk", errno.ENOSPC: "disk"}

_kernel = ctypes.PyDLL(None)  # keeps the interpreter's lock: between clone and its after-care nothing may run


@dataclass(frozen=True, kw_only=True)
class Task:
    """A function to call with `original`, `name` and the arguments: it may read the one and write in `folder`."""

    function: Callable[..., bytes]
    original: Path
    name: str
    arguments: tuple[object, ...]
    folder: Path
    memory_bytes: int
    cpu_s: int


@dataclass(frozen=True, kw_only=True)
class End:
    """How a task's process ended: its exit code or minus its signal, its largest memory and its processor time."""

    code: int
    rss_bytes: int
    cpu_s: float


class ForkServer:
    """The tasks' processes, each watched until it has ended and its caller knows."""

    def __init__(self, control: socket.socket) -> None:
        """`control` is the service's socket for messages."""
        _kernel.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._control = control
        self._tasks: dict[int, tuple[socket.socket, Path]] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)

    def serve(self) -> None:
        """Return when the service has closed its end; what still runs is killed by then."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._control:
                    message, descriptors, _, _ = socket.recv_fds(self._control, MAX_MESSAGE_BYTES, 2)
                    if not message:
                        return self._kill_all()
                    self._start(message, *descriptors)
                elif isinstance(key.fileobj, socket.socket):
                    self._selector.unregister(key.fileobj)  # closed by the caller
                    _kill(key.data)
                else:
                    self._ended(key.fd, key.data)

    def _start(self, message: bytes, output: int, caller_descriptor: int) -> None:
        caller = socket.socket(fileno=caller_descriptor)
        try:
            task: Task = pickle.loads(message)  # noqa: S301  # the service's own message
            pid, in_namespaces = _fork()
        except Exception:  # noqa: BLE001  # the task is lost, its caller sees the closed socket
            traceback.print_exc()
            caller.close()
        else:
            if pid == 0:
                _run(task, output, in_namespaces=in_namespaces)
            self._tasks[pid] = caller, task.folder
            self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
            self._selector.register(caller, selectors.EVENT_READ, pid)
            _tell(caller, pid)
        finally:
            os.close(output)

    def _ended(self, descriptor: int, pid: int) -> None:
        _kill(pid)  # its process group, too, where there is no namespace that ends with it
        _, status, usage = os.wait4(pid, 0)
        self._selector.unregister(descriptor)
        os.close(descriptor)
        caller, _ = self._tasks.pop(pid)
        with suppress(KeyError):
            self._selector.unregister(caller)
        self._kill_orphans()
        code, cpu_s = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
        _tell(caller, [code, usage.ru_maxrss * 1024, cpu_s])
        caller.close()

    def _kill_orphans(self) -> None:
        """What a task left behind has become a child of this process."""
        me = os.getpid()
        for pid in Path(f"/proc/{me}/task/{me}/children").read_text(encoding="ascii").split():
            if int(pid) not in self._tasks:
                _kill(int(pid))
                os.waitpid(int(pid), 0)

    def _kill_all(self) -> None:
        """The service has ended: leave none of its tasks, and nothing of theirs."""
        for pid, (_, folder) in self._tasks.items():
            _kill(pid)
            os.waitpid(pid, 0)
            remove(folder)


def remove(folder: Path) -> None:
    """Remove a task's folder, however deep it is and whatever rights it has."""
    try:
        folder.rmdir()  # as good as always
    except OSError:
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run([*command, "--", str(folder)], check=False, stderr=subprocess.DEVNULL)  # noqa: S603


def _fork() -> tuple[int, bool]:
    """Return the child's process id, 0 in the child, and whether it has namespaces of its own.

    `os.fork` cannot make namespaces, and `unshare` would need a second fork before the process ids are new.
    """
    number = _CLONE.get(platform.machine())
    if number is not None:
        ctypes.pythonapi.PyOS_BeforeFork()
        pid = _kernel.syscall(number, NAMESPACES | signal.SIGCHLD, 0, 0, 0, 0)
        ctypes.pythonapi.PyOS_AfterFork_Child() if pid == 0 else ctypes.pythonapi.PyOS_AfterFork_Parent()
        if pid >= 0:
            return pid, True
    return os.fork(), False


def _run(task: Task, output: int, *, in_namespaces: bool) -> NoReturn:
    """Confine this process, call the task's function and send what it returns: data, whatever the document did."""
    code = NOT_CONFINED
    try:
        os.setsid()
        os.dup2(output, _OUTPUT)
        os.closerange(_OUTPUT + 1, os.sysconf("SC_OPEN_MAX"))
        confine(task.original, task.folder, task.memory_bytes, task.cpu_s, in_namespaces=in_namespaces)
        progress.begin(task.folder)
        os.dup2(0, 1)  # /dev/null
        os.dup2(0, 2)
        code = 0
        _send(_answer(task))
    except BaseException:  # noqa: BLE001  # nothing may go on in the fork server's place
        traceback.print_exc()
    finally:
        os._exit(code)


def _answer(task: Task) -> bytes:
    try:
        return b"+" + task.function(task.original, task.name, *task.arguments)
    except (Exception, RecursionError) as exc:  # noqa: BLE001  # the caller makes an error of ours of it
        if limit := _limit_behind(exc):
            return b"-" + json.dumps({"limit": limit}).encode()
        known = exc if isinstance(exc, PermanentError) else None
        reason = known.detail if known else f"{type(exc).__name__}: {exc}".splitlines()[0]
        reason = reason.replace(str(task.original), task.name)
        return b"-" + json.dumps({"error": type(known).__name__ if known else None, "detail": reason[:1000]}).encode()


def _limit_behind(error: BaseException | None) -> str | None:
    """Return the limit that a parser met, were its error made into another one."""
    while error is not None:
        if isinstance(error, MemoryError):
            return "memory"
        if isinstance(error, OSError) and error.errno in _LIMITS:
            return _LIMITS[error.errno]
        error = error.__cause__
    return None


def _send(answer: bytes) -> None:
    with open(_OUTPUT, "wb", buffering=0) as pipe:  # a descriptor
        view = memoryview(answer)
        while view:
            view = view[pipe.write(view) :]


def _kill(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _tell(caller: socket.socket, what: object) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):
        caller.send(json.dumps(what).encode())
