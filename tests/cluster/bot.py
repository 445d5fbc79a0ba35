"""A Telegram Bot API of a few calls: news are handed out by offset, and what was asked for is written down."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "123456:a-token-for-tests"


class Bot:
    """Serves until :meth:`stop`. Questions wait for news as long as they ask for, as Telegram's do."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        """The offsets that were asked for, in order."""

        self.silent = threading.Event()
        """While set, what is sent through it is taken and not answered."""

        self._updates: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """What ``api_url`` is set to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def tell(self, text: str) -> int:
        """A person writes to the bot; returns the number of the update."""
        with self._news:
            number = len(self._updates) + 1
            person = {"id": 77, "is_bot": False, "first_name": "Jan"}
            chat = {"id": 77, "type": "private", "first_name": "Jan"}
            message = {
                "message_id": number,
                "date": int(time.time()),
                "chat": chat,
                "from": person,
                "text": text,
            }
            self._updates.append({"update_id": number, "message": message})
            self._news.notify_all()
        return number

    def confirmed(self, number: int) -> bool:
        """Whether somebody has asked for what comes after an update, which confirms it."""
        return any(offset > number for offset in list(self.asked))

    def stop(self) -> None:
        """Serve no more."""
        self.silent.clear()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, method: str, asked: dict[str, Any]) -> Any:
        while method == "sendMessage" and self.silent.is_set():
            time.sleep(0.05)
        if method != "getUpdates":
            return {"id": 123456, "is_bot": True, "first_name": "Bot", "username": "bot", "url": ""}
        offset = int(asked.get("offset") or 0)
        end = time.monotonic() + int(asked.get("timeout") or 0)
        with self._news:
            self.asked.append(offset)
            while not (new := [u for u in self._updates if u["update_id"] >= offset]):
                if not self._news.wait(end - time.monotonic()):
                    return []
            return new

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        bot = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = json.loads(body) if body[:1] == b"{" else {}
                result = bot._answer(self.path.rpartition("/")[2], asked)
                content = json.dumps({"ok": True, "result": result}).encode()
                with contextlib.suppress(OSError):  # who asked may be dead
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            do_GET = do_POST

            def log_message(self, *_: Any) -> None:
                """Tests read what was asked, not a log."""

        return Handler
