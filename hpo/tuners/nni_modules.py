"""NNI's modules, as a class in a user's file imports them, where NNI itself is not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from types import ModuleType

from hpo.tuners import nni_bases, nni_expressions, nni_messages

__all__ = ["standing_in_for_nni"]

_PROTOCOL = (nni_messages, ("CommandType", "send"))
_DISPATCHER = (nni_messages, ("MsgDispatcherBase",))
_UTILS = (
    "ClassArgsValidator",
    "MetricType",
    "NodeType",
    "OptimizeMode",
    "extract_scalar_history",
    "extract_scalar_reward",
)

#: What each has; the paths of NNI 1, 2 and 3.
_CONTENTS = {
    "nni": ((nni_bases, ("ClassArgsValidator", "NoMoreTrialError")), (nni_messages, ("dump", "load"))),
    "nni.tuner": ((nni_bases, ("Tuner",)),),
    "nni.assessor": ((nni_bases, ("AssessResult", "Assessor")),),
    "nni.utils": ((nni_bases, _UTILS),),
    "nni.parameter_expressions": ((nni_expressions, tuple(nni_expressions.__all__)),),
    "nni.msg_dispatcher_base": (_DISPATCHER,),
    "nni.protocol": (_PROTOCOL,),
    "nni.runtime": (),
    "nni.runtime.msg_dispatcher_base": (_DISPATCHER,),
    "nni.runtime.protocol": (_PROTOCOL,),
    "nni.runtime.tuner_command_channel": ((nni_messages, ("CommandType",)),),
}


@contextmanager
def standing_in_for_nni() -> Iterator[None]:
    """Let ``import nni`` find these while the block runs, unless NNI is installed."""
    if "nni" in sys.modules or _is_installed():
        yield
        return
    modules = _modules()
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]


@cache
def _is_installed() -> bool:
    return find_spec("nni") is not None


@cache
def _modules() -> dict[str, ModuleType]:
    made: dict[str, ModuleType] = {}
    for name, contents in _CONTENTS.items():
        module = made[name] = ModuleType(name)
        module.__path__ = []  # it may have modules inside
        for source, members in contents:
            module.__dict__.update({member: getattr(source, member) for member in members})
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(made[parent], child, module)
    return made
