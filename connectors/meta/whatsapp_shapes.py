"""The JSON of the WhatsApp Cloud API's webhooks as Meta documents it: only what is read, all of it optional.

By https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages and the pages
below it (2026-05-21; edits 2026-07-20), and .../whatsapp/business-scoped-user-ids (2026-05-28): a person who has taken
a user name may come without a telephone number.
"""

from __future__ import annotations

import msgspec

from connectors.meta.errors import Problem


class Names(msgspec.Struct, frozen=True):
    """How somebody calls themselves."""

    name: str | None = None
    username: str | None = None


class Contact(msgspec.Struct, frozen=True):
    """Somebody who is named in the same call. ``wa_id`` is the number without the plus."""

    profile: Names | None = None
    wa_id: str | None = None
    user_id: str | None = None


class Body(msgspec.Struct, frozen=True):
    """A text."""

    body: str | None = None


class Media(msgspec.Struct, frozen=True):
    """A file that is fetched by its id; ``sha256`` in base64."""

    id: str = ""
    mime_type: str | None = None
    sha256: str | None = None
    caption: str | None = None
    filename: str | None = None
    voice: bool = False


class Location(msgspec.Struct, frozen=True):
    """Degrees."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None
    url: str | None = None


class CardName(msgspec.Struct, frozen=True):
    """The name on a contact card."""

    formatted_name: str | None = None


class CardLine(msgspec.Struct, frozen=True):
    """A telephone number or an e-mail address on a contact card."""

    phone: str | None = None
    email: str | None = None


class Card(msgspec.Struct, frozen=True):
    """A contact card."""

    name: CardName | None = None
    phones: tuple[CardLine, ...] | None = None
    emails: tuple[CardLine, ...] | None = None


class Reply(msgspec.Struct, frozen=True):
    """A pressed button or a chosen line of a list."""

    id: str = ""
    title: str | None = None
    description: str | None = None


class Flow(msgspec.Struct, frozen=True):
    """A filled form; ``response_json`` is an object as text."""

    name: str | None = None
    body: str | None = None
    response_json: str | None = None


class Interactive(msgspec.Struct, frozen=True):
    """An answer to buttons, a list or a form."""

    type: str = ""
    button_reply: Reply | None = None
    list_reply: Reply | None = None
    nfm_reply: Flow | None = None


class Button(msgspec.Struct, frozen=True):
    """A pressed button of a template."""

    text: str | None = None
    payload: str | None = None


class Reacted(msgspec.Struct, frozen=True):
    """A sign; without ``emoji`` it was taken back."""

    message_id: str = ""
    emoji: str | None = None


class OrderLine(msgspec.Struct, frozen=True):
    """A product of an order."""

    product_retailer_id: str = ""
    quantity: str | int | float = ""
    item_price: str | int | float = ""
    currency: str = ""


class Order(msgspec.Struct, frozen=True):
    """An order from a catalogue."""

    text: str | None = None
    product_items: tuple[OrderLine, ...] = ()


class System(msgspec.Struct, frozen=True):
    """Something about the person: ``user_changed_number`` with the new number."""

    body: str | None = None
    type: str | None = None
    wa_id: str | None = None
    new_wa_id: str | None = None


class Product(msgspec.Struct, frozen=True):
    """What a question is about."""

    product_retailer_id: str | None = None


class Context(msgspec.Struct, frozen=True):
    """The message that is answered, and whether this one was passed on."""

    id: str | None = None
    forwarded: bool = False
    frequently_forwarded: bool = False
    referred_product: Product | None = None


class Referral(msgspec.Struct, frozen=True):
    """The advertisement that somebody came from."""

    source_url: str | None = None
    source_type: str | None = None
    source_id: str | None = None
    headline: str | None = None
    body: str | None = None


class Unsupported(msgspec.Struct, frozen=True):
    """What the unsupported thing is, where WhatsApp says it."""

    type: str | None = None


class Written(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    """One of ``messages`` (or of ``message_echoes``, with ``to``); the field named by ``type`` holds the content."""

    id: str = ""
    type: str = ""
    timestamp: int = 0
    sender: str | None = None
    from_user_id: str | None = None
    to: str | None = None
    to_user_id: str | None = None
    group_id: str | None = None
    context: Context | None = None
    referral: Referral | None = None
    text: Body | None = None
    image: Media | None = None
    video: Media | None = None
    audio: Media | None = None
    voice: Media | None = None
    document: Media | None = None
    sticker: Media | None = None
    location: Location | None = None
    contacts: tuple[Card, ...] | None = None
    interactive: Interactive | None = None
    button: Button | None = None
    reaction: Reacted | None = None
    order: Order | None = None
    system: System | None = None
    edit: Edited | None = None
    revoke: Revoked | None = None
    unsupported: Unsupported | None = None
    errors: tuple[Problem, ...] | None = None


class Edited(msgspec.Struct, frozen=True):
    """A message as it reads now."""

    original_message_id: str = ""
    message: Written | None = None


class Revoked(msgspec.Struct, frozen=True):
    """A message that was taken back."""

    original_message_id: str = ""


class Status(msgspec.Struct, frozen=True):
    """What became of a message of ours."""

    id: str = ""
    status: str = ""
    timestamp: int = 0
    errors: tuple[Problem, ...] | None = None


class Value(msgspec.Struct, frozen=True):
    """``value`` of a change of the field ``messages``; its parts are read one by one."""

    contacts: msgspec.Raw = msgspec.Raw(b"null")
    messages: tuple[msgspec.Raw, ...] | None = None
    message_echoes: tuple[msgspec.Raw, ...] | None = None
    statuses: tuple[msgspec.Raw, ...] | None = None
    errors: tuple[msgspec.Raw, ...] | None = None
