"""Several processes on one store: what each does, who they are, and which one holds what only one may hold."""
