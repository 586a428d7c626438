"""Run a function over a hostile file in a child process: limited memory, time and output, no network, nothing kept.

What the child may do is in `confine.py`, how it is started in `forkserver.py`. This side watches it, and says for
people why it ended.
"""

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Self

import psutil

from ingest.parse.forkserver import NOT_CONFINED, End, Task, remove
from ingest.parse.progress import told
from rag import errors
from rag.settings import ParseSettings

LOOK_EVERY_S = 0.25
START_S = 120.0  # for the fork server's imports
READ_BYTES = 1 << 20
MAX_PROCESSES = 32
BYTES_PER_CHAR = 16  # of what may come back: UTF-8, eight bytes of boxes, and the passages
SPARE_BYTES = 4_000_000
NEAR_LIMIT = 0.8
MAX_DETAIL_CHARS = 1000
LIMIT_TEXTS = {
    "time": "took over {s:g} s to read. Split it, or raise RAG_PARSE_TIMEOUT_S.",
    "memory": "needed more than {mb} MB to read. Split it, or raise RAG_PARSE_MEMORY_BYTES.",
    "output": "gave more than the {n:,} characters of text that RAG_PARSE_MAX_CHARS allows. Split it.",
    "processes": "made its parser start too many processes.",
    "disk": "needed more room for temporary files than a parser may use. Split it.",
}
INHERITED = ("PATH", "HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONHOME")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


class Sandbox:
    """A fork server, started at once. Safe to share between threads; `close` ends all that it runs."""

    def __init__(self, program: str = "ingest.parse") -> None:
        """`program` is the module that is run as the server: what it has imported, its processes have."""
        self._lock, self._program = threading.Lock(), program
        self._process, self._control = _start_server(program)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._control.close()
        self._process.wait()

    def run(
        self,
        function: Callable[..., bytes],
        original: Path,
        name: str,
        *arguments: object,
        limits: ParseSettings,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> bytes:
        """Return what `function(original, name, *arguments)` returns in a process that may read the file `original`.

        `on_progress` is told now and then how many pages of how many are read, as the process says.

        Raise its PermanentError, BrokenDocument for its crash or any other exception of it, ParserLimitExceeded
        for the limit that it met, and OSError where this machine could not run it.
        """
        with _private_folder() as folder:
            task = Task(
                function=function,
                original=original.resolve(),
                name=name,
                arguments=arguments,
                folder=folder,
                memory_bytes=limits.memory_bytes,
                cpu_s=int(limits.timeout_s) + 1,
            )
            output, sender = os.pipe()
            caller, ending = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with caller, os.fdopen(output, "rb"):
                try:
                    self._send(pickle.dumps(task), sender, ending.fileno())
                finally:
                    os.close(sender)
                    ending.close()
                watch = _Watch(output, caller, limits, lambda: _pass_on(folder, on_progress))
                watch.wait()
        return _answer(name, watch, limits)

    def _send(self, message: bytes, *descriptors: int) -> None:
        """Give the fork server a task; start another server should it have ended."""
        with self._lock:
            try:
                socket.send_fds(self._control, [message], descriptors)
            except (BrokenPipeError, ConnectionResetError):
                self.close()
                self._process, self._control = _start_server(self._program)
                socket.send_fds(self._control, [message], descriptors)


class _Watch:
    """One child, watched until it has ended. `limit` is what it was ended for, if it was."""

    def __init__(self, pipe: int, caller: socket.socket, limits: ParseSettings, look: Callable[[], None]) -> None:
        self._look = look
        self.received = bytearray()
        self.limit: str | None = None
        self.end: End | None = None
        self._pipe = pipe
        self._caller = caller
        self._limits = limits
        self._pid: int | None = None
        self._deadline = time.monotonic() + START_S

    def wait(self) -> None:
        os.set_blocking(self._pipe, False)
        looked = time.monotonic()
        waiting: list[int | socket.socket] = [self._pipe, self._caller]
        while True:
            ready = wait(waiting, LOOK_EVERY_S)
            if self._pipe in ready and not self._receive():
                waiting.remove(self._pipe)
            if self._caller in ready and not self._hear():
                break
            if self.limit is None and time.monotonic() > min(looked + LOOK_EVERY_S, self._deadline):
                looked = time.monotonic()
                self._stop(self._limit_met())
                self._look()
        while self._receive():
            pass

    def _hear(self) -> bool:
        """Take a message of the fork server: the process id, then the end. Return whether there will be another."""
        with suppress(ConnectionResetError):
            message = self._caller.recv(1024)
            if message and self._pid is None:
                self._pid = json.loads(message)
                self._deadline = time.monotonic() + self._limits.timeout_s
                return True
            if message:
                code, rss_bytes, cpu_s = json.loads(message)
                self.end = End(code=code, rss_bytes=rss_bytes, cpu_s=cpu_s)
        return False

    def _receive(self) -> bool:
        """Take what is in the pipe; return whether there may be more."""
        try:
            data = os.read(self._pipe, READ_BYTES)
        except BlockingIOError:
            return False
        if self.limit is None:
            self.received += data
            if len(self.received) > self._limits.max_chars * BYTES_PER_CHAR + SPARE_BYTES:
                self._stop("output")
        return bool(data)

    def _limit_met(self) -> str | None:
        """Each process has limits in the kernel; this looks at the clock, and adds up what a parser has started."""
        if time.monotonic() > self._deadline:
            return "time"
        if self._pid is None:
            return None
        try:
            child = psutil.Process(self._pid)
            family = [child, *child.children(recursive=True)]
            rss_bytes = sum(process.memory_info().rss for process in family)
        except psutil.NoSuchProcess:  # one of them has just ended
            return None
        if len(family) > MAX_PROCESSES:
            return "processes"
        return "memory" if rss_bytes > self._limits.memory_bytes else None

    def _stop(self, limit: str | None) -> None:
        """Have the fork server kill the child, for this limit; its end is still to come."""
        if limit is not None:
            self.limit = limit
            self.received.clear()
            with suppress(OSError):
                self._caller.shutdown(socket.SHUT_WR)


def _pass_on(folder: Path, on_progress: Callable[[int, int], None] | None) -> None:
    if on_progress is not None and (said := told(folder)) is not None:
        on_progress(*said)


def _answer(name: str, watch: _Watch, limits: ParseSettings) -> bytes:
    """Return what the function returned, or raise what became of it."""
    if watch.limit is not None:
        raise _exceeded(name, watch.limit, limits)
    if watch.end is None or watch.end.code == NOT_CONFINED:
        raise OSError("a parser could not be started, see the worker's log")
    if watch.end.code != 0 or not watch.received:
        raise _crash(name, watch.end, limits)
    sign, content = watch.received[:1], bytes(memoryview(watch.received)[1:])
    if sign == b"+":
        return content
    error = _error(name, content, limits)
    if isinstance(error, errors.BrokenDocument) and _is_near_memory(watch.end, limits):
        raise _exceeded(name, "memory", limits)  # libxml2 calls it an unknown error
    raise error


def _is_near_memory(end: End, limits: ParseSettings) -> bool:
    return end.rss_bytes > NEAR_LIMIT * limits.memory_bytes


def _crash(name: str, end: End, limits: ParseSettings) -> errors.PermanentError:
    if end.cpu_s > limits.timeout_s:
        return _exceeded(name, "time", limits)
    if end.code < 0 and _is_near_memory(end, limits):
        return _exceeded(name, "memory", limits)
    how = signal.Signals(-end.code).name if end.code < 0 else f"exit code {end.code}"
    return errors.BrokenDocument(f"{name} cannot be read: its parser crashed ({how}). Save it anew in another format.")


def _error(name: str, content: bytes, limits: ParseSettings) -> errors.PermanentError:
    """Return the error that a child reports; it may be in a hostile document's hands, so nothing of it is trusted."""
    try:
        report = json.loads(content)
        limit, kind, detail = report.get("limit"), report.get("error"), str(report.get("detail"))[:MAX_DETAIL_CHARS]
    except (ValueError, AttributeError):
        return errors.BrokenDocument(f"{name} cannot be read: its parser answered with something else than an error.")
    if limit in LIMIT_TEXTS:
        return _exceeded(name, limit, limits)
    known = {leaf.__name__: leaf for leaf in errors.PermanentError.__subclasses__()}
    if kind in known:
        return known[kind](detail if name in detail else f"{name}: {detail}")
    return errors.BrokenDocument(f"{name} cannot be read ({detail}).")


def _exceeded(name: str, limit: str, limits: ParseSettings) -> errors.ParserLimitExceeded:
    text = LIMIT_TEXTS[limit].format(s=limits.timeout_s, mb=limits.memory_bytes // 1_000_000, n=limits.max_chars)
    return errors.ParserLimitExceeded(f"{name} {text}")


def missing_protections() -> list[str]:
    """Return what this machine does not offer to confine parsers, a sentence each."""
    command = [sys.executable, "-m", "ingest.parse.confine"]
    environment = os.environ | {"PYTHONPATH": _python_path()}
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)  # noqa: S603
    return told.stdout.splitlines()


def _python_path() -> str:
    return os.pathsep.join(filter(None, sys.path))


def _start_server(program: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a fork server that knows no setting of the service and keeps none of its files open."""
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    with theirs:
        process = subprocess.Popen(  # noqa: S603  # our own argv
            [sys.executable, "-m", program, str(theirs.fileno())],
            env=kept | ONE_THREAD | {"PYTHONPATH": _python_path()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C is for the service, which ends it
        )
    return process, control


@contextmanager
def _private_folder() -> Iterator[Path]:
    """A temporary folder that is removed with whatever is in it."""
    folder = Path(tempfile.mkdtemp(prefix="attest-")).resolve()
    try:
        yield folder
    finally:
        remove(folder)
