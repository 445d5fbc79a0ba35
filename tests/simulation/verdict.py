"""What must hold at the end of a run, judged from the ledgers of peers and agents."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, and_, func, or_, select

from connectors.contract import Micros
from hub.store import schema
from hub.store.tx import Reader
from tests.simulation import setting
from tests.simulation.calls import judge_calls
from tests.simulation.channel import MARKER, Peer
from tests.simulation.kernel import SECOND
from tests.simulation.people import Ledger

conversation, message, delivery, attempt = (
    schema.conversation,
    schema.message,
    schema.delivery,
    schema.attempt,
)


DAY = 86_400 * SECOND


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub shows at the end of a run."""

    inbound: Mapping[str, Sequence[Row[Any]]]
    """Inbound messages by marker: conversation, number."""

    sendings: Mapping[str, Sequence[Row[Any]]]
    """Deliveries of agents' answers by marker: state, lane, outcomes."""

    outcomes: Mapping[int, Sequence[str]]
    """Outcomes of all attempts, by delivery."""


def unfinished(tx: Reader) -> Iterator[str]:
    """What is still on its way in the hub; a run ends when there is nothing."""
    effect, timer = schema.effect, schema.timer
    counts = {
        "deliveries": select(func.count()).where(delivery.c.state.in_(("held", "queued", "sending"))),
        "attempts": select(func.count()).select_from(attempt).where(attempt.c.finished_at.is_(None)),
        "effects": select(func.count()).where(effect.c.state.in_(("waiting", "running"))),
        "timers": select(func.count()).where(timer.c.state == "waiting", timer.c.due_at <= tx.now),
        "snoozed": select(func.count()).where(conversation.c.status == "snoozed"),
        "not to be found by a search": select(func.count()).where(
            message.c.kind.in_(("inbound", "outbound")),
            message.c.id.not_in(select(schema.search_doc.c.message)),
        ),
    }
    for name, query in counts.items():
        if count := tx.scalar(query):
            yield f"{count} {name}"


def find(tx: Reader) -> Found:
    """Read what the hub shows."""
    inbound: dict[str, list[Row[Any]]] = defaultdict(list)
    sendings: dict[str, list[Row[Any]]] = defaultdict(list)
    columns = (message.c.id, message.c.conversation, message.c.number, message.c.text)
    for row in tx.rows(select(*columns).where(message.c.kind == "inbound")):
        if marker := MARKER.search(row.text):
            inbound[marker[1]].append(row)
    answers = and_(message.c.kind == "outbound", message.c.automatic == "no")
    joined = select(delivery, message.c.text, message.c.number).join(
        message, message.c.id == delivery.c.message
    )
    for row in tx.rows(joined.where(answers).order_by(message.c.conversation, message.c.number)):
        if marker := MARKER.search(row.text):
            sendings[marker[1]].append(row)
    outcomes: dict[int, list[str]] = defaultdict(list)
    for row in tx.rows(select(attempt.c.delivery, attempt.c.outcome).order_by(attempt.c.id)):
        outcomes[row.delivery].append(row.outcome or "open")
    return Found(inbound=inbound, sendings=sendings, outcomes=outcomes)


def judge(tx: Reader, peers: Iterable[Peer], ledger: Ledger, silence: int, epoch: Micros) -> list[str]:
    """Everything that breaks a promise, in words. ``silence``: minutes for which somebody may wait unmarked; ``epoch``:
    when the run began."""
    found, peers = find(tx), list(peers)
    faults = [f"left behind: {what}" for what in unfinished(tx)]
    for peer in peers:
        faults += _inbound(peer, found)
        faults += _doubles(peer, found)
        faults += _order(peer, found)
    faults += _answers(peers, ledger, found)
    faults += _stream(tx)
    faults += _places(tx)
    faults += _automatic(peers, epoch)
    faults += _silence(tx, silence)
    orders = [letter for peer in peers for letter in peer.letters if letter.phone]
    faults += judge_calls(tx, orders, ledger.calls)
    return faults


def _inbound(peer: Peer, found: Found) -> Iterator[str]:
    """Nothing lost, nothing twice. Everything is acknowledged at the end, for every peer repeats until it is."""
    for letter in peer.letters:
        rows = found.inbound.get(letter.marker, ())
        if letter.acknowledged_at is None:
            yield f"{letter.marker} was never acknowledged"
        elif not rows and not letter.report:
            yield f"{letter.marker} was acknowledged and is lost"
        if len(rows) > 1:
            yield f"{letter.marker} is there {len(rows)} times"


def _doubles(peer: Peer, found: Found) -> Iterator[str]:
    """What reached a peer twice must show an ambiguous attempt."""
    for number, times in Counter(arrival.delivery for arrival in peer.arrivals).items():
        if times > 1 + found.outcomes[number].count("ambiguous"):
            yield f"delivery {number} reached {peer.inbox} {times} times, shown as {found.outcomes[number]}"


def _answers(peers: Iterable[Peer], ledger: Ledger, found: Found) -> Iterator[str]:
    """Every answer that the hub took reached its peer, or visibly did not, or possibly."""
    arrived = Counter(arrival.marker for peer in peers for arrival in peer.arrivals)
    for marker in ledger.answers:
        states = {row.state for row in found.sendings.get(marker, ())}
        if not states:
            yield f"{marker} was taken and is lost"
        elif not arrived[marker] and not states & {"failed", "possibly-sent"}:
            yield f"{marker} never arrived, shown as {sorted(states)}"
    for marker in arrived:
        if marker and marker not in found.sendings:
            yield f"{marker} arrived, and the hub does not know of it"


def _order(peer: Peer, found: Found) -> Iterator[str]:
    """Answers of a lane arrive in the order in which they were written, where every attempt's outcome is known."""
    first: dict[int, int] = {}
    for place, arrival in enumerate(peer.arrivals):
        first.setdefault(arrival.delivery, place)
    lanes: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for rows in found.sendings.values():
        for row in rows:
            if row.inbox == peer.inbox and row.id in first and "ambiguous" not in found.outcomes[row.id]:
                lanes[row.lane].append((row.number, first[row.id]))
    for lane, sent in lanes.items():
        places = [place for _, place in sorted(sent)]
        if places != sorted(places):
            yield f"the order of {lane} is broken: {sorted(sent)}"


def _stream(tx: Reader) -> Iterator[str]:
    """Places follow one another without a gap, in the order of time."""
    event = schema.event
    head = tx.scalar(select(schema.stream_head.c.place)) or 0
    rows = tx.rows(select(event.c.place).order_by(event.c.place))
    first = rows[0].place if rows else 1
    if [row.place for row in rows] != list(range(first, head + 1)):
        yield f"the stream has gaps: {len(rows)} events, the head is at {head}"


def _places(tx: Reader) -> Iterator[str]:
    """Every conversation is in exactly one place: in a queue or in somebody's hands, asleep, waiting, or closed."""
    asleep = conversation.c.status == "snoozed"
    lost = or_(
        conversation.c.queue.is_(None),
        asleep != conversation.c.snoozed_until.is_not(None),
        and_(conversation.c.status == "resolved", conversation.c.resolved_at.is_(None)),
        and_(
            conversation.c.status.in_(("resolved", "waiting-citizen")),
            conversation.c.waiting_since.is_not(None),
        ),
    )
    for row in tx.rows(select(conversation.c.id, conversation.c.status).where(lost)):
        yield f"conversation {row.id} ({row.status}) is in no place or in two"


def _silence(tx: Reader, minutes: int) -> Iterator[str]:
    """Whoever has waited for longer than the rules allow is marked so: a deadline is met, or its breach recorded."""
    late = and_(
        conversation.c.waiting_since < tx.now - (60 * minutes + 1) * SECOND,
        conversation.c.status.in_(("open", "waiting-office")),
        conversation.c.tags.not_like(f"%{setting.BREACH}%"),
    )
    for row in tx.rows(select(conversation.c.id, conversation.c.waiting_since).where(late)):
        waited = (tx.now - row.waiting_since) // SECOND
        yield f"conversation {row.id} has waited for {waited} s, and nobody was told"


def _automatic(peers: Iterable[Peer], epoch: Micros) -> Iterator[str]:
    """At most one acknowledgement for each day on which somebody wrote; twice is an ambiguous sending."""
    sent: dict[str, set[int]] = defaultdict(set)
    days: dict[str, set[int]] = defaultdict(set)
    for peer in peers:
        for arrival in peer.arrivals:
            if arrival.automatic and not arrival.address.startswith("call-"):
                sent[arrival.address].add(arrival.delivery)
        for letter in peer.letters:
            for at in (letter.written_at, letter.acknowledged_at or letter.written_at):
                days[letter.address].add((epoch + at) // DAY)
    for address, deliveries in sent.items():
        if len(deliveries) > len(days[address]):
            yield f"{address} got {len(deliveries)} automatic answers on {len(days[address])} days"
