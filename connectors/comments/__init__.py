"""Comments under articles: a section that a site embeds, served as HTML and usable without JavaScript.

Everything happens at one address, ``/embed/comments/INBOX``: GET shows the section of an article, POST takes a
comment, an answer, an edit, a deletion, a report or an appeal (the field ``do`` says which). Readers are known by a
signed token that travels in the form and in a first-party cookie, so it works in a frame where cookies are blocked.
"""

from __future__ import annotations

from connectors.comments.connector import Comments
from connectors.comments.forms import parse
from connectors.comments.settings import Settings
from connectors.contract import Channel

CHANNEL = Channel(kind="comments", channel="comments", config=Settings, create=Comments, parse=parse)
