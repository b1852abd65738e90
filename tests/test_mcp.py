"""The server for agents, as an agent's client starts it: over stdio."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from commands import hpo

PLAIN = """import hpo
lr = 0.01
units = 8
print("lr is", lr)  # for the log
hpo.report_final_result(-abs(lr - 0.05) + units)
"""


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("train.py").write_text(PLAIN)


Call = Callable[..., Awaitable[Any]]


def with_client(use: Callable[[Call], Awaitable[None]]) -> None:
    """Start the server, and let `use` call its tools."""
    pytest.importorskip("mcp", reason="requirements/ecosystem.txt")
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    async def talk() -> None:
        server = StdioServerParameters(
            command=sys.executable, args=["-m", "hpo", "mcp"], env=dict(os.environ), cwd=str(Path.cwd())
        )
        async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            names = {tool.name for tool in (await session.list_tools()).tools}

            async def call(name: str, **arguments: Any) -> Any:
                assert name in names
                answer = await session.call_tool(name, arguments)
                text = "".join(getattr(part, "text", "") for part in answer.content)
                if answer.is_error:
                    raise LookupError(text)
                told = answer.structured_content
                if told is None:
                    return json.loads(text)
                return told["result"] if set(told) == {"result"} else told

            await use(call)

    with ThreadPoolExecutor(1) as thread:  # tests of the page leave a loop running in this one
        thread.submit(asyncio.run, talk()).result()


def test_an_agent_marks_a_script_tunes_it_and_explains_what_came_of_it() -> None:
    async def use(call: Call) -> None:
        assert "+lr = 0.01  # hpo: loguniform" in (await call("propose_marks", path="train.py"))["diff"]
        marks = {"2": "loguniform(1e-5, 0.1)", "3": "randint(1, 32)"}
        shown = await call("edit_marks", path="train.py", marks=marks)
        assert Path("train.py").read_text() == PLAIN
        assert list(shown["space"]) == ["lr", "units"]
        await call("edit_marks", path="train.py", marks=marks, write=True)
        assert "units = 8  # hpo: randint(1, 32)\n" in Path("train.py").read_text()
        found = await call("show_marks", path="train.py")
        assert [p["name"] for p in found["parameters"]] == ["lr", "units"]
        plan = await call("dry_run", script="train.py", options=["--seed", "1"])
        assert len(plan["configurations"]) == 5
        assert await call("list_experiments") == []
        started = await call(
            "run", script="train.py", max_trials=12, options=["--seed", "1", "--tag", "agent"]
        )
        name = started["experiment"]
        stands = await call("watch", id=name, seconds=60)
        assert (stands["status"], stands["trials"]) == ("done", {"succeeded": 12})
        assert [e["id"] for e in await call("list_experiments", tag="agent")] == [name]
        told = await call("explain", id=name)
        assert "better than the script's own values" in told["in_words"][0]
        assert told["importance"]["units"] > 0.9
        assert (await call("list_trials", best=1))[0]["number"] == told["best"]["trial"]
        assert [t["number"] for t in await call("list_trials", last=2)] == [10, 11]
        assert (await call("trial_log", number=0))["stdout"] == ["lr is 0.01"]
        assert "-units = 8" in (await call("apply_best"))["diff"]
        await call("apply_best", write=True)
        assert f"units = {told['best']['parameters']['units']}  # hpo:" in Path("train.py").read_text()

    with_client(use)


def test_marks_pass_the_validator_and_only_comments_change() -> None:
    async def use(call: Call) -> None:
        for marks, said in (
            ({"2": "loguniform(0, 1)"}, "needs it above 0"),
            ({"2": "loguniforn(1e-5, 1)"}, "loguniform"),
            ({"99": "uniform(0, 1)"}, "has no line 99"),
            ({"two": "uniform(0, 1)"}, "lines are numbers"),
            ({"2": "uniform(0, 1)\nimport os"}, "would change the code"),
        ):
            with pytest.raises(LookupError, match=said):
                await call("edit_marks", path="train.py", marks=marks, write=True)
            assert Path("train.py").read_text() == PLAIN
        with pytest.raises(LookupError, match="there is no experiment"):
            await call("explain")
        with pytest.raises(LookupError, match="the search space is empty"):
            await call("run", script="train.py", max_trials=1)

    with_client(use)


def test_a_running_experiment_is_steered() -> None:
    async def use(call: Call) -> None:
        Path("slow.py").write_text(
            "import hpo, time\nx = 0.5  # hpo: uniform(0, 1)\ntime.sleep(0.2)\nhpo.report_final_result(x)\n"
        )
        name = (await call("run", script="slow.py", max_trials=1000))["experiment"]
        assert await call("enqueue", id=name, values={"x": 0.125}) == {"x": 0.125}
        assert (await call("watch", id=name, seconds=1))["status"] == "running"
        await call("stop", id=name)
        assert (await call("watch", id=name, seconds=60))["status"] == "stopped"
        assert 0.125 in [t["parameters"]["x"] for t in await call("list_trials", id=name, last=100)]
        await call("update", id=name, settings={"max_trials": 1})
        assert (await call("resume", id=name))["experiment"] == name
        assert (await call("watch", id=name, seconds=60))["status"] == "done"

    with_client(use)


def test_a_wrong_command_line_is_told_to_the_agent() -> None:
    async def use(call: Call) -> None:
        with pytest.raises(LookupError, match="--on-finish"):
            await call("run", script="train.py", max_trials=1, options=["--on-finish"])
        with pytest.raises(LookupError, match="printed no JSON"):
            await call("dry_run", script="--help")

    with_client(use)


def test_without_the_extra_it_says_how_to_get_it() -> None:
    from importlib.util import find_spec

    if find_spec("mcp") is not None:
        pytest.skip("mcp is installed")
    done = subprocess.run([sys.executable, "-m", "hpo", "mcp"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'hpo-annotate[mcp]'" in done.stderr


def test_where_nothing_succeeded_the_agent_is_told_where_to_look() -> None:
    Path("train.py").write_text("x = 1.0  # hpo: uniform(0, 2)\nraise SystemExit('it diverged')\n")
    hpo("run", "train.py", "--max-trials", "2", "--retries", "1", code=1)

    async def use(call: Call) -> None:
        told = await call("explain")
        assert told["in_words"] == [
            "No trial has succeeded: look at trial_log of one that failed.",
            "2 trials failed.",
        ]
        assert (told["best"]["trial"], told["importance"], told["at_the_edge"]) == (None, {}, {})
        for asked, attempt in ((0, 2), (1, 1), (2, 2)):
            log = await call("trial_log", number=1, attempt=asked)
            assert (log["stderr"][-1], log["attempt"]) == ("it diverged", attempt)
        with pytest.raises(LookupError, match=r"has had no attempt 3[^0-9]*2 attempts"):
            await call("trial_log", number=1, attempt=3)
        with pytest.raises(LookupError, match="has no trial 99"):
            await call("trial_log", number=99)

    with_client(use)


def test_where_a_script_has_no_values_of_its_own_the_best_is_no_gain() -> None:
    Path("train.py").write_text("import hpo\nv = hpo.get_next_parameter()\nhpo.report_final_result(v['x'])\n")
    Path("space.json").write_text(
        '{"x": {"_type": "randint", "_value": [1, 3]}, "k": {"_type": "choice", "_value": ["a", "b"]}}'
    )
    hpo("run", "train.py", "--space", "space.json", "--max-trials", "4", "--tuner", "GridSearch")

    async def use(call: Call) -> None:
        told = await call("explain")
        assert told["in_words"][0] == f"The best is 2 (trial {told['best']['trial']})."
        assert told["at_the_edge"] == {}

    with_client(use)
