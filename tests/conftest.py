"""What all tests share: the real servers, and a profile of hypothesis that a slow machine can bear."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

pytest_plugins = ("tests.servers.fixtures",)

# Two busy cores make single examples slow; a deadline would only tell that.
settings.register_profile("centrala", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("centrala")
