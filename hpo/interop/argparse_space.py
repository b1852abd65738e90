"""A search space as options of a command line."""

from __future__ import annotations

import json

from hpo.interop.outline import Outline, options_of
from hpo.parameters import Parameter

__all__ = ["write"]

_HEAD = '''"""The search space of {name}, as options. Written by `hpo export --to argparse`."""

import argparse
import json


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
'''

_TAIL = """    return parser


if __name__ == "__main__":
    print(vars(make_parser().parse_args()))
"""


def write(outline: Outline) -> str:
    """Return a Python module with a parser; the source's own values are its defaults."""
    lines = [_HEAD.format(name=json.dumps(outline.name)[1:-1])]
    for name in outline.space:
        domain = outline.space[name]
        given = [repr(f"--{name}"), *_type(name, domain)]
        if name in outline.space.defaults:
            given.append(f"default={outline.space.defaults[name]!r}")
        test = outline.in_words(name)
        where = f", where {test}" if test else ""
        given.append(f"help={f'{domain}{where}'.replace('%', '%%')!r}")
        lines.append(f"    parser.add_argument({', '.join(given)})\n")
    lines += [f"    # only where {constraint}\n" for constraint in outline.space.constraints]
    return "".join([*lines, _TAIL])


def _type(name: str, domain: Parameter) -> list[str]:
    options = options_of(name, domain)
    if options is None:
        is_whole = domain.type == "randint"
        return [f"type={'int' if is_whole else 'float'}"]
    kinds = {type(option) for option in options}
    if kinds == {str}:
        return [f"choices={options!r}"]
    if kinds in ({int}, {float}):
        return [f"type={next(iter(kinds)).__name__}", f"choices={options!r}"]
    return ["type=json.loads", f"choices={options!r}"]
