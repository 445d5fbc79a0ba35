"""Being called back: the states of a wish, when it is due, who is offered it, what the citizen is told."""
