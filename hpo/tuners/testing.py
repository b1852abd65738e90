"""The test class that a tuner must pass: ours do, and plug-in authors run it on theirs.

::

    from hpo.tuners.testing import TunerContract

    class TestMine(TunerContract):
        tuner = Mine                        # the class; or `name = "Mine"`, where a package registers it
        class_args = {"population": 8}

A tuner that cannot search every space says in `spaces` which it takes, and must refuse the others.
"""

import sys

import pytest

if "hpo.tuners.contract" not in sys.modules:
    # A failure shows what was got and what was expected, as in a test of the author's own.
    pytest.register_assert_rewrite("hpo.tuners.contract")

from hpo.tuners.contract import SPACES, TunerContract

__all__ = ["SPACES", "TunerContract"]
