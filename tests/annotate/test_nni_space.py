"""The search space of code annotated for NNI, under NNI's own keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpo.annotate.project import annotate
from hpo.cli.annotate import show
from hpo.errors import UsageError

CODE = '''\
"""What a module says of itself."""
import nni

class Net:
    def __init__(self):
        """@nni.variable(nni.choice(2, 3, 5, 7), name=self.size)"""
        self.size = 5
        """@nni.variable(nni.quniform(1, 9, 2), name=self.width)"""
        self.width = 4

    def build(self, x):
        """@nni.function_choice(relu(f(x) + b), tanh(f(x) + b), name=tf.nn.relu)"""
        h = relu(f(x) + b)
        """@nni.variable(nni.choice(5 * 6, -1, None, "a", [1, 2], {1: 2}), name=z)"""
        z = 5 * 6
        """@nni.mutable_layers({
            layer_choice: [conv(size=1), pool()], optional_inputs: [h, z], optional_input_size: [0, 1],
            layer_output: out }, {
            layer_choice: [pool()], fixed_inputs: [out], layer_output: end })"""

rate = nni.uniform(0, 1)
other = nni.choice(1, 2, name="bee")
'''

SPACE = {
    "Net/self.size/choice": {"_type": "choice", "_value": [2, 3, 5, 7]},
    "Net/self.width/quniform": {"_type": "quniform", "_value": [1, 9, 2]},
    "Net/tf.nn.relu/function_choice": {"_type": "choice", "_value": ["relu(f(x) + b)", "tanh(f(x) + b)"]},
    "Net/z/choice": {"_type": "choice", "_value": ["(5 * 6)", "(-1)", None, "a", "[1, 2]", "{1: 2}"]},
    "Net/mutable_block_19": {
        "_type": "mutable_layer",
        "_value": {
            "mutable_layer_0": {
                "layer_choice": ["conv(size=1)", "pool()"],
                "optional_inputs": ["h", "z"],
                "optional_input_size": [0, 1],
            },
            "mutable_layer_1": {
                "layer_choice": ["pool()"], "optional_inputs": [], "optional_input_size": 0,
            },
        },
    },
    "Net/__line21/uniform": {"_type": "uniform", "_value": [0, 1]},
    "Net/bee/choice": {"_type": "choice", "_value": [1, 2]},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "code" / "deep").mkdir(parents=True)
    (tmp_path / "code" / "Net.py").write_text(CODE)
    return tmp_path / "code"


def test_keys_are_the_module_the_target_and_the_constructor(folder: Path) -> None:
    assert dict(annotate([folder / "Net.py"]).nni_space) == SPACE


def test_code_in_keys_and_options_is_spelt_as_nni_spelt_it(tmp_path: Path) -> None:
    # What `nni.tools.annotation.generate_search_space` of NNI 2.10.1 makes of this.
    (tmp_path / "m.py").write_text("""\
import nni
'''@nni.variable(nni.choice(1, 2), name=d["x"])'''
d["x"] = 1
'''@nni.function_choice(f("a"), lambda: 3, name=f)'''
y = f("a")
'''@nni.mutable_layers({layer_choice: [b(x=1,y="z")], layer_output: out})'''
""")
    assert dict(annotate([tmp_path / "m.py"]).nni_space) == {
        "m/d['x']/choice": {"_type": "choice", "_value": [1, 2]},
        "m/f/function_choice": {"_type": "choice", "_value": ["f('a')", "(lambda : 3)"]},
        "m/mutable_block_6": {
            "_type": "mutable_layer",
            "_value": {
                "mutable_layer_0": {
                    "layer_choice": ["b(x=1, y='z')"], "optional_inputs": [], "optional_input_size": 0,
                }
            },
        },
    }  # fmt: skip


def test_a_module_in_a_folder_is_named_with_it(folder: Path) -> None:
    (folder / "Net.py").rename(folder / "deep" / "Net.py")
    assert dict(annotate([folder]).nni_space) == {f"deep.{key}": value for key, value in SPACE.items()}


def test_the_command_writes_it_to_a_file(folder: Path, tmp_path: Path) -> None:
    options = {"format": "text", "diff": False, "output": tmp_path / "space.json", "check": False}
    assert show([folder], space=True, nni_keys=True, **options) == 0  # type: ignore[arg-type]
    assert json.loads((tmp_path / "space.json").read_text()) == SPACE
    with pytest.raises(UsageError, match="about the search space"):
        show([folder], space=False, nni_keys=True, **options)  # type: ignore[arg-type]
