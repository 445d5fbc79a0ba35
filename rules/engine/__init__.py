"""The evaluator: a rule set compiled once, and asked about every message."""
