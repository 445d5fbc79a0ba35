"""Settings that every inbox of a Meta app has: which account, whose credentials, and which inboxes share its callback.

Meta calls one address for all pages, Instagram accounts or telephone numbers of an app. The inbox whose address was
entered there takes the calls; ``siblings`` says which other inboxes of ours they are for.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from connectors._forms import Rate, about
from connectors.contract import InboxId, Secret

Kind = Literal["messenger", "instagram", "whatsapp", "facebook_comments", "instagram_comments"]
"""The kinds of inbox of this family."""

Account = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{3,30}$", examples=["104212345678901"])]
"""Meta's number of a page, an Instagram professional account or a WhatsApp telephone number."""

LONGEST_VERIFY_TOKEN = 200


class Sibling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another inbox of ours that is served by this one's callback."""

    inbox: Annotated[InboxId, about("Its id in this configuration.")]
    kind: Annotated[Kind, about("Its kind.")]
    account: Annotated[Account, about("Its account; a page's messages and its comments have the same.")]
    moderation: Annotated[
        Literal["pre", "post"],
        about(
            "Of comments: whether a moderator looks at each (pre) or only at those that a rule holds (post)."
        ),
    ] = "pre"


class MetaSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the kinds have in common; see docs/channels/messenger.md."""

    account: Annotated[
        Account,
        about(
            "Meta's number of the page, the Instagram professional account or the WhatsApp telephone number."
        ),
    ]
    app_id: Annotated[
        str, about("Meta's number of the app.", pattern="^[0-9]{3,30}$", examples=["104212345678901"])
    ]
    app_secret: Annotated[Secret, about("Signs what Meta sends and proves what we ask.")]
    previous_app_secret: Annotated[
        Secret | None, about("Still taken for signatures on the way in while the secret is changed.")
    ] = None
    access_token: Annotated[Secret, about("The page's or system user's token.")]
    verify_token: Annotated[Secret, about("Any text of ours, entered beside the callback's address at Meta.")]
    graph_url: Annotated[
        str,
        about("Where the Graph API is.", pattern=r"^https?://\S+$", examples=["https://graph.facebook.com"]),
    ] = "https://graph.facebook.com"
    graph_version: Annotated[
        str,
        about(
            "The version of the Graph API; each ends two years after it came.",
            pattern=r"^v[0-9]{1,3}\.[0-9]$",
            examples=["v26.0"],
        ),
    ] = "v26.0"
    media_hosts: Annotated[
        tuple[str, ...], about("Hosts, with all below them, from which files are fetched.")
    ] = ("fbcdn.net", "fbsbx.com", "cdninstagram.com", "facebook.com", "instagram.com", "whatsapp.net")
    media_bytes: Annotated[int, about("Most bytes of one file that is fetched.", ge=1, le=100_000_000)] = (
        25_000_000
    )
    siblings: Annotated[
        tuple[Sibling, ...], about("Other inboxes for which Meta calls this inbox's address.")
    ] = ()
    foreign_accounts: Annotated[
        tuple[Account, ...],
        about("Accounts of the same app that are somebody else's; what comes for them is left."),
    ] = ()
    max_body: Annotated[int, about("Most bytes of one call of Meta's.", ge=10_000, le=20_000_000)] = 4_000_000
    timeout_seconds: Annotated[float, about("Longest wait for Meta's answer.", gt=0, le=60)] = 20.0
    check_seconds: Annotated[
        float, about("How often Meta is asked whether the token still holds.", ge=10, le=86_400)
    ] = 600.0
    per_address: Annotated[Rate, about("Calls from one network address; every call is signed.")] = ""

    @property
    def accounts(self) -> tuple[str, ...]:
        """The numbers under which Meta calls for this inbox."""
        return (self.account,)

    def __post_init__(self) -> None:
        if not 0 < len(self.verify_token.reveal()) <= LONGEST_VERIFY_TOKEN:
            raise ValueError(f"`verify_token` must have 1 to {LONGEST_VERIFY_TOKEN} characters")
        named = [(sibling.kind, sibling.account) for sibling in self.siblings]
        if len(set(named)) < len(named):
            raise ValueError("`siblings` names two inboxes of one kind for the same account")


class DirectSettings(MetaSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Messenger and Instagram direct messages have in common."""

    human_agent: Annotated[
        bool,
        about(
            "Whether Meta has granted the app the permission Human Agent: agents then have 7 days, not 24 hours."
        ),
    ] = False
    profiles: Annotated[bool, about("Whether Meta is asked for the names of people who write.")] = True
