"""The agent's desk: lists, the conversation, everything that an agent does to it."""
