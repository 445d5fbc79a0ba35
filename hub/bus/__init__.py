"""The bus between processes that share one PostgreSQL: events, wake-ups, presence, limits, by Redis.

Redis never holds the only copy of anything. While it is away every node looks by itself, and nothing but time is lost.
"""
