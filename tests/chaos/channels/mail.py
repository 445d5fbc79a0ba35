"""E-mail: into the hub by LMTP, and by IMAP out of a real Dovecot; answers go to the mail sink."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import aiohttp

from tests.chaos.channels.base import SLOWLY, Channel, Server, Way, inbox
from tests.chaos.ledgers import Attempt, NotYet, answers_in, first_of, marker_of, person_of
from tests.servers.dovecot import PASSWORD, Dovecot

SERIES = 3

LARGE = 7
"""Every so many mails have an attachment that is kept as a file and not as a row."""


def mail_of(marker: str, to: str) -> bytes:
    """A mail that only this marker's sender would write; the later ones of a person answer the first."""
    first, sender = first_of(marker, SERIES), person_of(marker, SERIES)
    thread = f"In-Reply-To: <{first}@example.pl>\r\n" if first != marker else ""
    head = (
        f"From: Nadawca <{sender}@example.pl>\r\nTo: {to}\r\nSubject: Sprawa {marker}\r\n"
        f"Message-ID: <{marker}@example.pl>\r\n{thread}Date: Mon, 16 Nov 2026 09:00:00 +0100\r\n"
        "MIME-Version: 1.0\r\n"
    )
    text = f"Content-Type: text/plain; charset=utf-8\r\n\r\nDzień dobry, tu {marker}.\r\n"
    if int(marker[-6:-1]) % LARGE:
        return (head + text).encode()
    lines = "\r\n".join(f"{marker} {number:060d}" for number in range(1200))
    return (
        f'{head}Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n{text}\r\n--b\r\n'
        f'Content-Type: text/csv; name="dane.csv"\r\nContent-Disposition: attachment; filename="dane.csv"\r\n\r\n'
        f"{lines}\r\n--b--\r\n"
    ).encode()


def by_lmtp(port: int, to: str) -> Attempt:
    """RFC 2033, by hand: the reply after the final dot is the acknowledgement."""

    async def attempt(marker: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def say(line: bytes) -> None:
            writer.write(line)
            await writer.drain()
            while (answer := await reader.readuntil(b"\r\n"))[3:4] == b"-":
                pass
            if answer[:1] not in b"23":
                raise NotYet(answer)

        try:
            await say(b"")
            await say(b"LHLO test\r\n")
            await say(f"MAIL FROM:<{person_of(marker, SERIES)}@example.pl>\r\n".encode())
            await say(f"RCPT TO:<{to}>\r\n".encode())
            await say(b"DATA\r\n")
            await say(mail_of(marker, to) + b".\r\n")
        finally:
            writer.close()

    return attempt


class Lmtp(Channel):
    """The office's mail server hands mails over; the answer after the dot is the acknowledgement."""

    kind = "email"
    address = "kontakt@example.org"

    def config(self) -> str:
        return inbox(
            "kontakt",
            "email",
            f'address = "{self.address}"\n'
            f'listen = {{ port = {self.place.lmtp}, protocol = "lmtp" }}\n'
            f'smtp = {{ host = "127.0.0.1", port = {self.place.sink.port}, security = "plain" }}',
        )

    def ways(self) -> Mapping[str, Way]:
        attempt = by_lmtp(self.place.lmtp, self.address)
        return {"mail": Way(attempt=attempt, series=SERIES), "mailb": Way(attempt=attempt, series=SERIES)}

    async def received(self) -> Sequence[str]:
        """Of everything that comes by mail: the sink belongs to this channel and to IMAP's, and is read here."""
        found: list[str] = []
        for mail in self.place.sink.mails:
            text = mail.message.get_body(("plain",))
            found += answers_in(str(text.get_content())) if text is not None else []
        return found


class Imap(Channel):
    """Mails lie in a real Dovecot; what it took, it has, so the hub owes it."""

    kind = "email"
    address = "poczta@example.pl"

    def config(self) -> str:
        folder = self.place.path / "dovecot"
        folder.mkdir()
        folder.chmod(0o755)
        self._dovecot = Dovecot(folder)
        return inbox(
            "poczta",
            "email",
            f'address = "{self.address}"\n'
            f'smtp = {{ host = "127.0.0.1", port = {self.place.sink.port}, security = "plain" }}\n'
            f'imap = [{{ host = "127.0.0.1", port = {self._dovecot.imap_port}, tls = false, user = "poczta", '
            f'password = "{PASSWORD}", first_scan = "all" }}]\npoll_seconds = 2.0',
        )

    async def open(self, session: aiohttp.ClientSession) -> None:
        await asyncio.to_thread(self._dovecot.start)

    async def close(self) -> None:
        await asyncio.to_thread(self._dovecot.kill)

    def ways(self) -> Mapping[str, Way]:
        return {
            "imap": Way(attempt=by_lmtp(self._dovecot.lmtp_port, self.address), series=SERIES, pace=SLOWLY)
        }

    async def numbered(self) -> Sequence[str]:
        """By UID. That is the order owed: where another process of Dovecot has its list of UIDs locked, and where a
        killed one left it so, a mail gets its number only with the next look at the folder, behind later ones."""
        found = await asyncio.to_thread(self._dovecot.message_ids, "poczta")
        return [marker for one in found if (marker := marker_of(one)) is not None]

    def servers(self) -> Mapping[str, Server]:
        return {"dovecot": self._dovecot}
