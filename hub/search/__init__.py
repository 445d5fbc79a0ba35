"""Search: a follower of the stream keeps folded words of every message, queries meet them in any inflected form."""
