"""A URL means the same to the hub as to PostgreSQL's own programs: TLS that is checked, several hosts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.clock import SystemClock
from hub.dump import DUMP, backup
from hub.store.postgres import PostgresStore
from hub.store.store import StorageFault
from tests.servers.postgres import Postgres
from tests.servers.process import folder, own

pytestmark = [pytest.mark.slow, pytest.mark.servers]


@pytest.fixture
def secure() -> Iterator[tuple[Postgres, Path]]:
    """A server that speaks TLS for ``localhost``, and the certificate that vouches for it."""
    with folder("postgres-tls") as path:
        key, certificate = path / "server.key", path / "server.crt"
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
        subprocess.run(
            [*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
        )
        key.chmod(0o600)
        server = Postgres(path)
        for file in (key, certificate):
            own(file, "postgres")
        server.start()
        for setting in ("ssl_cert_file", "ssl_key_file"):
            server.psql(f"ALTER SYSTEM SET {setting} = '{certificate if 'cert' in setting else key}'")
        server.psql("ALTER SYSTEM SET ssl = on")
        server.psql("SELECT pg_reload_conf()")
        yield server, certificate
        server.stop()


async def opened(url: str) -> bool:
    """Whether a store can be opened there."""
    store = PostgresStore(url, SystemClock())
    try:
        await store.open()
    except StorageFault:
        return False
    finally:
        await store.close()
    return True


async def test_tls_is_used_and_checked(secure: tuple[Postgres, Path], tmp_path: Path) -> None:
    server, certificate = secure
    plain = server.fresh_database()
    named = plain.replace("127.0.0.1", "localhost")
    assert await opened(f"{named}?sslmode=verify-full&sslrootcert={certificate}")
    assert not await opened(f"{plain}?sslmode=verify-full&sslrootcert={certificate}"), "another name"
    assert not await opened(f"{named}?sslmode=verify-full&sslrootcert={_other(tmp_path)}"), (
        "nobody vouches for it"
    )
    backup(f"{named}?sslmode=verify-full&sslrootcert={certificate}", None, tmp_path, tmp_path / "copy")
    assert (tmp_path / "copy" / DUMP).stat().st_size > 10_000


def _other(path: Path) -> Path:
    """A certificate that vouches for somebody else."""
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other"]
    subprocess.run(
        [*made, "-keyout", str(path / "other.key"), "-out", str(path / "other.crt")],
        check=True,
        capture_output=True,
    )
    return path / "other.crt"


async def test_of_several_hosts_the_one_that_writes_is_found(postgres: Postgres) -> None:
    url = postgres.fresh_database()
    several = url.replace("@127.0.0.1:", "@127.0.0.1:1,127.0.0.1:")
    assert await opened(f"{several}?target_session_attrs=read-write")
    postgres.psql(f"ALTER DATABASE {url.rsplit('/', 1)[1]} SET default_transaction_read_only = on")
    assert not await opened(f"{several}?target_session_attrs=read-write"), "it only reads"
