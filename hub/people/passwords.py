"""Passwords: hashed with argon2id (RFC 9106's second recommended choice), checked in the same time for nobody's.

Both functions take about 0.1 s of one core: call them in a thread.
"""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

SHORTEST = 10
"""Least characters of a password that somebody chooses (NIST SP 800-63B asks for 8, no composition rules)."""

LONGEST = 256
"""Longer ones are refused before hashing: argon2 would read them all."""

_WORDS = "bcdfghjkmnpqrstvwxz"
_VOWELS = "aeiouy"

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)

NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$2Le5IJwSFyeTLUc5zGaEGw$73FPQqCQBM0GDyXXsdq/hJP/yXH87O1wXJSqsz4XKCQ"
"""The hash of a random password that nobody kept: what an unknown login is checked against, so that it takes as long.

Written down, because making one takes 0.1 s of every start. Its parameters are those of ``_hasher``.
"""


def hash_password(password: str) -> str:
    """The string to store. Raises ValueError for a password that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(f"a password needs {SHORTEST} to {LONGEST} characters")
    return _hasher.hash(password)


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is right. ``None`` (no such user, no password yet) takes as long and is never right."""
    try:
        matches = _hasher.verify(stored or NOBODY, password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return matches and stored is not None and len(password) <= LONGEST


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with weaker parameters than today's and should be replaced at the next log-in."""
    return _hasher.check_needs_rehash(stored)


def printable_password() -> str:
    """A password to hand over on paper: four pronounceable groups, 54 bits, no letters that look alike."""
    return "-".join(
        "".join(secrets.choice(_WORDS) + secrets.choice(_VOWELS) for _ in range(2)) for _ in range(4)
    )
