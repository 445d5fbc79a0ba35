"""One run of messages through the transaction: read, decide each in order, write.

A batch sees the effects of its earlier items. It decides with what it read and never asks the store in between.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from connectors._failpoint import failpoint
from connectors.contract import Message, Receipt
from hub.deciding.naming import rule_name, winner
from hub.deciding.waiting import TIMER, row_of
from hub.house import House
from hub.ruleset.hits import Tally
from hub.store.tx import Tx
from rules import Actions, Fault, On, evaluate
from rules.decision import CallbackOrder

from .attachments import keep_attachments
from .comments import place_post
from .deeds import Decided, add_line, combined, joinable, keep_traces, note_contact, start_timers
from .entering import add_message, as_kept
from .facts import Clockwork, build_facts, with_texts
from .joining import fate_in_thread, is_mere_thanks, joins_directly
from .orders import may_answer, order_effects
from .read import Known, comment_key, pair_key, read
from .routing import apply, open_conversation, possible_duplicate, reopen, tags_of
from .state import ConversationState, Item, Person, Recent, Rows
from .write import write

PREVIEW = 160
"""Characters of the first words that lists show."""


def preview(text: str) -> str:
    """The first words in one line."""
    first = text[:PREVIEW]
    if first.isprintable() and "  " not in first and first[:1] != " " != first[-1:]:
        return first  # as most texts are; all other white space is not printable
    return " ".join(text[: 2 * PREVIEW].split())[:PREVIEW]


def _shown(message: Message, house: House) -> str:
    """What lists show of a message: its first words; without any why it cannot be read, or the names of its files."""
    if message.text:
        return preview(message.text)
    if message.unreadable:
        return preview(house.translate(house.directory.config.hub.language, message.unreadable))
    return preview(", ".join(file.filename for file in message.attachments))


class Wish(msgspec.Struct, frozen=True):
    """A message that asks for a call, for the callbacks to take up once its rows are written.

    ``order``: a rule asks for it, the one named ``rule``; without one the person did.
    """

    conversation: int
    message: int
    item: Item
    order: CallbackOrder | None = None
    rule: str = ""


class Place(msgspec.Struct):
    """Where a message goes: ``opened`` for it, or there already; what the rules are told; the conversation that a new
    one is linked to, as the ``previous`` one or as that which a rule ``split`` it from."""

    state: ConversationState
    on: On
    opened: bool = False
    previous: ConversationState | None = None
    split: ConversationState | None = None


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
        self.tally = Tally()
        self._clockworks: dict[int, Clockwork] = {}

    def take(self, item: Item) -> Receipt:
        """Decide about one message and put its rows up for writing.

        The rules and the bench's own safeguard see a comment as it was written; everything that is kept of it but its
        raw bytes is masked.
        """
        written, item = item, as_kept(item)
        message = item.message
        if message.external_id is not None:
            before = self.known.seen.get((message.inbox, message.external_id))
            if before is not None:
                return self._duplicate(*before)
        person = self._person(item)
        place = self._belongs(item, person)
        message_id = self.tx.new_id()
        decisions = self._decide(written, person, place)
        actions = combined([decided.decision.actions for decided in decisions])
        state = place.state
        if place.opened:
            self._enter(item, person, place)
        self._suggest(item, person, state, actions)
        blocked = self._blocked(person)
        refused = apply(item, state, actions, self.now, blocked=blocked)
        keep_traces(self.tx, self.rows, item, state, message_id, decisions, refused)
        self._advance(item, person, state)
        add_message(self.known, self.rows, item, person, state, message_id, self.now)
        keep_attachments(self.tx, self.rows, message, message_id)
        order_effects(self.tx, self.rows, item, state, message_id, decisions, actions, blocked=blocked)
        self._carry_out(item, person, place, message_id, decisions, actions)
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

    def _belongs(self, item: Item, person: Person) -> Place:
        """Where the message goes, before any rule has spoken."""
        state = self._find(item, person)
        if state is None:
            return self._anew(item, person, None)
        desk = item.call.house.directory.config.desk
        fate = fate_in_thread(
            desk,
            status=state.status,
            resolved_at=state.resolved_at,
            now=self.now,
            thanks=is_mere_thanks(item.message.text, desk.thanks_characters)
            and all(attached.inline for attached in item.message.attachments),
            automatic=item.message.automatic != "no" or self._blocked(person),
        )
        if fate == "linked":
            return self._anew(item, person, state)
        if fate == "reopen":
            reopen(item, state)
            return Place(state, "new")
        return Place(state, "message")

    def _find(self, item: Item, person: Person) -> ConversationState | None:
        """In the order of the desk's first rule: the channel's thread, a participant's reference, the pair."""
        message, known = item.message, self.known
        for key in message.thread_keys:
            if (state := known.conversation(known.keys.get(key))) is not None:
                return state
        for reference in message.mentions:
            state = known.conversation(known.references.get(reference))
            if state is not None and person.contact in {state.contact, *known.writers.get(state.id, ())}:
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

    def _anew(self, item: Item, person: Person, previous: ConversationState | None) -> Place:
        """A new conversation; nothing knows of it until it is entered, for a rule may join its message elsewhere."""
        state = open_conversation(item, person, self.tx.new_id(), self.now, previous)
        return Place(state, "new", opened=True, previous=previous)

    def _enter(self, item: Item, person: Person, place: Place) -> None:
        state = place.state
        if state.channel == "email" and place.previous is None and place.split is None:
            days = item.call.house.directory.config.desk.duplicate_days
            history = self.known.history.get(person.contact, [])
            state.possible_duplicate = possible_duplicate(history, days, self.now)
        self.known.conversations[state.id] = state
        self.rows.conversations.append(state)
        if place.previous is not None:
            self.rows.links.append((state.id, place.previous.id, "previous", self.now))
        if place.split is not None:  # as if an agent had moved the message: it can be put back
            self.rows.links.append((place.split.id, state.id, "moved", self.now))

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

    def _clockwork(self, house: House) -> Clockwork:
        directory = house.directory
        found = self._clockworks.get(id(directory))
        if found is None:
            found = self._clockworks[id(directory)] = Clockwork(directory)
        return found

    def _decide(self, item: Item, person: Person, place: Place) -> list[Decided]:
        """Ask the rules. They may send the message elsewhere than its thread did: into a conversation that is there, or
        out of it into one of its own, about which they are then asked too."""
        decided = self._ask(item, person, place)
        actions = decided.decision.actions
        if place.opened and actions.join == "join":
            self._join(person, place, decided)
        if place.on == "message" and actions.split and item.message.comment is None:
            place.split = place.state
            place.state = open_conversation(item, person, self.tx.new_id(), self.now, place.split)
            place.on, place.opened = "new", True
            return [decided, self._ask(item, person, place)]
        return [decided]

    def _join(self, person: Person, place: Place, decided: Decided) -> None:
        state, why = joinable(self.tx, self.known, person, decided.facts.join_candidates)
        if state is not None and not self._blocked(person):
            place.state, place.opened, place.previous = state, False, None
        elif why is not None:
            decided.faults = (Fault(winner(decided.decision, "join"), why, "join"),)

    def _ask(self, item: Item, person: Person, place: Place) -> Decided:
        message, call, known = item.message, item.call, self.known
        state = place.state
        facts = build_facts(
            place.on,
            as_kept(item).message,
            item.language,
            person=person,
            state=state,
            history=known.history.get(person.contact, []),
            office=call.house.directory.inboxes[message.inbox].office,
            clockwork=self._clockwork(call.house),
            now=self.now,
            tags=tags_of(state),
            sent=known.sent.get(place.previous.id if place.previous else state.id, "") if known.sent else "",
        )
        facts_now = with_texts(facts, message.subject, message.text, call.load)
        decision = evaluate(call.house.rules, facts_now, item.looked)
        self.tally.add(decision)
        return Decided(facts, decision)

    def _carry_out(
        self,
        item: Item,
        person: Person,
        place: Place,
        message_id: int,
        decisions: Sequence[Decided],
        actions: Actions,
    ) -> None:
        """What else was decided, once the message has its number."""
        house, state, first = item.call.house, place.state, decisions[0].decision
        if place.split is not None:
            rule = rule_name(house, winner(first, "split"))
            add_line(self.tx, self.rows, place.split, "split-away", rule=rule, reference=state.reference)
            add_line(self.tx, self.rows, state, "split-here", rule=rule, reference=place.split.reference)
        elif place.on == "new" and not place.opened and first.actions.join == "join":
            rule = rule_name(house, winner(first, "join"))
            add_line(self.tx, self.rows, state, "joined", rule=rule, number=state.messages)
        if actions.set_contact:
            note_contact(self.rows, self.known, person, actions.set_contact)
        start_timers(self.tx, self.rows, state, actions.timer)
        suspicious = item.message.suspicious or state.suspicious
        if actions.callback is not None and may_answer(
            item.message.automatic, suspicious, state, blocked=self._blocked(person)
        ):
            rule = rule_name(house, winner(decisions[-1].decision, "callback"))
            self.wishes.append(Wish(state.id, message_id, item, actions.callback, rule))

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
        state.preview = _shown(message, house)
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
            house = item.call.house
            state.due_at = self._clockwork(house).due(state.office, state.queue, self.now)
            row = row_of(self.tx, house, self._clockwork(house), state) if house.watch.waits else None
            if row is not None:
                self.rows.timers[TIMER, state.id] = row

    def _emit(self, state: ConversationState, message_id: int) -> None:
        self.tx.emit(
            "message",
            office=state.office,
            queue=state.queue,
            conversation=state.id,
            message=message_id,
            version=state.version,
        )


def run(tx: Tx, items: Sequence[Item]) -> tuple[list[Receipt], list[Wish]]:
    """Take all items in order and write what came of them; the wishes for calls are the caller's to take up."""
    failpoint("intake.read.before")
    batch = Batch(tx, items)
    failpoint("intake.decide.before")
    receipts = [batch.take(item) for item in items]
    failpoint("intake.write.before")
    write(tx, batch.rows)
    tx.at_end(batch.tally)
    failpoint("intake.write.after")
    return receipts, batch.wishes
