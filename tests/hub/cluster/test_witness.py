"""Who is taken for gone, and that whoever is stops by itself before."""

from __future__ import annotations

from hub.cluster.witness import GAP, KEPT, RATE, Witness

TTL = 10.0


def looks(witness: Witness, beats: dict[str, int], since: float, until: float) -> None:
    """A look every second from ``since`` up to ``until``."""
    for second in range(round(since), round(until) + 1):
        witness.looked(beats, float(second))


def test_whose_beat_stands_still_is_gone_after_a_lease_and_a_bit() -> None:
    witness = Witness(TTL)
    looks(witness, {"a/1": 5}, 0, 11)
    assert not witness.gone("a/1", RATE * TTL - 0.5)
    assert witness.gone("a/1", RATE * TTL + 0.1)


def test_who_beats_is_not_gone() -> None:
    witness = Witness(TTL)
    for second in range(100):
        witness.looked({"a/1": second // 9}, float(second))
        assert not witness.gone("a/1", float(second))


def test_while_nobody_looked_nobody_was_seen_to_stand_still() -> None:
    """The store was away for a minute, for everybody: who could not beat gets the time to."""
    witness = Witness(TTL)
    looks(witness, {"a/1": 5}, 0, 9)
    assert not witness.gone("a/1", 69.0), "the last look is too old to say anything"
    witness.looked({"a/1": 5}, 70.0)
    assert not witness.gone("a/1", 70.0)
    looks(witness, {"a/1": 5}, 71, 82)
    assert witness.gone("a/1", 82.0)


def test_a_look_may_be_late_by_a_little() -> None:
    witness = Witness(TTL)
    for number in range(5):
        witness.looked({"a/1": 5}, number * 0.9 * GAP * TTL)
    assert witness.gone("a/1", 4 * 0.9 * GAP * TTL)


def test_one_never_heard_of_is_watched_from_then_on() -> None:
    witness = Witness(TTL)
    looks(witness, {}, 0, 60)
    assert not witness.gone("new/1", 60.0)
    looks(witness, {}, 61, 72)
    assert witness.gone("new/1", 72.0)


def test_one_that_comes_back_is_there_again() -> None:
    witness = Witness(TTL)
    looks(witness, {"a/1": 5}, 0, 30)
    assert witness.gone("a/1", 30.0)
    witness.looked({"a/1": 6}, 31.0)
    assert not witness.gone("a/1", 31.0)
    assert witness.last("a/1") == 6


def test_the_dead_of_long_ago_are_forgotten() -> None:
    witness = Witness(TTL)
    witness.looked({"a/1": 5}, 0.0)
    looks(witness, {}, 1, KEPT * TTL + 3)
    assert not witness._still
