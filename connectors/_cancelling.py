"""Cancelling that reaches whoever waits, in the libraries too.

Python 3.11's ``asyncio.wait_for`` loses a cancellation that meets the result of what is waited for: it gives the
result, and its caller goes on for ever. An inbox whose lease was lost in the very moment in which a server answered
would neither end nor be read again by this process. aioimaplib, aiosmtplib, redis-py and slixmpp wait by it.
Python 3.12 mended it; here is what it does there, for 3.11.

Source: python/cpython#86296 (the fault) and #96764 (``wait_for`` by ``asyncio.timeout``).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def wait_for(fut: Awaitable[T], timeout: float | None) -> T:
    """As ``asyncio.wait_for`` of Python 3.12. Raises TimeoutError after ``timeout`` seconds, None: never."""
    if timeout is not None and timeout <= 0:
        future = asyncio.ensure_future(fut)
        if not future.done():
            future.cancel()
            await asyncio.wait([future])
        try:
            return future.result()
        except asyncio.CancelledError as error:
            raise TimeoutError from error
    async with asyncio.timeout(timeout):
        return await fut


def mend() -> None:
    """Have everything in this process wait like that; to be called before libraries take hold of the function."""
    if sys.version_info < (3, 12):
        # Its own stub knows more of the types than can be said here.
        asyncio.wait_for = asyncio.tasks.wait_for = wait_for  # type: ignore[assignment]
