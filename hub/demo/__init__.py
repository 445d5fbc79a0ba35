"""The demo: a hub with a made-up week of conversations, the citizens who write, and the site where they do.

``setting`` finds ports and makes the configuration; ``week`` walks a clock through the last seven days and lets
everything in by the hub's own ways; ``outside`` is the world around the hub (the citizens' mail server, the office's
site and application); ``life`` goes on with it while somebody looks. The texts are in ``texts/``: invented, no real
persons.
"""
