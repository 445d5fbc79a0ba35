"""The made-up week: a clock walks through the last seven days, and everything goes in and out by the hub's own ways.

Mails are parsed as they came, forms go to the connectors' handlers, people act through the console's services, and what
leaves is sent to the citizens' mail server and the application. Nothing is written into the tables from here.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select

from connectors.contract import Channel, Micros, Receipt
from hub import logs
from hub.app import Hub
from hub.calendar import MINUTE, Calendar, calendar
from hub.callbacks.appointments import CallbackAppointments
from hub.config import Config
from hub.demo import citizens, deeds, mails, people, raters
from hub.demo.clock import StoryClock
from hub.demo.days import later, when
from hub.demo.deeds import Deed, Place
from hub.demo.letters import Letter, Letters
from hub.demo.outside import Outside
from hub.demo.providers import LEDGER, Providers, letter_of
from hub.demo.setting import APPLICATION_INBOX, CHAT_INBOX, MAIL_INBOX, PHONE_INBOX, Ports, address
from hub.demo.stories import Act, Article, Story, articles, week
from hub.demo.ways import HEARD_BY, INBOXES, Via, phone_of
from hub.demo.work import NOTHING, due_now, next_due_of_all
from hub.loops import TIMERS
from hub.moderation.articles import set_way
from hub.outbox import effects
from hub.outbox.handlers import INSIDE
from hub.scope import SYSTEM, Conflict
from hub.store import schema
from hub.store.tx import Tx
from hub.timers import run_due

DAYS = 8
"""How many days before the present the accounts are made: before the first story."""

RATED_AFTER = "90m"
"""How long people take to say whether they are content."""

DAY = 86_400_000_000
SEED = 20
"""Of the randomness of the stories (ids, network addresses), so that two weeks are alike."""

Step = Callable[[], Coroutine[Any, Any, None]]


async def make_week(
    load: Callable[[], Config],
    ports: Ports,
    channel: Callable[[str], Channel],
    letters: Letters,
    now: Micros,
    tell: Callable[[int, int], None],
) -> int:
    """Fill a new store with the week before ``now``; returns how many conversations began.

    ``channel`` gives a channel by its kind. ``tell`` hears how far it is: steps done, steps known. Raises what the
    hub's own start raises, and :class:`hub.demo.citizens.Refused` for a story that does not fit the configuration.
    """
    clock = StoryClock(Micros(now - DAYS * DAY))
    hub = Hub(load, clock, random.Random(SEED), logs.logger)
    folder = Path(hub.config.hub.data_dir)
    providers = Providers(folder / LEDGER, clock, address(ports.site), address(ports.public))
    async with Outside(ports, letters, clock, hub.config, providers):
        await hub.prepare()
        try:
            await hub.open_public()
            walker = await _walker(hub, clock, ports, channel, letters, providers, now)
            await walker.walk(tell)
        finally:
            await hub.stop()
    return walker.begun


async def _walker(
    hub: Hub,
    clock: StoryClock,
    ports: Ports,
    channel: Callable[[str], Channel],
    letters: Letters,
    providers: Providers,
    now: Micros,
) -> Walker:
    scopes = await people.hire(hub.store, hub.house())
    doors = citizens.Doors(hub.connectors(), hub.intake.sink, channel("email"), hub.tokens, clock)
    return Walker(
        hub=hub,
        clock=clock,
        doors=doors,
        letters=letters,
        providers=providers,
        youtube=channel("youtube"),
        scopes=scopes,
        site=address(ports.site),
        now=now,
    )


class Walker:
    """Walks through the stories in the order of time."""

    def __init__(
        self,
        *,
        hub: Hub,
        clock: StoryClock,
        doors: citizens.Doors,
        letters: Letters,
        providers: Providers,
        youtube: Channel,
        scopes: people.Scopes,
        site: str,
        now: Micros,
    ) -> None:
        self.begun = 0
        self._hub = hub
        self._clock = clock
        self._doors = doors
        self._letters = letters
        self._providers = providers
        self._youtube = youtube
        self._scopes = scopes
        self._site = site
        self._now = now
        self._draw = random.Random(SEED)
        self._outbox = hub.outbox()
        self._places: dict[str, Place] = {}
        self._articles = {article.key: article for article in articles()}
        self._steps: list[tuple[Micros, int, Step]] = []
        self._known = 0
        office = hub.house().directory.inboxes[MAIL_INBOX].office
        self._hours: Calendar = calendar(hub.house().directory, office)

    async def walk(self, tell: Callable[[int, int], None]) -> None:
        """All stories from the first to the present."""
        for story in week():
            self._plan(when(self._hours, self._now, story.at), self._beginning(story))
        self._letters.listen(self._rated)
        await self._doors.open()
        await self._providers.subscribe()
        try:
            done = 0
            while self._steps:
                at, _, step = heapq.heappop(self._steps)
                await self._go_to(at)
                await step()
                await self._work_off()
                self._collect()
                done += 1
                tell(done, self._known)
            await self._go_to(self._now)
        finally:
            await self._doors.close()

    def _rated(self, letter: Letter) -> None:
        """Somebody who was asked whether they are content answers after a while."""
        given = raters.opinion(letter)
        if given is not None:
            at = later(self._hours, self._clock.now(), RATED_AFTER, working=False)
            self._plan(at, lambda: raters.say(given))

    def _plan(self, at: Micros, step: Step) -> None:
        """Have a step happen; what lies past the present never does."""
        if at < self._now:
            self._known += 1
            heapq.heappush(self._steps, (at, self._known, step))

    # --- time -----------------------------------------------------------------------------------------------------

    async def _go_to(self, at: Micros) -> None:
        """Move the clock, stopping wherever a timer, an effect or a sending falls due on the way."""
        while (due := await self._hub.store.read(next_due_of_all)) is not None and due <= at:
            self._clock.move(Micros(due))
            await self._work_off()
        self._clock.move(at)

    async def _work_off(self) -> None:
        """Carry out all that is due now, as the hub's loops do: look first, write only where there is work."""
        hub, log = self._hub, self._hub.log
        house = hub.house()
        while (due := await hub.store.read(due_now)) != NOTHING:
            if due.timers:
                await hub.store.write(lambda tx: run_due(tx, house, TIMERS, log))
            if due.effects:
                await hub.store.write(lambda tx: effects.run_inside(tx, house, INSIDE, log))
            if due.deliveries and not await self._outbox.work_off():
                return  # what is left waits behind something else

    # --- the citizen ----------------------------------------------------------------------------------------------

    def _beginning(self, story: Story) -> Step:
        async def begin() -> None:
            if story.parent and not await self._published(story.parent):
                self._plan(
                    Micros(self._clock.now() + 30 * MINUTE), begin
                )  # nobody answers what nobody can read
                return
            receipt = await _WRITE[story.via](self, story)
            place = Place(conversation=receipt.conversation or 0, message=receipt.message or 0)
            self._places[story.id or str(id(story))] = place
            self.begun += 1
            if story.via == "comments":
                await self._hub.store.write(lambda tx: self._open_article(tx, story.article))
            self._plan_next(story, place, 0)

        return begin

    async def _by_mail(self, story: Story, act: Act | None = None) -> Receipt:
        to = self._hub.config.inbox(MAIL_INBOX).settings["address"]
        sender = _email(story)
        answers = self._letters.last_to(sender) if act is not None else None
        mail = mails.Mail(
            name=story.who,
            address=sender,
            to=answers.reply_to if answers else to,
            subject=f"Re: {answers.subject.removeprefix('Re: ')}" if answers else story.subject,
            text=act.writes if act is not None else story.text,
            at=self._clock.now(),
            answers=answers,
            files=act.files if act is not None else story.files,
        )
        content = mails.written(mail, self._draw)
        return await self._doors.deliver(MAIL_INBOX, content, broken=story.broken)

    async def _by_form(self, story: Story) -> Receipt:
        fields = citizens.contact_form(
            self._draw, story.who, _email(story), story.phone, story.subject, story.text.strip()
        )
        return await self._doors.post("formularz", "/embed/form/formularz", fields, self._address())

    async def _by_callback(self, story: Story) -> Receipt:
        fields = citizens.callback_form(
            self._draw, story.who, _email(story), story.phone, story.subject, await self._slot(story)
        )
        return await self._doors.post("oddzwonienie", "/embed/callback/oddzwonienie", fields, self._address())

    async def _by_comment(self, story: Story) -> Receipt:
        parent = self._places[story.parent].message if story.parent else None
        page = self._page(story.article)
        fields = citizens.comment_form(self._draw, story.who, story.email, story.text.strip(), page, parent)
        return await self._doors.post("komentarze", "/embed/comments/komentarze", fields, self._address())

    async def _by_application(self, story: Story, act: Act | None = None) -> Receipt:
        text = act.writes if act is not None else story.text
        thread = f"uzytkownik-{mails.address_of(story.who).partition('@')[0]}"
        event = citizens.application_event(self._draw, story.who, thread, story.subject, text)
        secret = self._hub.config.inbox(APPLICATION_INBOX).settings["secret"].reveal()
        return await self._doors.tell(APPLICATION_INBOX, event, secret)

    async def _by_provider(self, story: Story, act: Act | None = None) -> Receipt:
        """Through a provider, which tells the hub; under a comment where the story answers one."""
        via, text = cast(Via, story.via), act.writes if act is not None else story.text.strip()
        sink = self._doors.listening(HEARD_BY.get(via, INBOXES[via]))
        sink.forget()
        written = await self._providers.writes(via, story.who, text)
        if via == "youtube":
            return await self._doors.show("youtube", self._youtube, self._providers.youtube_page(written.id))
        return await sink.heard(via)

    async def _by_chat(self, story: Story, act: Act | None = None) -> Receipt:
        """Live, by somebody who leaves before the answer: that goes to the address they gave."""
        text = act.writes if act is not None else story.text.strip()
        visitor = self._doors.visitor(CHAT_INBOX, story.who, _email(story), self._draw)
        receipt = await visitor.says(text)
        await visitor.leaves()
        return receipt

    async def _by_phone(self, story: Story) -> Receipt:
        """Somebody rings, and nobody has a hand free."""
        event = citizens.call_event(self._draw, "missed", phone_of(story.who))
        secret = self._hub.config.inbox(PHONE_INBOX).settings["secret"].reveal()
        return await self._doors.tell(PHONE_INBOX, event, secret)

    def _collect(self) -> None:
        """What left through the providers is shown with the letters."""
        for taken in self._providers.collect():
            self._letters.add(letter_of(taken, self._clock.now()))

    def _address(self) -> str:
        """A network address out of those kept for documentation (RFC 5737)."""
        return f"198.51.100.{self._draw.randrange(1, 255)}"

    async def _published(self, story: str) -> bool:
        """Whether readers can see the comment of a story."""
        post, place = schema.post, self._places.get(story)
        number = place.message if place else 0
        state = await self._hub.store.read(
            lambda tx: tx.scalar(select(post.c.state).where(post.c.id == number))
        )
        return bool(state == "published")

    def _page(self, key: str) -> dict[str, str]:
        article: Article = self._articles[key]
        url = f"{self._site}/artykul/{article.key}"
        return {"article": article.key, "title": article.title, "section": article.section, "url": url}

    def _open_article(self, tx: Tx, key: str) -> None:
        """Under the news of an outage comments are published first: it lives on them."""
        row = tx.row(select(schema.article).where(schema.article.c.key == key))
        if row is not None and row.moderation is None and self._articles[key].section == "Komunikaty":
            set_way(tx, self._hub.house(), SYSTEM, row.id, "post")

    async def _slot(self, story: Story) -> Micros | None:
        """The first time that can be wished for from the story's wish on; None: as soon as possible."""
        if not story.wish:
            return None
        wish = when(self._hours, self._now, story.wish)
        free = await CallbackAppointments(self._hub.store, self._hub.house, self._clock).slots(
            "oddzwonienie", 10
        )
        return next((slot for slot in free if slot >= wish), None)

    # --- the office -----------------------------------------------------------------------------------------------

    def _plan_next(self, story: Story, place: Place, number: int) -> None:
        if number >= len(story.then):
            return
        act = story.then[number]
        outside = bool(act.writes or act.bounce or act.reports)
        at = later(self._hours, self._clock.now(), act.after, working=not outside)

        async def go_on() -> None:
            if act.call and act.call != "cancelled" and (due := await self._due(place)):
                self._plan(Micros(due + 2 * MINUTE), go_on)  # the call's time has not come yet
                return
            try:
                await self._happen(story, act, place, f"demo-{id(story)}-{number}")
            except Conflict:
                if story.via not in INBOXES:
                    raise
                return  # over the holidays a channel's window has closed: that is how it would be
            self._plan_next(story, place, number + 1)

        self._plan(at, go_on)

    async def _happen(self, story: Story, act: Act, place: Place, key: str) -> None:
        if act.writes:
            if story.via in INBOXES:
                await self._by_provider(story, act)
            else:
                again = self._by_application if story.via == "webhook" else self._by_mail
                await again(story, act)
        elif act.bounce:
            letter = self._letters.last_to(_email(story))
            if letter is not None:
                await self._doors.deliver(MAIL_INBOX, self._bounce(letter))
        elif act.reports:
            for reason in act.reports:
                fields = citizens.report_form(place.message, reason, self._page(story.article))
                await self._doors.post("komentarze", "/embed/comments/komentarze", fields, self._address())
        else:
            await self._do(story, act, place, key)

    def _bounce(self, letter: Any) -> bytes:
        to = self._hub.config.inbox(MAIL_INBOX).settings["address"]
        return mails.bounce(letter, to, self._clock.now(), self._draw)

    async def _do(self, story: Story, act: Act, place: Place, key: str) -> None:
        other = self._places[act.merge].conversation if act.merge else 0
        scope = self._scopes[act.by or story.agent]
        deed = Deed(act=act, scope=scope, place=place, key=key, other=other)
        house = self._hub.house()
        await self._hub.store.write(lambda tx: deeds.do(tx, house, deed))

    async def _due(self, place: Place) -> Micros | None:
        """When a call is due, while that is still to come."""
        callback = schema.callback
        row = await self._hub.store.read(
            lambda tx: tx.row(
                select(callback.c.due_at, callback.c.state).where(callback.c.id == place.message)
            )
        )
        return row.due_at if row is not None and row.state in ("scheduled", "retry-wait") else None


def _email(story: Story) -> str:
    return story.email or mails.address_of(story.who)


_WRITE: Mapping[str, Callable[[Walker, Story], Coroutine[Any, Any, Receipt]]] = {
    "email": Walker._by_mail,
    "form": Walker._by_form,
    "callback": Walker._by_callback,
    "comments": Walker._by_comment,
    "webhook": Walker._by_application,
    "phone": Walker._by_phone,
    "chat": Walker._by_chat,
    **dict.fromkeys(INBOXES, Walker._by_provider),
}
