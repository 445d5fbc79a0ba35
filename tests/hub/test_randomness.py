"""The buffered source of randomness."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from hub.randomness import BufferedRandom


def test_numbers_keep_within_their_bits_and_use_all_of_them() -> None:
    draw = BufferedRandom()
    drawn = [draw.getrandbits(13) for _ in range(20_000)]
    assert min(drawn) >= 0 and max(drawn) < 1 << 13
    for bit in range(13):
        share = sum(number >> bit & 1 for number in drawn) / len(drawn)
        assert 0.45 < share < 0.55


def test_more_bits_than_the_buffer_holds() -> None:
    assert BufferedRandom().getrandbits(100_000).bit_length() > 99_000


def test_no_bits_are_zero_and_fewer_are_refused() -> None:
    assert BufferedRandom().getrandbits(0) == 0
    with pytest.raises(ValueError, match="non-negative"):
        BufferedRandom().getrandbits(-1)


def test_fractions_lie_between_zero_and_one() -> None:
    draw = BufferedRandom()
    drawn = [draw.random() for _ in range(10_000)]
    assert min(drawn) >= 0 and max(drawn) < 1
    assert 0.45 < sum(drawn) / len(drawn) < 0.55


def test_threads_never_get_the_same_bytes() -> None:
    draw = BufferedRandom()
    with ThreadPoolExecutor(4) as pool:
        parts = pool.map(lambda _: [draw.getrandbits(128) for _ in range(3000)], range(4))
        drawn = [number for part in parts for number in part]
    assert len(set(drawn)) == len(drawn)
