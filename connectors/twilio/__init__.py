"""SMS and MMS through Twilio, or whoever speaks its form posts: the Messages API out, signed webhooks in.

docs/channels/twilio.md says how both sides are configured. Sources: https://www.twilio.com/docs/messaging (Message
resource, webhook request, status callbacks), https://www.twilio.com/docs/usage/webhooks/webhooks-security and
https://www.twilio.com/docs/api/errors, as they were in August 2026.
"""

from __future__ import annotations

from connectors.contract import Channel
from connectors.twilio.connector import Twilio
from connectors.twilio.reading import parse
from connectors.twilio.settings import Settings

CHANNEL = Channel(kind="twilio", channel="sms", config=Settings, create=Twilio, parse=parse)
