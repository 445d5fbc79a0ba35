"""A real Kannel: bearerbox and smsbox, with fakesmsc as the network behind them.

What fakesmsc is given by standard input goes to the hub as a citizen's SMS; what Kannel sends to it stands in its
output.
"""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from typing import IO
from urllib.parse import quote_plus, unquote_to_bytes

from tests.servers.process import START_SECONDS, Process, answers, free_port, need, wait_until

PACKAGES = "kannel kannel-extras"
USER = "centrala"
PASSWORD = "haslo-sendsms"
SECRET = "tajemnica-kannela"

_EXTRAS = ("/usr/lib/kannel/test",)

_CONFIG = """\
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = adm
smsbox-port = {box}
smsbox-interface = 127.0.0.1
dlr-storage = internal
sms-resend-freq = 1
log-level = 2{store}
sms-combine-concatenated-mo = {combine}

group = smsc
smsc = fake
smsc-id = fake
host = 127.0.0.1
port = {smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
http-request-retry = 1000
http-queue-delay = 1
log-level = 2
access-log = "{folder}/out.log"

group = sendsms-user
username = {user}
password = {password}
max-messages = 30
concatenation = true

group = sms-service
keyword = default
catch-all = true
{way} = "{hub}?secret={secret}&id=%I&from=%q&to=%Q&text=%b&coding=%c&charset=%C&udh=%u&at=%T"
max-messages = 0
"""

_GOT = re.compile(r"Got message \d+: <(\S+) (\S+) (text|data|ucs-2|udh) (.*)>")


class Kannel:
    """The three programs. ``hub`` is the address of the inbox's route; it may be set before :meth:`start`.

    ``durable``: whether what it took is on disk before anybody is told so, and comes back after a kill.
    ``combine``: whether Kannel itself puts parts of long messages together (as it does unless told otherwise).
    ``way``: ``get-url`` or ``post-url``.
    """

    def __init__(self, folder: Path, hub: str = "http://127.0.0.1:9/") -> None:
        self._bearerbox = need("bearerbox", PACKAGES)
        self._smsbox = need("smsbox", PACKAGES)
        self._fakesmsc = need("fakesmsc", PACKAGES, _EXTRAS)
        self.hub = hub
        self.combine = True
        self.durable = False
        self.way = "get-url"
        self.sendsms_port = free_port()
        self._ports = {"admin": free_port(), "box": free_port(), "smsc": free_port()}
        self._folder = folder
        self._config = folder / "kannel.conf"
        self._network = folder / "network.log"
        self._processes: list[Process] = []
        self._said = 0
        self._smsc: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of ``sendsms``."""
        return f"http://127.0.0.1:{self.sendsms_port}/cgi-bin/sendsms"

    def start(self) -> None:
        """Start everything, with an empty network; also again after :meth:`stop`."""
        spool = self._folder / "spool"
        spool.mkdir(exist_ok=True)
        # An empty line would end the group.
        store = f'\nstore-type = spool\nstore-location = "{spool}"' if self.durable else ""
        self._config.write_text(
            _CONFIG.format(
                **self._ports,
                sendsms=self.sendsms_port,
                user=USER,
                password=PASSWORD,
                secret=SECRET,
                hub=self.hub,
                way=self.way,
                combine="true" if self.combine else "false",
                folder=self._folder,
                store=store,
            )
        )
        for program, ports in ((self._bearerbox, ("admin", "box")), (self._smsbox, ())):
            name = Path(program).name
            process = Process(name, [program, str(self._config)], self._folder / f"{name}.log")
            self._processes.append(process)
            process.start(*(self._ports[port] for port in ports))
        wait_until(lambda: answers(self.sendsms_port), "smsbox did not start")
        wait_until(lambda: answers(self._ports["smsc"]), "the SMSC port of Kannel did not open")
        wait_until(lambda: self._noted("EOF from fakesmsc") > 0, "Kannel did not see that nobody is there")
        self.connect_network()

    def stop(self) -> None:
        """End everything."""
        if self._smsc is not None:
            self._smsc.kill()
            self._smsc.wait()
            self._smsc = None
        for process in reversed(self._processes):
            process.kill()
        self._processes.clear()

    def connect_network(self) -> None:
        """Bring the network (fakesmsc) up; what Kannel queued goes out."""
        before = self._noted("Fakesmsc client connected")
        self._said = self._log().count("sent message")
        log = self._network.open("ab")
        command = [
            self._fakesmsc,
            "-H",
            "127.0.0.1",
            "-r",
            str(self._ports["smsc"]),
            "-i",
            "0.01",
            "-m",
            "-1",
        ]
        self._smsc = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        log.close()
        wait_until(lambda: self._noted("Fakesmsc client connected") > before, "fakesmsc did not reach Kannel")

    def disconnect_network(self) -> None:
        """Take the network away: Kannel queues from when it has seen that, and so long this waits."""
        if self._smsc is None:
            return
        before = self._noted("EOF from fakesmsc")
        self._smsc.kill()
        self._smsc.wait()
        self._smsc = None
        wait_until(lambda: self._noted("EOF from fakesmsc") > before, "Kannel did not see the loss")

    def _noted(self, words: str) -> int:
        """How often bearerbox wrote something down."""
        return (self._folder / "bearerbox.log").read_text(errors="replace").count(words)

    def writes(self, sender: str, text: str, *, to: str = "7055") -> None:
        """A citizen's SMS: in the short alphabet if it is ASCII, in UCS-2 otherwise."""
        if text.isascii():
            self._say(f"{sender} {to} text {text}")
        else:
            self._say(f"{sender} {to} ucs2 {quote_plus(text.encode('utf-16-be'))}")

    def writes_part(self, sender: str, header: bytes, text: str, *, to: str = "7055") -> None:
        """A part of a citizen's long SMS with its user data header."""
        self._say(f"{sender} {to} udh-text {quote_plus(header)} {text}")

    def says(self, sender: str, text: str, *, to: str = "7055") -> None:
        """The same in the short alphabet, without waiting until Kannel has it. Raises RuntimeError, OSError."""
        self._tell(f"{sender} {to} text {text}")

    def _tell(self, line: str) -> None:
        pipe: IO[bytes] | None = self._smsc.stdin if self._smsc is not None else None
        if pipe is None:
            raise RuntimeError("the network is down")
        pipe.write(line.encode() + b"\n")
        pipe.flush()

    def _say(self, line: str) -> None:
        self._tell(line)
        self._said += 1
        # It reads a line only when it waits for one: two at once would be one too many.
        wait_until(lambda: self._log().count("sent message") >= self._said, "fakesmsc did not send")

    def _log(self) -> str:
        return self._network.read_text(errors="replace") if self._network.exists() else ""

    def taken_in(self) -> str:
        """What Kannel wrote down of each SMS that the hub said it has."""
        return "\n".join(line for line in self._access() if "<< successful >>" in line)

    def taken_out(self) -> str:
        """What Kannel wrote down of each message that it took from the hub, once it holds it."""
        return "\n".join(line for line in self._access() if "send-SMS request added" in line)

    def _access(self) -> list[str]:
        log = self._folder / "out.log"
        return log.read_text(errors="replace").splitlines() if log.exists() else []

    def received(self) -> list[tuple[str, str, str, str]]:
        """What came to the network: sender, receiver, kind (``text``, ``ucs-2``, ``udh``), text.

        Of a part the text is without its header, and in UTF-8 or UTF-16 as Kannel cut it.
        """
        found = []
        for sender, to, kind, rest in _GOT.findall(self._log()):
            found.append((sender, to, kind, _text(kind, rest)))
        return found

    def wait_for(self, count: int, seconds: float = START_SECONDS) -> list[tuple[str, str, str, str]]:
        """What came to the network, once there is at least so much."""
        end = time.monotonic() + seconds
        while len(found := self.received()) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(found)} of {count} messages came to the network")
            time.sleep(0.05)
        return found


def _text(kind: str, rest: str) -> str:
    if kind == "udh":
        rest = rest.partition(" data ")[2]
        data = unquote_to_bytes(rest.replace("+", " "))
        return data.decode("utf-16-be") if b"\x00" in data or not data.isascii() else data.decode()
    if kind == "ucs-2":
        return unquote_to_bytes(rest.replace("+", " ")).decode("utf-16-be")
    return rest
