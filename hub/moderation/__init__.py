"""Comments under articles: where one is placed, what readers see, what moderators decide.

``masking``, ``placing``, ``states`` and ``reports`` are pure decisions; ``arrivals`` carries out what comes in through
intake; ``thread`` is what readers see; ``bench`` what moderators see; ``decide``, ``answers`` and ``articles`` what
they do.

Comments on platforms that are not ours (``CommentPlace.ours`` false) go the same way with one difference: what is true
is what stands there. ``platform`` turns a decision into a delivery (``hide``, ``publish``, ``delete`` with the comment
as ``target``), ``elsewhere`` takes in what happened there. ``post.standing`` is how the comment stands on the platform
as far as we know; it is null for our own pages. A decision changes ``post.state`` at once; when its delivery fails, the
state goes back to what stands and the comment returns to the bench with the reason. What a channel can do it says in
its :class:`connectors.contract.Capabilities` (``platform``, ``hides``, ``deletions``, ``public_replies``,
``private_replies``).
"""
