"""Settings that all tests share."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no failure: properties are about values, and time is measured in benchmarks/.
settings.register_profile("hpo", deadline=None, max_examples=100)
settings.load_profile("hpo")
