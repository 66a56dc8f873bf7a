"""System calls that the child is refused by the kernel: those that reach into other processes.

Without them whoever takes the child over could read its parent's memory, or stop it: they run as
one user. What a filter refuses stays refused, whatever the process becomes.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from dataclasses import dataclass

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
CALL, ARCHITECTURE = 0, 4  # where the kernel puts them for the filter
ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # the second as EPERM
FOREIGN = 0x40000000  # calls of x86-64 under another number
ANYWHERE = (424, 434, 438)  # pidfd: send_signal, open, getfd


@dataclass(frozen=True, slots=True)
class Machine:
    """What its kernel calls it, and its numbers of the calls that are refused."""

    name: int
    calls: tuple[int, ...]


# kill, tkill, tgkill, rt_sigqueueinfo, rt_tgsigqueueinfo, ptrace, process_vm_readv and _writev
MACHINES = {
    "x86_64": Machine(0xC000003E, (62, 200, 234, 129, 297, 101, 310, 311)),
    "aarch64": Machine(0xC00000B7, (129, 130, 131, 138, 240, 117, 270, 271)),
}


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def leave_others_alone() -> None:
    """Called in the child. On a machine that is not known here there is no child."""
    steps = _steps(MACHINES[platform.machine()])
    program = Program(len(steps), b"".join(steps))
    _prctl(PR_SET_NO_NEW_PRIVS, 1, None)
    _prctl(PR_SET_SECCOMP, FILTER, ctypes.byref(program))


def _steps(machine: Machine) -> list[bytes]:
    """Jumps say how many steps are left out; the last step refuses, the one before allows."""
    refused = (*machine.calls, *ANYWHERE)
    most = len(refused)
    return [
        _step(LOAD, ARCHITECTURE),
        _step(EQUAL, machine.name, otherwise=most + 3),
        _step(LOAD, CALL),
        _step(AT_LEAST, FOREIGN, then=most + 1),
        *(_step(EQUAL, call, then=most - place) for place, call in enumerate(refused)),
        _step(RETURN, ALLOW),
        _step(RETURN, REFUSE),
    ]


def _step(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


def _prctl(option: int, value: int, pointer: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if library.prctl(option, ctypes.c_ulong(value), pointer or zero, zero, zero):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
