"""One run of messages through the transaction: read, decide each in order, write.

A batch sees the effects of its earlier items. It decides with what it read and never asks the store in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from connectors._failpoint import failpoint
from connectors.contract import Message, Receipt, Recipient
from hub.moderation.masking import masked_message
from hub.store.tx import Tx
from rules import Actions, On, encode_trace, evaluate

from .attachments import keep_attachments
from .comments import place_post
from .facts import Clockwork, build_facts, with_texts
from .joining import fate_in_thread, is_mere_thanks, joins_directly
from .orders import order_effects
from .read import Known, comment_key, pair_key, read
from .routing import apply, open_conversation, possible_duplicate, reopen, tags_of
from .state import ConversationState, Item, Person, Recent, Rows
from .write import write

PREVIEW = 160
"""Characters of the first words that lists show."""

_json = msgspec.json.Encoder().encode


class Wish(msgspec.Struct, frozen=True):
    """A message that asks for a call, for the callbacks to take up once its rows are written."""

    conversation: int
    message: int
    item: Item


class Batch:
    """The state of one run."""

    def __init__(self, tx: Tx, items: Sequence[Item]) -> None:
        self.tx = tx
        self.now = tx.now
        self.rows = Rows()
        self.wishes: list[Wish] = []
        messages = [item.message for item in items]
        events = [(str(m.inbox), m.external_id) for m in messages if m.external_id is not None]
        self.known: Known = read(tx, messages, events)
        self._clockworks: dict[int, Clockwork] = {}

    def take(self, item: Item) -> Receipt:
        """Decide about one message and put its rows up for writing.

        The rules and the bench's own safeguard see a comment as it was written; everything that is kept of it but its
        raw bytes is masked.
        """
        written, item = item, _as_kept(item)
        message = item.message
        if message.external_id is not None:
            before = self.known.seen.get((message.inbox, message.external_id))
            if before is not None:
                return self._duplicate(*before)
        person = self._person(item)
        state, on, previous = self._belongs(item, person)
        if state is None:
            state = self._open(item, person, previous)
        message_id = self.tx.new_id()
        actions = self._decide(written, person, state, on, message_id)
        self._suggest(item, person, state, actions)
        apply(item, state, actions, self.now, blocked=self._blocked(person))
        self._advance(item, person, state)
        self._add_message(item, person, state, message_id)
        keep_attachments(self.tx, self.rows, message, message_id)
        order_effects(self.tx, self.rows, item, state, message_id, actions)
        post_state = ""
        if message.comment is not None:
            post_state = place_post(
                self.tx, self.rows, self.known, written, person, state, actions, message_id
            )
        if message.callback is not None:
            self.wishes.append(Wish(state.id, message_id, item))
        self._emit(state, message_id)
        return Receipt(
            conversation=state.id, message=message_id, reference=state.reference, post_state=post_state
        )

    # --- who and where -----------------------------------------------------------------------------------------

    def _duplicate(self, conversation: int | None, message: int | None) -> Receipt:
        state = self.known.conversation(conversation)
        return Receipt(
            conversation=state.id if state else conversation,
            message=message,
            reference=state.reference if state else "",
            duplicate=True,
        )

    def _person(self, item: Item) -> Person:
        """The sender; a new one gets a contact. Further addresses of theirs are noted, never taken from others."""
        sender = item.message.sender
        person = self.known.people.get((sender.kind, sender.address))
        if person is None:
            person = Person(self.tx.new_id(), self.tx.new_id())
            self.rows.contacts.append((person.contact, sender.name, sender.language, self.now))
            self._add_identity(person, sender.kind, sender.address, sender.name, sender.verified)
        for party in item.message.also:
            if (party.kind, party.address) not in self.known.people:
                other = Person(self.tx.new_id(), person.contact)
                self._add_identity(other, party.kind, party.address, party.name, verified=False)
        return person

    def _add_identity(self, person: Person, kind: str, address: str, name: str, verified: bool) -> None:
        self.known.people[kind, address] = person
        self.rows.identities.append((person.id, kind, address, person.contact, name, verified, self.now))

    def _belongs(
        self, item: Item, person: Person
    ) -> tuple[ConversationState | None, On, ConversationState | None]:
        """The conversation to append to (None: a new one), what the rules are told, and one to link a new one to."""
        state = self._find(item, person)
        if state is None:
            return None, "new", None
        desk = item.call.house.directory.config.desk
        fate = fate_in_thread(
            desk,
            status=state.status,
            resolved_at=state.resolved_at,
            now=self.now,
            thanks=is_mere_thanks(item.message.text, desk.thanks_characters),
            automatic=item.message.automatic != "no" or self._blocked(person),
        )
        if fate == "linked":
            return None, "new", state
        if fate == "reopen":
            reopen(item, state)
            return state, "new", None
        return state, "message", None

    def _find(self, item: Item, person: Person) -> ConversationState | None:
        """In the order of the desk's first rule: the channel's thread, a participant's reference, the pair."""
        message, known = item.message, self.known
        for key in message.thread_keys:
            if (state := known.conversation(known.keys.get(key))) is not None:
                return state
        for reference in message.mentions:
            state = known.conversation(known.references.get(reference))
            if state is not None and state.contact == person.contact:
                return state
        if message.callback is not None:
            return known.conversation(known.callbacks.get(message.callback.number))
        if message.comment is not None:
            return known.conversation(known.keys.get(comment_key(message)))
        return self._find_pair(item) if message.direct else None

    def _find_pair(self, item: Item) -> ConversationState | None:
        state = self.known.conversation(self.known.keys.get(pair_key(item.message)))
        if state is None:
            return None
        desk = item.call.house.directory.config.desk
        joins = joins_directly(desk, status=state.status, resolved_at=state.resolved_at, now=self.now)
        return state if joins else None

    def _blocked(self, person: Person) -> bool:
        return person.blocked_until is not None and person.blocked_until > self.now

    def _open(self, item: Item, person: Person, previous: ConversationState | None) -> ConversationState:
        state = open_conversation(item, person, self.tx.new_id(), self.now, previous)
        if state.channel == "email" and previous is None:
            days = item.call.house.directory.config.desk.duplicate_days
            history = self.known.history.get(person.contact, [])
            state.possible_duplicate = possible_duplicate(history, days, self.now)
        self.known.conversations[state.id] = state
        self.rows.conversations.append(state)
        if previous is not None:
            self.rows.links.append((state.id, previous.id, "previous", self.now))
        return state

    def _suggest(self, item: Item, person: Person, state: ConversationState, actions: Actions) -> None:
        """A rule that wants a new conversation joined to another of this person, whatever the channel: one click does.

        Nothing is joined across channels by itself.
        """
        if actions.join is not None and state.version == 0 and state.possible_duplicate is None:
            days = item.call.house.directory.config.desk.duplicate_days
            history = [
                recent for recent in self.known.history.get(person.contact, []) if recent.id != state.id
            ]
            state.possible_duplicate = possible_duplicate(history, days, self.now)

    # --- rules -------------------------------------------------------------------------------------------------

    def _clockwork(self, item: Item) -> Clockwork:
        directory = item.call.house.directory
        found = self._clockworks.get(id(directory))
        if found is None:
            found = self._clockworks[id(directory)] = Clockwork(directory)
        return found

    def _decide(
        self, item: Item, person: Person, state: ConversationState, on: On, message_id: int
    ) -> Actions:
        message, call = item.message, item.call
        facts = build_facts(
            on,
            _as_kept(item).message,
            item.language,
            person=person,
            state=state,
            history=self.known.history.get(person.contact, []),
            office=call.house.directory.inboxes[message.inbox].office,
            clockwork=self._clockwork(item),
            now=self.now,
            tags=tags_of(state),
        )
        decision = evaluate(call.house.rules, with_texts(facts, message.subject, message.text, call.load))
        trace, version = encode_trace(decision.trace), call.house.rules_version
        place = (self.tx.new_id(), state.id, message_id, self.now)
        self.rows.traces.append((*place, version, _json(facts), call.load.id or None, trace))
        return decision.actions

    # --- the message -------------------------------------------------------------------------------------------

    def _advance(self, item: Item, person: Person, state: ConversationState) -> None:
        """The conversation's own fields after one more inbound message."""
        message, house = item.message, item.call.house
        if state.version > 0:
            self.rows.changed[state.id] = state
        else:
            self.rows.offices.append((state.id, state.office, self.now))
        state.messages += 1
        state.version += 1
        state.activity_at = self.now
        state.preview = " ".join(message.text[: 2 * PREVIEW].split())[:PREVIEW]
        code, confidence = item.language
        if code and confidence >= house.directory.config.desk.language_confidence:
            state.language = code
        if message.automatic == "no":
            state.inbound_at = self.now
            state.identity, state.inbox = person.id, message.inbox
            state.channel = house.channels[message.inbox]
            self._wait(item, state)
        recent = Recent(state.id, state.status, state.queue, state.channel, self.now, state.created_at)
        history = self.known.history.get(person.contact, [])
        self.known.history[person.contact] = [recent, *(r for r in history if r.id != state.id)]

    def _wait(self, item: Item, state: ConversationState) -> None:
        """The citizen waits for us now, unless nobody needs to answer."""
        if state.status == "snoozed":
            state.snoozed_until, state.woken = None, "message"
        if state.status in ("snoozed", "waiting-citizen", "waiting-office"):
            state.status = "open"
        if state.status == "open" and state.waiting_since is None:
            state.waiting_since = self.now
            state.due_at = self._clockwork(item).due(state.office, state.queue, self.now)

    def _add_message(self, item: Item, person: Person, state: ConversationState, message_id: int) -> None:
        message = item.message
        self.rows.messages.append(
            (
                *(message_id, state.id, state.messages, "inbound"),
                item.call.house.channels[message.inbox],
                *(message.inbox, person.id, self.now, message.sent_at, message.subject, message.text),
                message.full_text if message.full_text != message.text else None,
                message.html or None,
                _recipients(message.recipients),
                *(message.external_id, message.automatic, item.language[0], item.raw),
                _data(message),
            )
        )
        if message.external_id is not None:
            key = (str(message.inbox), message.external_id)
            self.known.seen[key] = (state.id, message_id)
            self.rows.seen.append((*key, state.id, message_id, self.now))
        self._add_keys(message, state)

    def _add_keys(self, message: Message, state: ConversationState) -> None:
        keys: list[str] = [*message.adds_keys]
        if message.comment is not None:
            keys.append(comment_key(message))
        for key in keys:
            if key not in self.known.keys:
                self.known.keys[key] = state.id
                self.rows.thread_keys[key] = (key, state.id, self.now)
        if message.direct:
            pair = pair_key(message)
            if self.known.keys.get(pair) != state.id:
                self.known.keys[pair] = state.id
                self.rows.pair_keys[pair] = (pair, state.id, self.now)

    def _emit(self, state: ConversationState, message_id: int) -> None:
        self.tx.emit(
            "message",
            office=state.office,
            queue=state.queue,
            conversation=state.id,
            message=message_id,
            version=state.version,
        )


def _data(message: Message) -> str:
    data: dict[str, Any] = {}
    if message.wire_id is not None:
        data["wire_id"] = message.wire_id
    if message.reply_to:
        data["reply_to"] = [{"address": party.address, "name": party.name} for party in message.reply_to]
    if message.fields:
        data["fields"] = message.fields
    return _json(data).decode() if data else "{}"


def _as_kept(item: Item) -> Item:
    if item.message.comment is None:
        return item
    return Item(item.call, masked_message(item.message), item.language, item.raw)


@lru_cache(maxsize=1024)
def _recipients(recipients: tuple[Recipient, ...]) -> str:
    """As JSON; most mails to one inbox name the same recipients."""
    return _json(recipients).decode()


def run(tx: Tx, items: Sequence[Item]) -> tuple[list[Receipt], list[Wish]]:
    """Take all items in order and write what came of them; the wishes for calls are the caller's to take up."""
    failpoint("intake.read.before")
    batch = Batch(tx, items)
    failpoint("intake.decide.before")
    receipts = [batch.take(item) for item in items]
    failpoint("intake.write.before")
    write(tx, batch.rows)
    failpoint("intake.write.after")
    return receipts, batch.wishes
