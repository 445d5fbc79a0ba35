"""Providers as they behave on the wire, for the demo and for tests: each module is one and knows nothing of the hub."""
