"""SMS through SMSAPI, a Polish provider: sent by ``sms.do``, received and reported on by its callbacks.

docs/channels/smsapi.md says how both sides are configured. Source: SMSAPI's documentation at
https://www.smsapi.pl/docs/ (sections 2, 9, 10, 18 and 19), as it was in May 2026.
"""

from __future__ import annotations

from connectors.contract import Channel
from connectors.smsapi.connector import SmsApi
from connectors.smsapi.reading import parse
from connectors.smsapi.settings import Settings

CHANNEL = Channel(kind="smsapi", channel="sms", config=Settings, create=SmsApi, parse=parse)
