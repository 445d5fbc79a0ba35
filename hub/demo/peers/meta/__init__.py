"""Meta as its documentation describes it (developers.facebook.com, 2026): one app, its accounts, its people.

:class:`~hub.demo.peers.meta.platform.MetaPeer` is the Graph API and the sender of webhooks;
:class:`~hub.demo.peers.meta.direct.DirectPeer` the people on Messenger and Instagram,
:class:`~hub.demo.peers.meta.whatsapp.WhatsAppPeer` those on WhatsApp,
:class:`~hub.demo.peers.meta.comments.CommentsPeer` those who comment. They know nothing of the hub.
"""
