"""YAML and JSON become values with their places, or an error at a place."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hpo.config import json_document, yaml_document
from hpo.config.document import Document, DocumentProblem
from hpo.errors import ConfigError, UsageError


def place(text: str, path: Path, name: str = "config.yml") -> tuple[int, int, str]:
    """Return where a text is refused, and why."""
    file = path / name
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigError) as raised:
        Document(file)
    (only,) = raised.value.diagnostics
    return only.line, only.column, only.message


class TestYaml:
    @pytest.mark.parametrize(
        ("written", "value"),
        [
            ("1e-3", 1e-3), ("1E5", 1e5), ("-.5e1", -5.0), ("1_000", 1000), ("0x10", 16), ("yes", True),
            ("2024-01-31", "2024-01-31"), ("=", "="), ("0,3", "0,3"), ("1h", "1h"), ("~", None),
        ],
    )  # fmt: skip
    def test_scalars_are_those_of_json(self, written: str, value: object) -> None:
        root, problems = yaml_document.read(f"a: {written}")
        assert (root.value, problems) == ({"a": value}, [])
        assert type(root.value["a"]) is type(value)

    @pytest.mark.parametrize(
        ("text", "line", "column", "message"),
        [
            ("", 1, 1, "the file is empty"),
            ("# nothing\n", 1, 1, "the file is empty"),
            ("a: 1\n\tb: 2\n", 2, 1, "a tab stands where YAML wants spaces"),
            ("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here"),
            ("a: *b\n", 1, 4, "found undefined alias 'b'"),
            ("a: &x [*x]\n", 1, 4, "a value contains itself"),
            ("a: !!python/name:os.system\n", 1, 4, "the tag tag:yaml.org,2002:python/name:os.system"),
            ("a: !!set {b}\n", 1, 4, "the tag tag:yaml.org,2002:set has no meaning here"),
            ("a: !!int x\n", 1, 4, "'x' is no int"),
            ("a: .nan\n", 1, 4, ".nan is no finite number"),
            ("a: -.inf\n", 1, 4, "-.inf is no finite number"),
            ("? [a, b]\n: 1\n", 1, 3, "a key is no plain text"),
            ("<<: 3\n", 1, 5, "<< merges a mapping"),
            ("a: b: c\n", 1, 5, "mapping values are not allowed here"),
            ("a: [1,\nb: 2\n", 3, 1, "expected ',' or ']', but got"),
            ("a: 'b\n", 2, 1, "found unexpected end of stream while scanning a quoted scalar"),
            ("a: \x07\n", 1, 4, "character U+0007 is not allowed in YAML"),
            ("a: " + "[" * 2000, 1, 1, "the values are nested too deeply"),
        ],
    )  # fmt: skip
    def test_what_is_none_is_refused_where_it_stands(
        self, tmp_path: Path, text: str, line: int, column: int, message: str
    ) -> None:
        found = place(text, tmp_path)
        assert found[:2] == (line, column)
        assert found[2].startswith(message)

    def test_aliases_that_stand_for_too_much_are_refused(self, tmp_path: Path) -> None:
        text = "a0: &a0 [x, x]\n" + "".join(
            f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]\n" for i in range(1, 12)
        )
        assert place(text, tmp_path)[2] == "the file stands for more than 100,000 values"

    def test_places_count_characters_as_editors_do(self, tmp_path: Path) -> None:
        file = tmp_path / "config.yml"
        file.write_bytes("\ufeffä: 1\r\nb: [ö, 2]\r\n".encode())
        document = Document(file)
        assert document.line_and_column(document.find(("ä",))[0]) == (1, 4)
        assert document.line_and_column(document.find(("b", 1))[0]) == (2, 8)

    def test_a_merged_value_yields_to_its_own(self) -> None:
        root, _ = yaml_document.read("x: &x {a: 1, b: 1}\ny: {<<: *x, b: 2}")
        assert root.value["y"] == {"a": 1, "b": 2}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


class TestJson:
    @pytest.mark.parametrize(
        ("text", "line", "column", "message"),
        [
            ('{"a": 1,}', 1, 8, "a comma stands before the }"),
            ('{"a": [1,\n]}', 1, 9, "a comma stands before the ]"),
            ('{\n  // note\n  "a": 1}', 2, 3, "JSON has no comments"),
            ('{"a": 1 # note\n}', 1, 9, "JSON has no comments"),
            ('{"a": 1 /* note */}', 1, 9, "JSON has no comments"),
            ("{'a': 1}", 1, 2, "' stands where a key in double quotes is expected"),
            ('{"a": True}', 1, 7, "True is no JSON value"),
            ('{"a": NaN}', 1, 7, "NaN is no JSON value"),
            ('{"a": 1e999}', 1, 7, "the number is too large"),
            ('{"a" 1}', 1, 6, "1 stands where a colon is expected"),
            ('{"a": 1 "b": 2}', 1, 9, '" stands where a comma or } is expected'),
            ('{"a": [1, 2', 1, 12, "the file ends where a comma or ] is expected"),
            ('{"a": "x', 1, 7, "unterminated string starting at"),
            ('{"a": 1}}', 1, 9, "more text follows the value"),
            ('{"a": ' + "[" * 3000, 1, 1, "the values are nested too deeply"),
        ],
    )  # fmt: skip
    def test_what_is_none_is_refused_where_it_stands(
        self, tmp_path: Path, text: str, line: int, column: int, message: str
    ) -> None:
        assert place(text, tmp_path, "space.json") == (line, column, message)

    def test_a_comment_is_welcome_in_yaml(self, tmp_path: Path) -> None:
        file = tmp_path / "space.yml"
        file.write_text('{"a": 1 # note\n}')
        assert Document(file).root.value == {"a": 1}

    @given(_JSON, st.sampled_from([None, 1, "\t"]))
    @example({"a": "\ud83d"}, None)
    def test_it_reads_what_python_writes(self, value: Any, indent: str | int | None) -> None:
        text = json.dumps(value, indent=indent)
        assert json_document.read(text)[0].value == value

    @given(st.text(alphabet="{}[]:,\"'\\ -+.0123456789eEtrufalsn\n\t/#"))
    def test_it_accepts_what_python_accepts(self, text: str) -> None:
        def constant(word: str) -> float:
            raise ValueError(word)

        try:
            expected = json.loads(text, parse_constant=constant)
        except (ValueError, RecursionError):
            with pytest.raises(DocumentProblem):
                json_document.read(text)
        else:
            assert json_document.read(text)[0].value == expected


class TestFiles:
    def test_bytes_that_are_no_utf_8_are_refused_by_their_line(self, tmp_path: Path) -> None:
        (tmp_path / "config.yml").write_bytes(b"a: 1\nb: \xe4\n")
        with pytest.raises(UsageError, match="line 2 has byte 0xe4, which is no UTF-8"):
            Document(tmp_path / "config.yml")

    def test_a_large_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "config.yml").write_bytes(b"#" * 2**21)
        with pytest.raises(UsageError, match="is larger than 1 MiB"):
            Document(tmp_path / "config.yml")

    def test_a_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="cannot be read: Is a directory"):
            Document(tmp_path)

    @given(st.binary(max_size=80))
    def test_any_bytes_are_read_or_refused(
        self, tmp_path_factory: pytest.TempPathFactory, raw: bytes
    ) -> None:
        for name in ("config.yml", "config.json", "config"):
            file = tmp_path_factory.getbasetemp() / name
            file.write_bytes(raw)
            with contextlib.suppress(UsageError):
                Document(file)
