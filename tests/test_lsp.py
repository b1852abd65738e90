"""The language server: a process that an editor starts, and what it answers."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

WRONG = "lr = 0.01  # hpo: loguniform(1e-1, 1e-5)\n"
RIGHT = "lr = 0.01  # hpo: loguniform(1e-5, 1e-1)\n"


class Editor:
    """An editor as far as the server sees it: framed JSON over its standard streams."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "HPO_HOME": str(folder / "home")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hpo", "lsp", "--stdio"],  # as many editors say
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
        )
        self._id = 0
        capabilities = {"general": {"positionEncodings": ["utf-16"]}}
        self.capabilities = self.ask(
            "initialize", processId=os.getpid(), rootUri=folder.as_uri(), capabilities=capabilities
        )["capabilities"]
        self.tell("initialized")

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the server ended"
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message

    def tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, **params: Any) -> Any:
        self._id += 1
        self._send({"id": self._id, "method": method, "params": params})
        while (answer := self.receive()).get("id") != self._id:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def diagnostics(self) -> list[dict[str, Any]]:
        while (message := self.receive()).get("method") != "textDocument/publishDiagnostics":
            pass
        found: list[dict[str, Any]] = message["params"]["diagnostics"]
        return found

    def open(self, path: Path) -> list[dict[str, Any]]:
        document = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": path.read_text()}
        self.tell("textDocument/didOpen", textDocument=document)
        return self.diagnostics()

    def change(self, path: Path, version: int, text: str) -> None:
        document = {"uri": path.as_uri(), "version": version}
        self.tell("textDocument/didChange", textDocument=document, contentChanges=[{"text": text}])

    def hover(self, path: Path, line: int, character: int) -> str | None:
        position = {"line": line, "character": character}
        answer = self.ask("textDocument/hover", textDocument={"uri": path.as_uri()}, position=position)
        return None if answer is None else str(answer["contents"]["value"])


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text(RIGHT)
    return path


@pytest.fixture
def editor(tmp_path: Path, script: Path) -> Iterator[Editor]:
    editor = Editor(tmp_path)
    with editor.process:  # which closes its streams
        yield editor
        editor.ask("shutdown")
        editor.tell("exit")
        assert editor.process.wait(timeout=300) == 0


def test_a_mistake_is_said_where_it_is_when_a_file_is_opened(editor: Editor, script: Path) -> None:
    assert editor.capabilities["hoverProvider"]
    script.write_text(WRONG)
    (found,) = editor.open(script)
    assert found["code"] == "HPO208"
    assert found["severity"] == 1
    assert found["message"].startswith("low is 0.1 and high is 1e-05")
    assert found["range"] == {"start": {"line": 0, "character": 29}, "end": {"line": 0, "character": 33}}


def test_what_is_typed_counts_and_not_what_is_saved(editor: Editor, script: Path) -> None:
    assert editor.open(script) == []
    editor.change(script, 2, "lr = 0.01  # hpo: loguni\n")
    editor.change(script, 3, WRONG)
    assert [d["code"] for d in editor.diagnostics()] == ["HPO208"]  # of the last state alone
    editor.change(script, 4, RIGHT)
    assert editor.diagnostics() == []
    editor.change(script, 5, "def f(:\n")
    assert [d["code"] for d in editor.diagnostics()] == ["HPO101"]
    assert script.read_text() == RIGHT


@pytest.mark.parametrize("where", ["untitled:Untitled-1", "file:///nowhere/new.py"])
def test_a_file_that_is_not_saved_yet_is_read_as_well(editor: Editor, where: str) -> None:
    document = {"uri": where, "languageId": "python", "version": 1, "text": WRONG}
    editor.tell("textDocument/didOpen", textDocument=document)
    assert [d["code"] for d in editor.diagnostics()] == ["HPO208"]
    position = {"line": 0, "character": 1}
    assert editor.ask("textDocument/hover", textDocument={"uri": where}, position=position) is None


def test_a_list_is_explained_and_its_mistakes_are_said(editor: Editor, script: Path) -> None:
    script.write_text('cols = ["a"]  # hpo: subset(["a", "b"], min=1, max=3)\n')
    (found,) = editor.open(script)
    assert found["code"] == "HPO217"
    assert found["range"] == {"start": {"line": 0, "character": 51}, "end": {"line": 0, "character": 52}}
    editor.change(script, 2, 'cols = ["a"]  # hpo: subset(["a", "b"], min=1)\n')
    assert editor.diagnostics() == []
    told = editor.hover(script, 0, 1)
    assert told is not None
    assert told.startswith('**cols**: `subset(["a", "b"], min=1)`')


def test_columns_are_the_editors_units(editor: Editor, script: Path) -> None:
    script.write_text("s = '🎲'; " + WRONG)
    (found,) = editor.open(script)
    assert found["range"]["start"]["character"] == 29 + len("s = ''; ") + 2


def test_a_hover_shows_the_domain_when_it_counts_and_nothing_elsewhere(editor: Editor, script: Path) -> None:
    text = (
        "kind = 'a'  # hpo: choice('a', 'b')\n"
        "if kind == 'a':\n"
        "    lr = 0.01  # hpo: loguniform(1e-5, 1e-1)\n"
        "# hpo: constraint(lr < 0.05)\n"
    )
    script.write_text(text)
    editor.open(script)
    shown = editor.hover(script, 2, 5)
    assert shown == "**lr**: `loguniform(1e-5, 1e-1)`\n\nonly where `kind` is 'a'\n\nonly where `lr < 0.05`"
    assert editor.hover(script, 2, 30) == shown
    assert editor.hover(script, 1, 3) is None


def test_a_hover_shows_the_best_value_once_an_experiment_ran(editor: Editor, script: Path) -> None:
    script.write_text("import hpo\nx = 1  # hpo: choice(1, 2, 3)\nhpo.report_final_result(x)\n")
    subprocess.run(
        [sys.executable, "-m", "hpo", "run", script, "--max-trials", "3", "--seed", "1"],
        env={**os.environ, "HPO_HOME": str(script.parent / "home")},
        check=True,
        capture_output=True,
    )
    editor.open(script)
    shown = editor.hover(script, 1, 4)
    assert shown is not None
    assert "best: `3` (trial " in shown
    assert "result 3)" in shown
    for store in (script.parent / "home").glob("*/experiment.db"):
        with closing(sqlite3.connect(store)) as db, db:  # as no hpo wrote it
            db.execute("UPDATE experiment SET config = json_set(config, '$.plan.command', 5)")
    assert editor.hover(script, 1, 4) == shown.partition("\n\nbest")[0]


def test_a_file_that_is_closed_has_nothing_wrong(editor: Editor, script: Path) -> None:
    script.write_text(WRONG)
    assert editor.open(script)
    editor.tell("textDocument/didClose", textDocument={"uri": script.as_uri()})
    assert editor.diagnostics() == []


def test_without_its_extra_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['lsprotocol'] = None; sys.argv = ['hpo', 'lsp']; from hpo.cli import main; "
    )
    done = subprocess.run(
        [sys.executable, "-c", program + "sys.exit(main())"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "pip install 'hpo-annotate[lsp]'" in done.stderr
