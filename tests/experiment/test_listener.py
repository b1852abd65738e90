"""Several who are told what happens: all hear of trials, and the first alone of what a person should know."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock, call

import pytest

from hpo.experiment.listener import Listener, Listeners

EXPERIMENT, TRIAL, METRIC = Mock(), Mock(), Mock()
ALL = {
    "started": (EXPERIMENT, TRIAL),
    "reported": (TRIAL, METRIC),
    "ended": (EXPERIMENT, TRIAL, "why"),
    "over": (),
}
FIRST = {"noted": ("a word",), "tick": (EXPERIMENT,)}


@pytest.mark.parametrize(("event", "arguments"), [*ALL.items(), *FIRST.items()])
def test_each_is_told_what_concerns_it(event: str, arguments: tuple[Any, ...]) -> None:
    first, second, third = (Mock(spec=Listener) for _ in range(3))
    said = getattr(Listeners(first, second, third), event)(*arguments)
    told = [getattr(call, event)(*arguments)]
    assert first.mock_calls == told
    assert second.mock_calls == third.mock_calls == (told if event in ALL else [])
    assert (said is first.tick.return_value) == (event == "tick")
