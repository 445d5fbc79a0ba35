"""The hub's source of randomness: the operating system's, asked for many bytes at a time."""

from __future__ import annotations

import os
import random
import threading

_BUFFER = 4096
"""Bytes fetched at once. Every fetch is a system call that lets go of the interpreter's lock and must win it back."""


class BufferedRandom(random.SystemRandom):
    """As unpredictable as ``SystemRandom``, and safe to use from several threads: no byte is handed out twice."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._bytes = b""
        self._place = 0

    def getrandbits(self, k: int, /) -> int:
        """``k`` random bits. Raises ValueError for a negative number."""
        if k < 0:
            raise ValueError("number of bits must be non-negative")
        count = (k + 7) // 8
        return int.from_bytes(self._take(count), "big") >> (8 * count - k)

    def random(self) -> float:
        """From 0 up to 1."""
        return float(self.getrandbits(53) * 2.0**-53)

    def _take(self, count: int) -> bytes:
        with self._lock:
            if self._place + count > len(self._bytes):
                self._bytes, self._place = os.urandom(max(_BUFFER, count)), 0
            self._place += count
            return self._bytes[self._place - count : self._place]
