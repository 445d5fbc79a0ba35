"""Templates of pages, compiled when the hub is set up, as Python compiles its modules.

To compile one takes up to a tenth of a second, in which nothing else would happen: whoever opened a page first after a
start held up everybody. ``python -m scripts.templates`` writes what each template compiles to beside it, under
``__pycache__``. A template that was changed since, or that nobody compiled, is compiled when it is asked for.
"""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from types import CodeType

import jinja2
from jinja2.bccache import Bucket


class Compiled(jinja2.BytecodeCache):
    """What templates compile to: read from beside them, else kept as long as the process lives."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """The file itself: what is compiled in one place is found there, wherever the program is installed."""
        return filename or name

    def load_bytecode(self, bucket: Bucket) -> None:
        """As Jinja2 asks; what belongs to another text of the template, or another Python, leaves the bucket empty."""
        known = self._codes.get((bucket.key, bucket.checksum))
        if known is not None:
            bucket.code = known
            return
        # A file that is cut off or not ours is no reason to show no page.
        with contextlib.suppress(OSError, EOFError, ValueError, TypeError):
            bucket.load_bytecode(io.BytesIO(compiled_path(Path(bucket.key)).read_bytes()))
        self._keep(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """As Jinja2 asks. Nothing is written while the hub runs."""
        self._keep(bucket)

    def _keep(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code


COMPILED = Compiled()
"""One for all environments of a process: inboxes of one kind show the same pages."""


def compiled_path(template: Path) -> Path:
    """Where the compiled form of a template lies."""
    return template.parent / "__pycache__" / f"{template.name}.{sys.implementation.cache_tag}.bin"


def page_environment(*folders: Path) -> jinja2.Environment:
    """The environment for templates of ``folders``, the first one first. Its options are part of what is compiled, so
    there is one set of them."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=COMPILED,
    )


def compile_templates(folder: Path) -> None:
    """Compile all templates of ``folder`` and write that beside them."""
    environment = page_environment(folder)
    for name in environment.list_templates(extensions=["html"]):
        path = folder / name
        source = path.read_text("utf-8")
        bucket = Bucket(environment, str(path), COMPILED.get_source_checksum(source))
        bucket.code = environment.compile(source, name, str(path))
        target = compiled_path(path)
        target.parent.mkdir(exist_ok=True)
        whole = target.with_suffix(".part")
        with whole.open("wb") as file:
            bucket.write_bytecode(file)
        whole.replace(target)
