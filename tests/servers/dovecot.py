"""A real Dovecot with IMAP and LMTP. Every user exists, with the password ``pw``; mail lies in Maildirs."""

from __future__ import annotations

import os
import pwd
import smtplib
import subprocess
from pathlib import Path

from tests.servers.process import Process, free_port, is_root, need, own

PACKAGES = "dovecot-imapd dovecot-lmtpd"
PASSWORD = "pw"

_CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
protocols = imap lmtp
ssl = no
disable_plaintext_auth = no
log_path = {folder}/dovecot.log
mail_location = maildir:{folder}/mail/%n
mail_uid = {mail_user}
mail_gid = {mail_group}
first_valid_uid = 1
first_valid_gid = 1
auth_username_format = %n
listen = 127.0.0.1
imap_idle_notify_interval = 2 mins
mail_max_userip_connections = 100
{users}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_group} home={folder}/mail/%n allow_all_users=yes
}}
service imap-login {{
  {chroot}
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  {chroot}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp_port}
  }}
}}
"""


class Dovecot:
    """The server and the faults that can be done to it. ``log`` is the file that it writes."""

    def __init__(self, folder: Path) -> None:
        program = need("dovecot", PACKAGES)
        self._doveadm = need("doveadm", PACKAGES)
        self.imap_port = free_port()
        self.lmtp_port = free_port()
        self.log = folder / "dovecot.log"
        self._config = folder / "dovecot.conf"
        self._write_config(folder)
        self._process = Process("dovecot", [program, "-F", "-c", str(self._config)], folder / "out.log")

    def _write_config(self, folder: Path) -> None:
        for name in ("run", "state", "mail"):
            (folder / name).mkdir()
        user = "mail" if is_root() else pwd.getpwuid(os.geteuid()).pw_name
        own(folder / "mail", user)
        # Without root there is one user only, and nobody can chroot.
        users = "" if is_root() else f"default_internal_user = {user}\ndefault_login_user = {user}"
        self._config.write_text(
            _CONFIG.format(
                folder=folder,
                mail_user=user,
                mail_group=pwd.getpwnam(user).pw_gid,
                users=users,
                chroot="" if is_root() else "chroot =",
                password=PASSWORD,
                imap_port=self.imap_port,
                lmtp_port=self.lmtp_port,
            )
        )

    def start(self) -> None:
        """Start it, for the first time or again with the mail that it had."""
        self._process.start(self.imap_port, self.lmtp_port)

    def ensure_running(self) -> None:
        """Start it if a test left it dead."""
        if not self._process.running():
            self.start()

    def stop(self) -> None:
        """End it in good order: clients get a BYE."""
        self._process.stop()

    def kill(self) -> None:
        """End it at once: clients see a dead connection."""
        self._process.kill()

    def kick(self, user: str) -> None:
        """Close all connections of a user."""
        self._run("kick", user)

    def deliver(self, user: str, mail: bytes, sender: str = "nadawca@example.org") -> None:
        """Put a mail into a user's INBOX by LMTP. An empty ``sender`` is the null sender."""
        with smtplib.LMTP("127.0.0.1", self.lmtp_port, timeout=20) as client:
            client.sendmail(sender, [f"{user}@example.pl"], mail)

    def count(self, user: str, mailbox: str = "INBOX", query: str = "all") -> int:
        """How many messages of a mailbox match a doveadm search query (``unseen``, ``seen``, ``flagged``, …)."""
        return len(self._run("search", "-u", user, "mailbox", mailbox, *query.split()).splitlines())

    def message_ids(self, user: str, mailbox: str = "INBOX") -> list[str]:
        """The header Message-ID of each message, by UID."""
        lines = self._run("fetch", "-u", user, "hdr.message-id", "mailbox", mailbox, "all").splitlines()
        return [value.strip() for name, _, value in (line.partition(":") for line in lines) if value]

    def change_uidvalidity(self, user: str, mailbox: str = "INBOX") -> int:
        """Give the mailbox another UIDVALIDITY, as restoring it from a backup would; returns the new one."""
        answer = self._run("mailbox", "status", "-u", user, "uidvalidity", mailbox)
        new = int(answer.rpartition("=")[2]) + 1
        self._run("mailbox", "update", "-u", user, "--uid-validity", str(new), mailbox)
        self.kick(user)
        return new

    def empty(self, user: str, mailbox: str = "INBOX") -> None:
        """Delete all messages of a mailbox."""
        self._run("expunge", "-u", user, "mailbox", mailbox, "all")

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._doveadm, "-c", str(self._config), *arguments], capture_output=True, text=True, timeout=20
        )
        # 68 is "nobody of that name is connected" (kick) or "no such user yet".
        if done.returncode not in (0, 68):
            raise RuntimeError(f"doveadm {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout
