"""A seccomp filter: system calls that no parser needs are refused, for this process and its children. Linux 3.17.

Refused are every way to a network, to another process's memory, to new namespaces, and to parts of the kernel
known for their holes. Unix stream sockets can be made, because LibreOffice wants one of its own, but not connected.
"""

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06  # BPF, see linux/filter.h
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in struct seccomp_data, low words
_AF_UNIX, _SOCK_STREAM, _TYPE_BITS = 1, 1, 0xF
_NEW_USER_NAMESPACE = 0x10000000
_X32 = 0x40000000  # x86-64 system calls by other numbers

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True)
class _Machine:
    """System call numbers, from the kernel's tables."""

    audit: int
    socket: int
    clone: int
    refused: tuple[int, ...]


# In this order: connect, ptrace, process_vm_readv, process_vm_writev, unshare, setns, bpf, perf_event_open,
# userfaultfd, keyctl, add_key, request_key. Then, with one number everywhere: io_uring_setup, pidfd_getfd.
_EVERYWHERE = (425, 438)
_CLONE3 = 435  # its flags cannot be seen: refused as unknown, glibc then uses clone
_MACHINES = {
    "x86_64": _Machine(
        audit=0xC000003E,
        socket=41,
        clone=56,
        refused=(42, 101, 310, 311, 272, 308, 321, 298, 323, 250, 248, 249),
    ),
    "aarch64": _Machine(
        audit=0xC00000B7,
        socket=198,
        clone=220,
        refused=(203, 117, 270, 271, 97, 268, 280, 241, 282, 219, 217, 218),
    ),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def is_offered() -> bool:
    """Return whether this kernel filters system calls, and this machine's are known."""
    return platform.machine() in _MACHINES and os.path.exists("/proc/sys/kernel/seccomp/actions_avail")  # noqa: PTH110


def restrict() -> bool:
    """Put the filter on this process, for good; return whether that was possible. Wants `no_new_privs`."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return False
    code = _filter(machine)
    program = _Program(len(code) // 8, code)
    return bool(_libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0) == 0)


def _filter(machine: _Machine) -> bytes:
    """Return the BPF program; a jump counts the steps to pass over if the test holds, and if it does not."""
    refuse, unknown = _REFUSE | errno.EACCES, _REFUSE | errno.ENOSYS
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, refuse),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, unknown),
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, unknown),
    ]
    for number in (*machine.refused, *_EVERYWHERE):
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, refuse)]
    steps += [
        (_EQUAL, 0, 4, machine.clone),
        (_LOAD, 0, 0, _FIRST),
        (_ANY_BIT, 0, 1, _NEW_USER_NAMESPACE),
        (_RETURN, 0, 0, refuse),
        (_RETURN, 0, 0, _ALLOW),
        (_EQUAL, 0, 6, machine.socket),
        (_LOAD, 0, 0, _FIRST),
        (_EQUAL, 0, 3, _AF_UNIX),
        (_LOAD, 0, 0, _SECOND),
        (_AND, 0, 0, _TYPE_BITS),
        (_EQUAL, 1, 0, _SOCK_STREAM),
        (_RETURN, 0, 0, refuse),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
