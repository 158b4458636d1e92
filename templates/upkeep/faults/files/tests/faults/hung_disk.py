"""`hung_disk.py FLAG COMMAND...`: runs a command whose fsyncs hang while the file FLAG exists.

What a server has answered and not yet written is lost with its process only while the disk is busy;
a test that is to see it needs a disk that hangs. This makes one on Linux, without privileges and
for one process: a seccomp filter passes its fsync and fdatasync on to a second process, which lets
them go on when it sees fit (seccomp_unotify(2)).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import select
import socket
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path

AVAILABLE = sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")
SECCOMP, *SYNCS = (317, 74, 75) if platform.machine() == "x86_64" else (277, 82, 83)

# From linux/seccomp.h, linux/filter.h and linux/prctl.h.
PR_SET_NO_NEW_PRIVS = 38
SET_MODE_FILTER = 1
FLAG_NEW_LISTENER = 1 << 3
RET_USER_NOTIF, RET_ALLOW = 0x7FC00000, 0x7FFF0000
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NOTIF_RECV, NOTIF_SEND = 0xC0502100, 0xC0182101
NOTIF_SIZE = 80
FLAG_CONTINUE = 1
POLL_S = 0.01


def listen() -> int:
    """Filters this process from now on; returns where its syncs ask."""
    libc = ctypes.CDLL(None, use_errno=True)
    steps = [
        (LOAD, 0, 0, 0),  # the number of the call
        (JUMP_IF_EQUAL, 1, 0, SYNCS[0]),
        (JUMP_IF_EQUAL, 0, 1, SYNCS[1]),
        (RETURN, 0, 0, RET_USER_NOTIF),
        (RETURN, 0, 0, RET_ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    listener = libc.syscall(SECCOMP, SET_MODE_FILTER, FLAG_NEW_LISTENER, program)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "this system does not let a process filter its calls")
    return int(listener)


def answer(listener: int, flag: Path) -> None:
    """Lets each sync go on once `flag` is not there, until the process has ended."""
    waiting = select.poll()
    waiting.register(listener, select.POLLIN)
    while all(not event & select.POLLHUP for _, event in waiting.poll()):
        notice = bytearray(NOTIF_SIZE)
        # Fails where whoever asked is gone.
        with suppress(OSError):
            fcntl.ioctl(listener, NOTIF_RECV, notice)
            while flag.exists():
                time.sleep(POLL_S)
            go_on = struct.pack("qiI", 0, 0, FLAG_CONTINUE)
            fcntl.ioctl(listener, NOTIF_SEND, bytes(notice[:8]) + go_on)


def main() -> None:
    flag, command = Path(sys.argv[1]), sys.argv[2:]
    here, there = socket.socketpair()
    if os.fork() == 0:
        here.close()
        _, (listener,), _, _ = socket.recv_fds(there, 1, 1)
        there.close()
        answer(listener, flag)
        os._exit(0)
    there.close()
    listener = listen()
    socket.send_fds(here, [b"."], [listener])
    os.close(listener)
    here.close()
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
