"""What a worker process knows of itself, shared with its siblings through memory that survives forks."""

import mmap
import os
import socket
import struct
import time

_DRAIN = 0
_ALIVE = slice(8, 16)

HOST = socket.gethostname()
_shared = mmap.mmap(-1, 16)  # anonymous and shared: processes forked from here see each other's writes


def name() -> str:
    """Host and process id: unique among living workers."""
    return f"{HOST}:{os.getpid()}"


def start_draining() -> None:
    """Tell this process and all forked from it to stop gently. Safe in a signal handler."""
    _shared[_DRAIN] = 1


def is_draining() -> bool:
    """Whether the worker is about to go away."""
    return bool(_shared[_DRAIN])


def show_life() -> None:
    """Note that a process of the pool has just done some work."""
    _shared[_ALIVE] = struct.pack("d", time.monotonic())


def seconds_since_life() -> float:
    """Time since a process of the pool last did some work."""
    return time.monotonic() - float(struct.unpack("d", _shared[_ALIVE])[0])
