"""The routes, as programs use them: what they answer, what they refuse, what they leave for the runner."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode
from starlette.testclient import TestClient

from hpo.runtime.home import take_lock
from hpo.runtime.store import Store

Make = Callable[..., Path]


def commands(directory: Path) -> list[dict[str, Any]]:
    found = sorted((directory / "commands").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(path.read_text()) for path in found]


def as_json(answer: Any) -> Any:
    assert answer.status_code < 400, answer.text
    return answer.json()


class TestReading:
    def test_experiments_are_listed_the_newest_first(self, page: TestClient, make: Make) -> None:
        assert as_json(page.get("/api/experiments")) == []
        make("one")
        make("two")
        assert [e["id"] for e in as_json(page.get("/api/experiments"))] == ["two", "one"]

    def test_trials_come_in_pages(self, page: TestClient, make: Make) -> None:
        make(trials=30)
        query = {"filter": "kernel=poly", "sort": "value", "descending": "true", "limit": "2", "offset": "1"}
        found = as_json(page.get("/api/experiments/digits/trials", params=query))
        assert [t["number"] for t in found["trials"]] == [25, 23]
        assert found["total"] == 15

    def test_a_trial_comes_with_its_curve_and_its_neighbours(self, page: TestClient, make: Make) -> None:
        make()
        found = as_json(page.get("/api/experiments/digits/trials/9"))
        assert found["failure"] == "exception"
        assert found["intermediate"] == [[0, 0.0], [1, 0.03], [2, 0.06]]
        assert found["baseline"]["number"] == 0

    def test_what_did_not_change_is_not_sent_again(self, page: TestClient, make: Make) -> None:
        directory = make()
        answer = page.get("/api/experiments/digits")
        tag = {"If-None-Match": answer.headers["etag"]}
        assert page.get("/api/experiments/digits", headers=tag).status_code == 304
        store = Store(directory, read_only=False)
        store.set_status("stopped")
        store.close()
        assert as_json(page.get("/api/experiments/digits", headers=tag))["status"] == "stopped"

    def test_an_answer_that_is_kept_no_longer_is_made_again(self, page: TestClient, make: Make) -> None:
        make()
        path = "/api/experiments/digits/trials"
        first = as_json(page.get(path, params={"limit": 1}))
        for limit in range(2, 60):
            assert len(as_json(page.get(path, params={"limit": limit}))["trials"]) == min(limit, 20)
        assert as_json(page.get(path, params={"limit": 1})) == first

    def test_of_few_results_no_importance_is_told(self, page: TestClient, make: Make) -> None:
        make("few", trials=4)
        make("many", trials=30)
        assert as_json(page.get("/api/experiments/few/importance")) == {"importance": {}}
        many = as_json(page.get("/api/experiments/many/importance"))["importance"]
        assert many.keys() == {"lr", "kernel", "degree"}

    def test_logs_come_in_pieces(self, page: TestClient, make: Make) -> None:
        folder = make() / "trials" / "3"
        folder.mkdir()
        (folder / "stdout.log").write_bytes(b"0123456789")
        path = "/api/experiments/digits/trials/3/logs/stdout"
        piece = page.get(path, params={"offset": 2, "limit": 3})
        assert (piece.content, piece.headers["x-offset"], piece.headers["x-size"]) == (b"234", "2", "10")
        assert page.get(path, params={"limit": 4}).content == b"6789"
        assert page.get(path, params={"offset": 99}).content == b""
        assert page.get(path.replace("/3/", "/4/")).headers["x-size"] == "0"

    def test_the_log_of_an_attempt_that_there_was_not_is_not_there(
        self, page: TestClient, make: Make
    ) -> None:
        folder = make() / "trials" / "3"
        folder.mkdir()
        (folder / "stdout.log").write_bytes(b"the last")
        (folder / "stdout.2.log").write_bytes(b"of nobody")
        path = "/api/experiments/digits/trials/3/logs/stdout"
        assert page.get(path, params={"attempt": 1}).content == b"the last"
        for missing in ({"attempt": 2}, {"attempt": 1, "run": 1}, {"attempt": 0}):
            assert page.get(path, params=missing).status_code in (404, 422)

    def test_what_is_not_there_is_said(self, page: TestClient, make: Make) -> None:
        make()
        for path in ("/api/experiments/none", "/api/experiments/digits/trials/99", "/api/comparison?id=none"):
            answer = page.get(path)
            assert answer.status_code == 404, path
            assert answer.json()["error"]
        assert page.get("/api/experiments/digits/source").status_code == 400
        assert page.get("/api/experiments/digits/figures/nothing").status_code == 422
        assert page.get("/api/experiments/digits/trials?filter=value>x").json()["help"]

    def test_what_is_damaged_is_told_apart_from_the_others(self, page: TestClient, make: Make) -> None:
        make()
        assert as_json(page.get("/api/damaged")) == []
        store = make("broken") / "experiment.db"
        store.write_bytes(b"no database" * 1000)
        assert [each["id"] for each in as_json(page.get("/api/experiments"))] == ["digits"]
        (told,) = as_json(page.get("/api/damaged"))
        assert f"{store} cannot be read" in told["error"]
        assert "hpo rescue broken" in told["help"]

    def test_a_damaged_store_is_an_answer(self, page: TestClient, make: Make) -> None:
        path = make() / "experiment.db"
        path.write_bytes(b"no database" * 100)
        assert page.get("/api/experiments/digits").status_code == 404
        assert as_json(page.get("/api/experiments")) == []

    @pytest.mark.parametrize(
        ("table", "column", "value"),
        [
            ("experiment", "config", b"\xff\xfe\x00"), ("experiment", "config", "[" * 100_000),
            ("experiment", "config", "{}"), ("experiment", "created", "{}"),
            ("experiment", "message", b"\xff"), ("experiment", "space", "[1]"),
            ("trial", "state", "unheard of"), ("trial", "device", b"\xff\xfe\x00"), ("trial", "value", "x"),
        ],
    )  # fmt: skip
    def test_a_store_that_we_did_not_write_hides_no_other(
        self, page: TestClient, make: Make, table: str, column: str, value: Any
    ) -> None:
        make("good")
        with contextlib.closing(sqlite3.connect(make("bad", 3) / "experiment.db")) as store:
            store.execute(f"UPDATE {table} SET {column} = ?", (value,))
            store.commit()
        assert [e["id"] for e in as_json(page.get("/api/experiments"))] == ["good"]
        assert page.get("/api/experiments/bad").status_code == 404

    def test_numbers_that_json_has_not_are_null(self, page: TestClient, make: Make) -> None:
        store = Store(make(), read_only=False)
        store.set_parameters(3, {"lr": float("inf"), "kernel": "\ud800".encode("utf-8", "replace").decode()})
        store.close()
        assert as_json(page.get("/api/experiments/digits/trials/3"))["parameters"]["lr"] is None


class TestSteering:
    def test_limits_wait_for_who_resumes(self, page: TestClient, make: Make) -> None:
        directory = make()
        changed = {"max_trials": 7, "max_duration": "10m", "concurrency": 3}
        assert as_json(page.patch("/api/experiments/digits", json=changed)) == {"effect": "when resumed"}
        settings = {"max_trials": 7, "max_duration": 600.0, "trial_concurrency": 3}
        assert commands(directory) == [{"do": "update", "settings": settings}]

    def test_all_limits_of_the_command_can_be_changed(self, page: TestClient, make: Make) -> None:
        directory = make()
        changed = {
            "stop_when": " value >= 0.9", "patience": 5, "max_failures": 4, "retries": 2,
            "max_trial_duration": "2m", "max_trial_silence": "10m", "max_trial_memory": "4G",
        }  # fmt: skip
        assert page.patch("/api/experiments/digits", json=changed).status_code == 202
        (command,) = commands(directory)
        expected = {"stop_when": "value >= 0.9", "max_trial_duration": 120.0, "max_trial_silence": 600.0}
        expected |= {"max_trial_memory": 4 << 30}
        assert command["settings"] == {**changed, **expected}

    def test_a_limit_can_be_taken_away(self, page: TestClient, make: Make) -> None:
        directory = make()
        assert page.patch("/api/experiments/digits", json={"max_trials": None}).status_code == 202
        assert commands(directory)[0]["settings"] == {"max_trials": None}

    @pytest.mark.parametrize(
        "changed",
        [
            {}, {"max_trials": 0}, {"max_trials": 1.5}, {"max_trials": "x"}, {"concurrency": 0}, [], "x",
            {"max_duration": "never"}, {"max_duration": -1}, {"max_duration": "nan"}, {"unknown": 1},
            {"concurrency": None}, {"retries": None}, {"patience": 0}, {"stop_when": "good"},
            {"max_trial_memory": "much"}, {"max_failures": 0}, {"max_trial_duration": "0s"},
            {"space": {"x": {"_type": "nothing", "_value": []}}}, {"space": {"x": 1}},
            {"space": {"\ud800": {"_type": "choice", "_value": [1]}}},
        ],
    )  # fmt: skip
    def test_what_makes_no_sense_is_refused_and_left_for_nobody(
        self, page: TestClient, make: Make, changed: Any
    ) -> None:
        directory = make()
        kind = {"Content-Type": "application/json"}
        answer = page.patch("/api/experiments/digits", content=json.dumps(changed), headers=kind)
        assert answer.status_code in (400, 422)
        assert answer.json()["error"]
        assert commands(directory) == []

    def test_a_new_space_is_left_for_the_runner(self, page: TestClient, make: Make) -> None:
        directory = make()
        space = {"lr": {"_type": "uniform", "_value": [0, 1]}}
        assert page.patch("/api/experiments/digits", json={"space": space}).status_code == 202
        assert commands(directory) == [{"do": "search", "space": space}]

    def test_what_somebody_else_changed_is_not_changed_back_unseen(
        self, page: TestClient, make: Make
    ) -> None:
        make()
        url = "/api/experiments/digits"
        space = as_json(page.get(f"{url}/space"))["json"]
        other = {**space, "lr": {"_type": "uniform", "_value": [0, 1]}}
        for first, second, seen in (
            ({"max_trials": 200}, {"max_trials": 300}, {"max_trials": 100}),
            ({"concurrency": 5}, {"concurrency": 3}, {"concurrency": 2}),
            ({"retries": 2}, {"retries": 1}, {"retries": None}),
            ({"space": other}, {"space": {"lr": other["lr"]}}, {"space": space}),
        ):
            assert page.patch(url, json={**first, "seen": seen}).status_code == 202
            refused = page.patch(url, json={**second, "seen": seen})
            assert refused.status_code == 409
            assert "elsewhere" in refused.json()["error"]
            assert page.patch(url, json={**second, "seen": first}).status_code == 202
        told = as_json(page.get(url))
        assert told["limits"]["max_trials"] == 300  # as it is to be, though no runner has obeyed yet
        assert told["concurrency"] == 3
        assert list(as_json(page.get(f"{url}/space"))["json"]) == ["lr"]

    def test_values_are_enqueued_with_what_was_left_out(self, page: TestClient, make: Make) -> None:
        directory = make()
        given = {"parameters": {"kernel": "poly", "lr": 0.5}}
        answer = as_json(page.post("/api/experiments/digits/trials", json=given))
        assert answer["parameters"] == {"lr": 0.5, "kernel": "poly", "degree": 3}
        assert commands(directory) == [{"do": "enqueue", "parameters": answer["parameters"]}]

    @pytest.mark.parametrize(
        "parameters", [{"lr": 7}, {"kernel": "none"}, {"nothing": 1}, {"lr": "x"}, {"lr": None}]
    )
    def test_values_outside_the_space_are_refused(
        self, page: TestClient, make: Make, parameters: Any
    ) -> None:
        directory = make()
        answer = page.post("/api/experiments/digits/trials", json={"parameters": parameters})
        assert answer.status_code == 400
        assert commands(directory) == []

    def test_a_trial_runs_again_as_a_trial_of_its_own(self, page: TestClient, make: Make) -> None:
        directory = make()
        assert page.post("/api/experiments/digits/trials/9/rerun", json={}).status_code == 202
        (command,) = commands(directory)
        assert command["do"] == "enqueue"
        assert command["parameters"]["degree"] == 2

    @pytest.mark.parametrize("path", ["/stop", "/trials/3/kill"])
    def test_what_does_not_run_cannot_be_stopped(self, page: TestClient, make: Make, path: str) -> None:
        directory = make()
        assert page.post(f"/api/experiments/digits{path}", json={}).status_code == 409
        assert commands(directory) == []

    def test_what_runs_does_not_go_on_and_what_has_ended_is_not_ended_again(
        self, page: TestClient, make: Make
    ) -> None:
        directory = make()
        with take_lock(directory):
            answer = page.post("/api/experiments/digits/resume", json={})
            assert (answer.status_code, answer.json()["error"]) == (409, "experiment digits runs already")
            answer = page.post("/api/experiments/digits/trials/3/kill", json={})
            assert (answer.status_code, answer.json()["error"]) == (409, "trial 3 has ended already")
        assert commands(directory) == []

    def test_what_cannot_go_on_says_why(self, page: TestClient, make: Make) -> None:
        make()  # the folder in which its trials run was never there
        answer = page.post("/api/experiments/digits/resume", json={})
        assert answer.status_code == 400
        assert "work is gone" in answer.json()["error"]
        assert "Traceback" not in answer.text


class TestDescription:
    def test_every_route_says_what_it_does(self, page: TestClient) -> None:
        description = as_json(page.get("/api/openapi.json"))
        for path, methods in description["paths"].items():
            for method, route in methods.items():
                assert route.get("description"), f"{method} {path}"
                assert {"401", "403"} <= route["responses"].keys(), f"{method} {path}"

    @pytest.mark.parametrize(
        ("mode", "examples"), [(GenerationMode.POSITIVE, "12"), (GenerationMode.NEGATIVE, "2")]
    )
    def test_whatever_is_asked_for_nothing_fails(
        self, page: TestClient, make: Make, mode: GenerationMode, examples: str
    ) -> None:
        """As the description has it, and as it has not."""
        make(trials=12)
        headers = dict(page.headers)
        schema = schemathesis.openapi.from_asgi("/api/openapi.json", page.app, headers=headers)
        tried = 0
        for result in schema.exclude(path="/api/changes").exclude(path_regex="/resume$").get_all_operations():
            operation = result.ok()
            has_input = operation.body or any(operation.iter_parameters())
            if mode is GenerationMode.NEGATIVE and not has_input:
                continue  # there is nothing to get wrong

            @settings(
                max_examples=int(os.environ.get("HPO_FUZZ_EXAMPLES", examples)),
                deadline=None,
                derandomize="HPO_FUZZ_EXAMPLES" not in os.environ,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(mode))
            def one(case: schemathesis.Case) -> None:
                nonlocal tried
                tried += 1
                if "id" in (case.path_parameters or {}) and tried % 2:
                    case.path_parameters["id"] = "digits"
                answer = case.call(headers=headers)
                assert answer.status_code < 500, f"{case.method} {case.formatted_path}: {answer.text}"

            one()
        assert tried > 15 * int(examples)
