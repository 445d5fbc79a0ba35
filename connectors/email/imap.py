"""Reads mailboxes by IMAP: every mail is committed before the server is told that it was read.

The cursor of a mailbox is ``UIDVALIDITY:UID`` of the last mail of an unbroken row of committed ones; flags and dates
say nothing, because other people read the mailbox too. When UIDVALIDITY changed, everything is read again and the
hub recognises what it has by its content. A batch of mails goes to the hub at once, so that one transaction can take
them (those of one sender one after the other), and the last, which carries the cursor, only when the others are in.

A mailbox is looked at when IDLE reports something and every ``poll_seconds`` in any case; each look renews IDLE.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import ssl
from collections.abc import AsyncIterator, Hashable, Iterator, Mapping, Sequence
from functools import partial

from connectors._failpoint import failpoint
from connectors._in_turn import in_turn, sender_of
from connectors.contract import Cursor, Env, Party, Raw, Refused, Sink, Unknown, fault
from connectors.email.config import EmailConfig, ImapAccount, mailbox_key
from connectors.email.imap_link import Link, Lost, NotDone, Selected, WrongCredentials, connect
from connectors.email.intake import INLINE_BYTES, Mail, Ready, Taker, keep, keep_stream
from connectors.email.peers import Peer

BATCH = 20
"""Most mails that are fetched and committed together."""

FIRST_GAP = 0.5
"""Seconds before the first attempt to connect again; it doubles with each further one."""

LONGEST_GAP = 120.0
CREDENTIALS_GAP = 60.0
"""Least wait after a refused login, so that no server locks the account."""

GIVE_UP = 12
"""A mail that the server would not hand out is worth 4 when it refused and 1 when the line broke; at this sum a
stand-in is shown to people and the mailbox goes on."""


@dataclasses.dataclass(slots=True)
class Mailbox:
    """One mailbox and where its reader stands. ``place`` is (UIDVALIDITY, last UID) or None before it is known."""

    account: ImapAccount
    peer: Peer
    key: str
    place: tuple[int, int] | None = None
    undone: set[int] = dataclasses.field(default_factory=set)
    """Committed, and not yet flagged on the server."""
    trouble: dict[int, int] = dataclasses.field(default_factory=dict)
    cannot_flag: bool = False
    went_back: bool = False
    """At the last look the server's next UID lay below mails that are committed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reader:
    """What all mailboxes of an inbox share; the semaphores bound how much of them is in memory at once."""

    taker: Taker
    config: EmailConfig
    connecting: asyncio.Semaphore = dataclasses.field(default_factory=lambda: asyncio.Semaphore(16))
    batches: asyncio.Semaphore = dataclasses.field(default_factory=lambda: asyncio.Semaphore(16))
    large: asyncio.Semaphore = dataclasses.field(default_factory=lambda: asyncio.Semaphore(2))
    contexts: dict[str | None, ssl.SSLContext] = dataclasses.field(default_factory=dict)

    @property
    def env(self) -> Env:
        return self.taker.env

    @property
    def sink(self) -> Sink:
        return self.taker.sink


def mailboxes(config: EmailConfig) -> list[Mailbox]:
    """The mailboxes of an inbox, each with a name that is safe to log."""
    return [
        Mailbox(account=account, peer=Peer(account.name or f"imap-{number}"), key=mailbox_key(account))
        for number, account in enumerate(config.imap, start=1)
    ]


async def tls_context(
    account: ImapAccount, contexts: dict[str | None, ssl.SSLContext]
) -> ssl.SSLContext | None:
    """The account's TLS settings; loading certificates is slow, so it happens once and in a thread."""
    if not account.tls:
        return None
    if account.ca_file not in contexts:
        contexts[account.ca_file] = await asyncio.to_thread(
            ssl.create_default_context, cafile=account.ca_file
        )
    return contexts[account.ca_file]


async def watch(box: Mailbox, reader: Reader) -> None:
    """Read a mailbox until cancelled, connecting again with growing gaps whatever happens."""
    env, gap = reader.env, FIRST_GAP
    while True:
        began = env.clock.monotonic()
        try:
            async with _connected(box, reader) as link:
                await _session(link, box, reader)
        except WrongCredentials as refusal:
            box.peer.down(env, "wrong_credentials", f"the server refused the login: {refusal}")
            gap = max(gap, CREDENTIALS_GAP)
        except (Lost, OSError, NotDone) as error:
            missing = isinstance(error, FileNotFoundError)  # the ca_file
            box.peer.down(
                env, "misconfigured" if missing else "unreachable", f"{type(error).__name__}: {_told(error)}"
            )
        except Exception as error:  # a fault of ours in one mailbox must not end the others
            box.peer.down(env, "degraded", f"reading failed: {type(error).__name__}")
            env.log.error("mailbox reader failed", peer=box.peer.name, **fault(error))
        box.place = None
        if env.clock.monotonic() - began > 2 * gap:
            gap = FIRST_GAP
        await env.clock.sleep(gap * (0.5 + env.random.random()))
        gap = min(gap * 2, LONGEST_GAP)


def _told(error: Exception) -> str:
    """Why, without addresses: messages of the operating system name the host, which the configuration knows."""
    if isinstance(error, OSError) and not isinstance(error, Lost):
        return error.strerror or "no connection"
    return str(error)


@contextlib.asynccontextmanager
async def _connected(box: Mailbox, reader: Reader) -> AsyncIterator[Link]:
    async with reader.connecting:
        context = await tls_context(box.account, reader.contexts)
        link = await connect(box.account, context, reader.env.clock)
    try:
        yield link
    finally:
        link.close()


async def _session(link: Link, box: Mailbox, reader: Reader) -> None:
    """Look and wait in turn. A look that found something is followed by another at once: news that came while
    mails were fetched was told then, and is not told again under IDLE."""
    while True:
        try:
            if await _look(link, box, reader):
                continue
        except Refused as refusal:
            box.place = None
            box.peer.down(reader.env, "degraded", f"the hub takes nothing now: {refusal}")
            await link.race(_wait(reader.env, refusal.retry_after), seconds=None)
            continue
        # A little earlier or later each time, so that hundreds of mailboxes do not ask in the same moment.
        seconds = reader.config.poll_seconds * (0.8 + reader.env.random.random() / 5)
        await link.idle(seconds)


async def _wait(env: Env, seconds: float) -> None:
    await env.clock.sleep(seconds * (1 + env.random.random() / 4))


async def _look(link: Link, box: Mailbox, reader: Reader) -> int:
    """Commit what is new; returns how many mails that were."""
    selected = await link.select(box.account.folder)
    validity, last = box.place = _not_beyond(box, reader, selected, await _place(box, reader, selected))
    await _finish(link, box, reader.env, ())
    if selected.uidnext is not None and selected.uidnext <= last + 1:
        box.peer.backlog = 0
        box.peer.up(reader.env)
        return 0
    uids = await _new_uids(link, last + 1, selected.uidnext)
    box.peer.backlog = len(uids)
    if not uids:
        box.peer.up(reader.env)
    for batch in _batches(uids, box.trouble):
        async with reader.batches:
            taken = await _take_batch(link, box, reader, batch, validity)
        await _finish(link, box, reader.env, taken)
        box.place = (validity, batch[-1])
        box.peer.backlog -= len(batch)
        box.peer.up(reader.env)  # not before: a server that answers is of no use to a hub that takes nothing
    return len(uids)


async def _new_uids(link: Link, first: int, following: int | None) -> list[int]:
    """What may be new; of a few it costs less to ask for their sizes than to ask first which of them exist."""
    if following is not None and following - first <= BATCH:
        return list(range(first, following))
    return await link.uids_from(first)


async def _place(box: Mailbox, reader: Reader, selected: Selected) -> tuple[int, int]:
    """Where to go on. Another UIDVALIDITY than at the last commit means that all UIDs are void: from the start."""
    if box.place is not None and box.place[0] == selected.uidvalidity:
        return box.place
    committed = await reader.sink.cursor(box.key)
    if committed is None:
        return await _first_place(box, reader, selected)
    validity, _, last = committed.partition(":")
    if int(validity) == selected.uidvalidity:
        return selected.uidvalidity, int(last)
    box.undone.clear()
    box.trouble.clear()
    reader.env.log.warning("uidvalidity changed, reading the mailbox again", peer=box.peer.name)
    return selected.uidvalidity, 0


def _not_beyond(box: Mailbox, reader: Reader, selected: Selected, place: tuple[int, int]) -> tuple[int, int]:
    """The place, or the start where UIDs are given out a second time under the same UIDVALIDITY: a mailbox that was
    brought back from a copy, or made anew by a server that does not mind. Once alone may be a replica that is late."""
    before, box.went_back = box.went_back, selected.uidnext is not None and selected.uidnext <= place[1]
    if not (before and box.went_back):
        return place
    box.went_back = False
    reader.env.log.warning("uids are given out again, reading the mailbox again", peer=box.peer.name)
    return place[0], 0


async def _first_place(box: Mailbox, reader: Reader, selected: Selected) -> tuple[int, int]:
    if box.account.first_scan == "all" or selected.uidnext is None:
        return selected.uidvalidity, 0
    place = (selected.uidvalidity, selected.uidnext - 1)
    await reader.sink.accept(Raw(), [], _cursor(box, *place))
    return place


def _cursor(box: Mailbox, validity: int, uid: int) -> Cursor:
    return Cursor(key=box.key, value=f"{validity}:{uid}")


def _batches(uids: Sequence[int], trouble: dict[int, int]) -> Iterator[list[int]]:
    """Rows of at most :data:`BATCH`; a mail that made trouble before goes alone."""
    batch: list[int] = []
    for uid in uids:
        if batch and (uid in trouble or batch[-1] in trouble or len(batch) == BATCH):
            yield batch
            batch = []
        batch.append(uid)
    if batch:
        yield batch


async def _take_batch(link: Link, box: Mailbox, reader: Reader, batch: list[int], validity: int) -> list[int]:
    """Commit the mails of a batch, the last of them with the cursor; returns the UIDs that were there."""
    if box.trouble.get(batch[0], 0) >= GIVE_UP:
        await _give_up(box, reader, batch[0], _cursor(box, validity, batch[0]))
        return []
    try:
        sizes = await link.sizes(batch)
        present = [uid for uid in batch if uid in sizes]
        await _require_gone(link, [uid for uid in batch if uid not in sizes])
        bodies = await _bodies(link, {uid: sizes[uid] for uid in present if sizes[uid] <= INLINE_BYTES})
    except (Lost, NotDone) as error:
        _blame(box, batch, error)
        raise
    if not present:
        return []
    failpoint("email.imap.fetched")
    ready = await asyncio.gather(
        *(_ready(link, box, reader, uid, sizes[uid], bodies.get(uid)) for uid in present),
        return_exceptions=True,
    )
    failpoint("email.imap.ready")
    # Small and large ones were made ready beside each other; they are handed in as the mailbox has them, and none
    # before one that could not be had: what stands behind it may be the same person's next word.
    whole: list[tuple[int, Ready | None]] = []
    for uid, mail in zip(present, ready, strict=True):
        if isinstance(mail, BaseException):
            break
        whole.append((uid, mail))
    last = whole.pop() if len(whole) == len(present) else None
    outcomes = await in_turn(
        [(_whose(uid, mail), partial(_take, box, reader, uid, mail, None)) for uid, mail in whole]
    )
    for outcome in (*outcomes, *ready):
        if isinstance(outcome, BaseException):
            raise outcome
    if last is not None:
        await _take(box, reader, *last, _cursor(box, validity, last[0]))
    failpoint("email.imap.committed")
    return present


def _whose(uid: int, mail: Ready | None) -> Hashable:
    return sender_of(mail.items if mail else (), uid)


async def _require_gone(link: Link, uids: Sequence[int]) -> None:
    """Raises :class:`NotDone` where the server still has a mail that it left out of an answer."""
    if uids and (kept := await link.existing(uids)):
        raise NotDone(f"the answer leaves out {len(kept)} mails that are there")


async def _bodies(link: Link, sizes: Mapping[int, int]) -> dict[int, bytes]:
    """Small mails, together; those that the server refuses together, or says nothing of, are asked for alone later."""
    if not sizes:
        return {}
    try:
        found = await link.bodies(list(sizes))
    except NotDone:
        return {}
    return {uid: body for uid, body in found.items() if body or not sizes.get(uid)}


def _blame(box: Mailbox, uids: Sequence[int], error: Exception) -> None:
    """Remember which mails were in hand when the server failed, so that the next time each goes alone."""
    for uid in uids:
        box.trouble[uid] = box.trouble.get(uid, 0) + (4 if isinstance(error, NotDone) else 1)


async def _ready(
    link: Link, box: Mailbox, reader: Reader, uid: int, size: int, body: bytes | None
) -> Ready | None:
    """A mail taken apart and ready to commit; ``body`` is None for one that must be fetched in pieces.

    None: it vanished from the server meanwhile.
    """
    if body is not None:
        return await reader.taker.ready(await keep(body, reader.env))
    async with reader.large:
        mail = await _fetched(link, box, reader, uid, size)
        return await reader.taker.ready(mail) if mail.size else None


async def _take(box: Mailbox, reader: Reader, uid: int, ready: Ready | None, state: Cursor | None) -> None:
    """Commit one mail. Raises :class:`Refused`."""
    if ready is not None:
        await reader.taker.commit(ready, state)
    elif state is not None:  # its place counts
        await reader.sink.accept(Raw(), [], state)
    box.trouble.pop(uid, None)


async def _fetched(link: Link, box: Mailbox, reader: Reader, uid: int, size: int) -> Mail:
    try:
        mail = await keep_stream(link.pieces(uid, size), reader.env, reader.config.max_bytes)
        if not mail.size:
            await _require_gone(link, [uid])
        return mail
    except (Lost, NotDone) as error:
        _blame(box, [uid], error)
        raise


async def _give_up(box: Mailbox, reader: Reader, uid: int, state: Cursor) -> None:
    """Show people a mail that the server has and will not hand out, and let those behind it through.

    Such a mail is alone in its batch (:func:`_batches`).
    """
    env = reader.env
    env.log.error("mail could not be fetched", peer=box.peer.name, uid=uid)
    text = env.translate(
        env.office.language,
        "The mail server did not hand out mail number {uid} of the mailbox {mailbox}. Look at it there.",
        uid=uid,
        mailbox=f"{box.account.user}/{box.account.folder}",
    )
    item = Unknown(
        inbox=env.inbox,
        external_id=f"unfetched:{hashlib.sha256(f'{state.key}:{state.value}'.encode()).hexdigest()}",
        received_at=env.clock.now(),
        sender=Party(kind="email", address="unknown"),
        what="mail that could not be fetched",
        text=text,
    )
    await reader.sink.accept(Raw(content=b""), [item], state)
    del box.trouble[uid]


async def _finish(link: Link, box: Mailbox, env: Env, uids: Sequence[int]) -> None:
    """Tell the server that mails are done. They are committed: failing here loses nothing and stops nothing."""
    box.undone.update(uids)
    if not box.undone or box.account.on_done == "leave":
        box.undone.clear()
        return
    done = sorted(box.undone)[: 10 * BATCH]
    failpoint("email.imap.flag.before")
    try:
        if box.account.on_done == "seen":
            await link.mark_seen(done)
        else:
            await link.move(done, box.account.on_done.removeprefix("move:"))
    except NotDone as refusal:
        if not box.cannot_flag:
            env.log.warning("mails are taken but cannot be marked", peer=box.peer.name, answer=str(refusal))
        box.cannot_flag = True
    box.undone.difference_update(done)
    failpoint("email.imap.flagged")
