"""Telephone calls as conversations: what an exchange told of a call, what follows, and what its agent notes of it."""
