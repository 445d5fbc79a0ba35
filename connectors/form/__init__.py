"""The contact form: fields from the configuration, files, consent, a reference number on the thank-you page.

``GET /embed/form/INBOX`` shows it, ``POST`` to the same address takes it and leads to ``…/thanks``. Answers leave by
an inbox that reaches the e-mail address or the telephone of the person.
"""

from __future__ import annotations

from connectors.contract import Channel
from connectors.form.connector import Form
from connectors.form.reading import parse
from connectors.form.settings import Settings

CHANNEL = Channel(kind="form", channel="form", config=Settings, create=Form, parse=parse)
