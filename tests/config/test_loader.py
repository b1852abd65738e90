"""Experiment files of both generations become one configuration; every mistake is said at its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from hpo.config.loader import load
from hpo.config.model import Algorithm, Config
from hpo.errors import ConfigError, Diagnostic, UsageError
from hpo.space import SearchSpace

FIXTURES = Path(__file__).parent / "fixtures"
SPACE = '{"lr": {"_type": "uniform", "_value": [0, 1]}}'

V1 = """\
trainingServicePlatform: local
searchSpacePath: space.json
trial:
  command: python train.py
  codeDir: .
tuner:
  builtinTunerName: Random
  classArgs: {optimize_mode: maximize}
"""
V2 = """\
searchSpaceFile: space.json
trialCommand: python train.py
tuner:
  name: Random
  classArgs: {optimize_mode: maximize}
trainingService:
  platform: local
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes an experiment file beside a search space, and names it relatively."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.json").write_text(SPACE)

    def write(text: str, name: str = "config.yml") -> Path:
        Path(name).write_text(dedent(text), encoding="utf-8")
        return Path(name)

    return write


def mistakes(path: Path, **options: object) -> tuple[Diagnostic, ...]:
    with pytest.raises(ConfigError) as raised:
        load(path, **options)  # type: ignore[arg-type]
    return raised.value.diagnostics


def mistake(path: Path) -> Diagnostic:
    (only,) = mistakes(path)
    return only


def marked(diagnostic: Diagnostic) -> str:
    """Return the text over the caret."""
    assert diagnostic.source is not None
    end = diagnostic.end_column if diagnostic.end_line == diagnostic.line else None
    return diagnostic.source[diagnostic.column - 1 : end and end - 1]


class TestTheSeed:
    def test_the_v1_file_reads_as_it_stands(self) -> None:
        config = load(FIXTURES / "config.yml")
        assert config.name == "example_mnist"
        assert config.command == "python test_nni.py"
        assert config.code_directory == FIXTURES.resolve()
        assert config.tuner == Algorithm(name="TPE")
        assert (config.direction, config.trial_concurrency, config.max_trials) == ("maximize", 1, 20)
        assert (config.max_duration, config.gpus_per_trial, config.use_annotation) == (3600, 0, False)
        assert config.space is not None
        assert list(config.space) == ["batch_size", "hidden_size", "lr", "momentum"]
        assert config.notes == ()

    def test_the_one_that_asks_for_gpus_reads_whole(self) -> None:
        config = load(FIXTURES / "config_gpu.yml")
        assert (config.gpus_per_trial, config.gpu_indices, config.max_trials_per_gpu) == (1, (0, 3), 2)
        assert (config.use_active_gpu, config.direction, config.max_duration) == (False, None, 86400)
        log_dir, direction = config.notes
        assert log_dir.startswith("logDir has no effect here: experiments are kept in $HPO_HOME")
        assert direction == "tuner.classArgs has no optimize_mode: TPE will minimize, its default"


class TestBothGenerations:
    def test_they_say_the_same(self, write: Write) -> None:
        first = write(
            """\
            authorName: someone
            experimentName: digits
            trialConcurrency: 4
            maxExecDuration: 90m
            maxTrialDuration: 30s
            maxTrialNum: 12
            trainingServicePlatform: local
            searchSpacePath: space.json
            useAnnotation: false
            seed: 7
            tuner:
              builtinTunerName: TPE
              classArgs: {optimize_mode: minimize, tpe_args: {gamma: 0.1}}
            trial: {command: python train.py, codeDir: ., gpuNum: 2}
            localConfig: {gpuIndices: "0,3", maxTrialNumPerGpu: 2, useActiveGpu: true}
            """,
            "v1.yml",
        )
        second = write(
            """\
            experimentName: digits
            trialConcurrency: 4
            maxExperimentDuration: 5400
            maxTrialDuration: 0.5m
            maxTrialNumber: 12
            searchSpace: {lr: {_type: uniform, _value: [0, 1]}}
            useAnnotation: no
            trialCommand: python train.py
            trialGpuNumber: 2
            tuner:
              name: tpe
              classArgs: {optimize_mode: minimize, seed: 7, tpe_args: {gamma: 1e-1}}
            trainingService: {platform: local, gpuIndices: [0, 3], maxTrialNumberPerGpu: 2, useActiveGpu: yes}
            """,
            "v2.yml",
        )
        assert load(first) == load(second)
        assert load(first).tuner == Algorithm(name="TPE", class_args={"tpe_args": {"gamma": 0.1}})
        assert load(first).seed == 7

    @pytest.mark.parametrize("text", [V1, V2])
    def test_what_is_left_out_keeps_its_default(self, write: Write, text: str) -> None:
        kept = {"trial_concurrency", "max_trials", "max_duration", "gpus_per_trial", "seed", "notes"}
        assert load(write(text)).model_dump(include=kept) == Config().model_dump(include=kept)

    def test_case_and_underscores_do_not_matter(self, write: Write) -> None:
        text = V2.replace("trialCommand", "trial_command").replace("classArgs", "CLASS_ARGS")
        assert load(write(text)) == load(write(V2, "other.yml"))

    def test_arguments_and_parameters_keep_their_spelling(self, write: Write) -> None:
        space = "searchSpace: {Batch_Size: {_type: choice, _value: [1, 2]}}"
        config = load(write(V2.replace("searchSpaceFile: space.json", space)))
        assert config.space == SearchSpace.from_json({"Batch_Size": {"_type": "choice", "_value": [1, 2]}})

    def test_the_training_service_may_hold_the_trials_fields_and_wins(self, write: Write) -> None:
        assert load(write(V2 + "  trialCommand: python other.py\n")).command == "python other.py"

    def test_a_list_of_one_training_service_is_that_one(self, write: Write) -> None:
        text = V2.replace("  platform: local", "  - platform: local\n    trialGpuNumber: 1")
        assert load(write(text)).gpus_per_trial == 1

    def test_null_is_as_good_as_left_out(self, write: Write) -> None:
        assert load(write(V2 + "maxTrialNumber:\nassessor: null\n")).max_trials is None

    def test_json_will_do(self, write: Write) -> None:
        text = '{\n\t"trialCommand": "python train.py",\n\t"searchSpaceFile": "space.json"\n}'
        assert load(write(text, "config.json")).command == "python train.py"

    def test_an_advisor_is_a_tuner(self, write: Write) -> None:
        advised = V1.replace("tuner:", "advisor:").replace("builtinTunerName", "builtinAdvisorName")
        assert load(write(advised)) == load(write(V1, "other.yml"))

    @pytest.mark.parametrize("written", ["0,3", "'0, 3'", "[0, 3]"])
    def test_gpu_indices_are_written_in_three_ways(self, write: Write, written: str) -> None:
        text = V2 + f"  gpuIndices: {written}\n  trialGpuNumber: 1\n"
        assert load(write(text)).gpu_indices == (0, 3)
        assert load(write(text.replace(written, "3"))).gpu_indices == (3,)

    @pytest.mark.parametrize(
        "written", ["{acc: max, loss: min}", "[acc:max, loss:min]", "[acc: max, loss: min]"]
    )
    def test_objectives_are_written_in_three_ways(self, write: Write, written: str) -> None:
        assert load(write(f"{V2}objectives: {written}\n")).objectives == ("acc:max", "loss:min")

    def test_anchors_and_merges_are_followed(self, write: Write) -> None:
        text = "base: &b {platform: local, useActiveGpu: true}\n" + V2.replace(
            "  platform: local", "  <<: *b"
        )
        unknown = mistake(write(text))
        assert unknown.message == "there is no field base"
        inline = V2.replace("{optimize_mode: maximize}", "&a {optimize_mode: maximize}")
        assert load(write(inline)).direction == "maximize"

    def test_paths_are_relative_to_the_file(self, write: Write, tmp_path: Path) -> None:
        (tmp_path / "code").mkdir()
        (tmp_path / "conf").mkdir()
        text = V1.replace("codeDir: .", "codeDir: ../code").replace("space.json", "../space.json")
        config = load(write(text, "conf/config.yml"))
        assert config.code_directory == tmp_path / "code"
        assert config.space is not None


class TestNotes:
    @pytest.mark.parametrize(
        ("line", "note"),
        [
            ("nniManagerIp: 10.0.0.1", "nniManagerIp has no effect here: trials report through files"),
            ("logCollection: http", "logCollection has no effect here: each trial's output is kept"),
            ("logLevel: debug", "logLevel has no effect here"),
            ("debug: true", "debug has no effect here"),
            ("machineList: [{ip: 10.0.0.1}]", "machineList has no effect here: trials run on this machine"),
            ("localConfig: {useActiveGpu: true}", "localConfig.useActiveGpu has no effect: the trials ask"),
        ],
    )
    def test_a_field_without_meaning_says_what_takes_its_place(
        self, write: Write, line: str, note: str
    ) -> None:
        (only,) = load(write(V1 + line + "\n")).notes
        assert only.startswith(note)

    @pytest.mark.parametrize(
        "line",
        [
            "authorName: me", "description: text", "versionCheck: true", "multiThread: true", "debug: false",
            "multiPhase: false", "logLevel: info", "logCollection: none",
        ],
    )  # fmt: skip
    def test_what_nobody_misses_goes_without_a_note(self, write: Write, line: str) -> None:
        assert load(write(V1 + line + "\n")).notes == ()

    def test_the_tuners_own_direction_is_said_unless_an_option_gives_one(self, write: Write) -> None:
        path = write(V2.replace("  classArgs: {optimize_mode: maximize}\n", ""))
        assert load(path).notes == (
            "tuner.classArgs has no optimize_mode: Random will maximize, its default",
        )
        assert load(path, given={"direction"}).notes == ()


class TestOptions:
    def test_what_options_give_need_not_be_in_the_file(self, write: Write) -> None:
        path = write("tuner: {name: Random, classArgs: {optimize_mode: minimize}}\n")
        assert load(path, given={"command"}).command is None

    def test_a_space_given_as_an_option_spares_the_files(self, write: Write) -> None:
        path = write(V2.replace("space.json", "nowhere.json"))
        assert load(path, given={"space"}).space is None

    def test_they_replace_the_files_settings(self, write: Write) -> None:
        config = load(write(V2 + "maxTrialNumber: 3\n")).override(max_trials=9, use_annotation=True)
        assert (config.max_trials, config.space, config.use_annotation) == (9, None, True)

    def test_a_space_replaces_reading_marks(self, write: Write) -> None:
        path = write(V2.replace("searchSpaceFile: space.json", "useAnnotation: true"))
        space = SearchSpace.from_json({"x": {"_type": "uniform", "_value": [0, 1]}})
        assert load(path).override(space=space).use_annotation is False

    def test_a_value_that_cannot_be_is_refused(self) -> None:
        with pytest.raises(UsageError, match="--concurrency takes 1 or more, not 0"):
            Config().override(trial_concurrency=0)


class TestWrongFields:
    @pytest.mark.parametrize(
        ("line", "at", "message", "help_"),
        [
            (
                "maxTrialNumbr: 3",
                "maxTrialNumbr",
                "there is no field maxTrialNumbr",
                "did you mean maxTrialNumber?",
            ),
            (
                "trialConcurrency: 2000000",
                "2000000",
                "trialConcurrency takes 1000000 or less, not 2000000",
                "write 1000000 or less",
            ),
            (
                "platform: local",
                "platform",
                "there is no field platform",
                "its place is trainingService.platform",
            ),
            (
                "colour: red",
                "colour",
                "there is no field colour",
                "remove it; docs/configuration.md lists the fields",
            ),
            (
                "maxTrialNumber: five",
                "five",
                'maxTrialNumber takes a whole number, not "five"',
                "write a whole number",
            ),
            (
                "maxTrialNumber: '5'",
                "'5'",
                'maxTrialNumber takes a whole number, not "5"',
                "remove the quotes: 5",
            ),
            ("maxTrialNumber: 5.0", "5.0", "maxTrialNumber takes a whole number, not 5.0", "write 5"),
            (
                "maxTrialNumber: true",
                "true",
                "maxTrialNumber takes a whole number, not true",
                "write a whole number",
            ),
            ("maxTrialNumber: 0", "0", "maxTrialNumber takes 1 or more, not 0", "write 1 or more"),
            (
                "trialConcurrency: [1]",
                "[1]",
                "trialConcurrency takes a whole number, not a list",
                "write a whole number",
            ),
            ("experimentName: 7", "7", "experimentName takes a text, not 7", 'put it in quotes: "7"'),
            (
                "useAnnotation: maybe",
                "maybe",
                'useAnnotation takes true or false, not "maybe"',
                "write true or false",
            ),
            (
                "maxTrialDuration: 5x",
                "5x",
                'maxTrialDuration takes a duration, not "5x"',
                "write 30s, 10m, 1h30m, 2d, or seconds above 0",
            ),
            (
                "maxExperimentDuration: -1",
                "-1",
                "maxExperimentDuration takes a duration, not -1",
                "write 30s, 10m, 1h30m, 2d, or seconds above 0",
            ),
            (
                "logLevel: warn",
                "warn",
                'logLevel takes trace, debug, info, warning, error or fatal, not "warn"',
                "did you mean warning?",
            ),
            ("experimentType: nas", "nas", 'experimentType takes hpo, not "nas"', "write hpo"),
            ("advisor: BOHB", "BOHB", 'advisor takes a mapping, not "BOHB"', "write a mapping"),
            (
                "trialCodeDirectory: ''",
                "''",
                "trialCodeDirectory takes a text that is not empty, not an empty one",
                "write a text that is not empty",
            ),
            (
                "tunerGpuIndices: 0,0",
                "0,0",
                'tunerGpuIndices takes the indices of GPUs, each once, not "0,0"',
                "write gpuIndices: 0,3 or [0, 3]",
            ),
            (
                "trial_command: python b.py",
                "trial_command",
                "trialCommand and trial_command are the same field",
                "remove one of the two",
            ),
            (
                "trialCommand: python b.py",
                "trialCommand",
                "trialCommand is given twice",
                "remove one of the two",
            ),
        ],
    )
    def test_each_is_said_at_its_place(
        self, write: Write, line: str, at: str, message: str, help_: str
    ) -> None:
        found = mistake(write(V2 + line + "\n"))
        assert (found.message, found.help) == (message, help_)
        assert (found.file, found.line, marked(found)) == ("config.yml", V2.count("\n") + 1, at)

    def test_a_field_inside_a_mapping_has_its_whole_name(self, write: Write) -> None:
        found = mistake(write(V1.replace("codeDir: .", "codeDir: .\n  gpuNumm: 1")))
        assert (found.message, found.help) == ("there is no field trial.gpuNumm", "did you mean gpuNum?")

    def test_a_part_of_several_gpus_cannot_be_had(self, write: Write) -> None:
        (found,) = mistakes(write(f"{V2}trialGpuNumber: 1.5\n"))
        assert found.message == "trialGpuNumber takes a part of one GPU, or whole ones, not 1.5"

    def test_a_file_that_holds_no_settings(self, write: Write) -> None:
        (found,) = mistakes(write("- 1\n- 2\n"))
        assert found.message == "the file holds no settings"

    def test_pythons_none_is_jsons_null_and_a_key_is_given_once(self, write: Write) -> None:
        (found,) = mistakes(write('{"experimentName": None}', "config.json"))
        assert (found.message, found.help) == ("None is no JSON value", "write null")
        found, *_ = mistakes(write('{"trialCommand": "true", "trialCommand": "false"}', "config.json"))
        assert (found.message, found.help) == ("trialCommand is given twice", "remove one of the two")

    @pytest.mark.parametrize("written", ["{acc: biggest, loss: least}", "[acc: biggest, loss: least]"])
    def test_each_wrong_objective_is_said_once(self, write: Write, written: str) -> None:
        first, second = mistakes(write(f"{V2}objectives: {written}\n"))
        assert first.message == "objectives.0: 'acc:biggest' is no objective"
        assert second.message == "objectives.1: 'loss:least' is no objective"

    def test_all_mistakes_come_in_one_run_in_the_order_of_their_lines(self, write: Write) -> None:
        text = """\
            trialCommand: python train.py
            trialConcurrency: zero
            searchSpace:
              lr: {_type: unifrom, _value: [0, 1]}
              depth: {_type: randint, _value: [5, 1]}
            maxTrialNumbr: 3
            trialCodeDirectory: nowhere
            tuner: {name: TPEE, classArgs: {optimize_mode: up}}
            """
        assert [(d.line, d.code) for d in mistakes(write(text))] == [
            (2, "HPO504"), (4, "HPO511"), (5, "HPO511"), (6, "HPO503"), (7, "HPO508"), (8, "HPO510"),
            (8, "HPO504"),
        ]  # fmt: skip

    def test_the_text_is_the_documented_one(self, write: Write) -> None:
        text = str(mistake(write(V2 + "logLevel: warn\n")))
        assert text == (
            "config.yml:8:11: error: logLevel takes trace, debug, info, warning, error or fatal, "
            'not "warn" [HPO504]\n'
            "    logLevel: warn\n"
            "              ^^^^\n"
            "  help: did you mean warning?"
        )


class TestMixedGenerations:
    def test_both_are_named_and_the_fields_twin_is_the_cure(self, write: Write) -> None:
        found = mistake(write(V1 + "maxTrialNumber: 3\n"))
        assert found.code == "HPO505"
        assert found.message == (
            "maxTrialNumber belongs to NNI's v2 schema, and trainingServicePlatform to its v1"
        )
        assert found.help == "v1 calls it maxTrialNum"
        assert marked(found) == "maxTrialNumber"
        assert [(p.line, p.column) for p in found.related] == [(1, 1)]

    def test_a_nested_field_counts_too(self, write: Write) -> None:
        found = mistake(write(V2.replace("name: Random", "builtinTunerName: Random")))
        assert (found.message, found.help) == (
            "tuner.builtinTunerName belongs to NNI's v1 schema, and searchSpaceFile to its v2",
            "v2 calls it tuner.name",
        )

    def test_a_field_without_a_twin_is_to_go(self, write: Write) -> None:
        assert mistake(write(V2 + "versionCheck: true\n")).help == "v2 has no such field"


class TestContradictions:
    def test_annotation_and_a_space_exclude_each_other(self, write: Write) -> None:
        found = mistake(write(V1 + "useAnnotation: true\n"))
        assert found.code == "HPO506"
        assert (found.line, marked(found)) == (2, "searchSpacePath")

    def test_a_space_is_given_once(self, write: Write) -> None:
        found = mistake(write(V2 + "searchSpace: {lr: {_type: uniform, _value: [0, 1]}}\n"))
        assert found.message == "searchSpaceFile and searchSpace both give the space"

    def test_an_advisor_excludes_a_tuner(self, write: Write) -> None:
        found = mistake(write(V2 + "advisor: {name: Random, classArgs: {optimize_mode: maximize}}\n"))
        assert found.message == "an advisor is a tuner, and there is a tuner as well"

    def test_two_seeds_exclude_each_other(self, write: Write) -> None:
        text = V2.replace("{optimize_mode: maximize}", "{optimize_mode: maximize, seed: 1}") + "seed: 2\n"
        assert mistake(write(text)).message == "the tuner's seed is 1, and the experiment's 2"
        assert load(write(text.replace("seed: 2", "seed: 1"))).seed == 1


class TestWhatIsMissing:
    @pytest.mark.parametrize(
        ("text", "help_"),
        [
            (V1.replace("  command: python train.py\n", ""), "give trial.command: python train.py"),
            (V2.replace("trialCommand: python train.py\n", ""), "give trialCommand: python train.py"),
        ],
    )
    def test_a_command(self, write: Write, text: str, help_: str) -> None:
        found = mistake(write(text))
        assert (found.code, found.message, found.help) == ("HPO507", "there is no command to run", help_)

    def test_a_space_where_annotation_is_off(self, write: Write) -> None:
        found = mistake(write(V2.replace("searchSpaceFile: space.json", "useAnnotation: false")))
        assert (found.message, marked(found)) == (
            "there is no search space, and useAnnotation is false", "useAnnotation",
        )  # fmt: skip

    def test_without_a_word_on_annotation_the_marks_decide(self, write: Write) -> None:
        assert load(write(V2.replace("searchSpaceFile: space.json\n", ""))).use_annotation is None

    def test_the_tuners_name(self, write: Write) -> None:
        found = mistake(write(V2.replace("  name: Random\n", "")))
        assert (found.code, found.message) == ("HPO507", "the tuner has no name")

    def test_the_search_space_file(self, write: Write) -> None:
        found = mistake(write(V2.replace("space.json", "nowhere.json")))
        assert (found.code, marked(found)) == ("HPO508", "nowhere.json")
        assert found.message == "nowhere.json cannot be read: No such file or directory"

    def test_the_code_directory(self, write: Write) -> None:
        found = mistake(write(V1.replace("codeDir: .", "codeDir: nowhere")))
        assert (found.code, found.message, marked(found)) == (
            "HPO508", "there is no folder nowhere", "nowhere",
        )  # fmt: skip

    def test_the_file_itself(self) -> None:
        with pytest.raises(UsageError, match=r"nowhere\.yml cannot be read: No such file") as raised:
            load(Path("nowhere.yml"))
        assert raised.value.exit_code == 2

    def test_gpus_that_an_option_asks_for_make_the_files_choice_of_gpus_count(self, write: Write) -> None:
        path = write(V1 + "localConfig: {useActiveGpu: true}\n")
        assert load(path, given={"gpus_per_trial"}).notes == ()


class TestWhatIsNotHere:
    @pytest.mark.parametrize("platform", ["remote", "pai", "kubeflow", "AML", "paiYarn", "dlts"])
    def test_another_platform_of_v1_runs_here_and_a_note_says_so(self, write: Write, platform: str) -> None:
        text = V1.replace("local", platform).replace("codeDir: .", "codeDir: .\n  image: i\n  cpuNum: 4")
        config = load(write(text + "machineList: [{ip: 10.0.0.1}]\n"))
        assert config.command == "python train.py"
        machines, where = config.notes
        assert where.startswith("trainingServicePlatform has no effect here: the trials run on this machine")
        assert machines.startswith("machineList has no effect here")

    @pytest.mark.parametrize(
        "service",
        [
            "platform: remote\n  machineList: [{host: 10.0.0.1, user: me, ssh_key_file: k}]",
            "platform: openpai\n  host: h\n  token: t\n  trialMemorySize: 8GB\n  reuseMode: true",
            "platform: frameworkcontroller\n  taskRoles: [{name: worker}]\n  debug: {any: thing}",
        ],
    )
    def test_another_platform_of_v2_runs_here_and_a_note_says_so(self, write: Write, service: str) -> None:
        (note,) = load(write(V2.replace("platform: local", service))).notes
        assert note.startswith("trainingService.platform has no effect here: the trials run on this machine")

    @pytest.mark.parametrize(
        "text",
        [
            V1.replace("local", "kubeflow").replace(
                "command: python train.py",
                "ps: {command: no}\n  worker: {command: python train.py, replicas: 1}",
            ),
            V2.replace("trialCommand: python train.py\n", "").replace(
                "local", "frameworkcontroller\n  taskRoles: [{name: worker, command: python train.py}]"
            ),
        ],
    )
    def test_a_containers_command_is_that_of_the_role_that_works(self, write: Write, text: str) -> None:
        assert load(write(text)).command == "python train.py"

    @pytest.mark.parametrize("by", ["the file", "the environment", "an option"])
    def test_where_a_ray_cluster_is_named_it_runs_there(
        self, write: Write, by: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = V2.replace("platform: local", "platform: remote\n  machineList: [{host: 10.0.0.1}]")
        if by == "the environment":
            monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
        config = load(
            write(text + ("rayAddress: 10.0.0.1:6379\n" if by == "the file" else "")),
            given=["ray_address"] if by == "an option" else [],
        )
        assert config.engine == "ray"
        (note,) = config.notes
        assert note.startswith("trainingService.platform is remote: the trials run on the Ray cluster")

    def test_an_address_names_the_engine_and_an_engine_says_more(self, write: Write) -> None:
        assert load(write(V2 + "rayAddress: auto\n")).engine == "ray"
        assert load(write(V2 + "rayAddress: auto\nengine: local\n")).engine == "local"
        assert load(write(V2)).override(ray_address="auto").engine == "ray"

    def test_what_is_wrong_beside_it_is_still_said(self, write: Write) -> None:
        found = mistake(write(V2.replace("platform: local", "platform: aml\nmaxTrialNumbr: 3")))
        assert found.help == "did you mean maxTrialNumber?"

    def test_of_several_training_services_this_machine_is_taken(self, write: Write) -> None:
        services = "  - platform: aml\n    computeTarget: t\n  - platform: local\n    trialGpuNumber: 0"
        config = load(write(V2.replace("  platform: local", services)))
        assert config.gpus_per_trial == 0
        assert config.notes == ("trainingService: several are listed; the trials run on this machine",)

    def test_a_platform_that_nobody_knows(self, write: Write) -> None:
        found = mistake(write(V2.replace("platform: local", "platform: locl")))
        assert (found.code, found.help) == ("HPO504", "did you mean local?")

    def test_multi_phase(self, write: Write) -> None:
        assert mistake(write(V1 + "multiPhase: true\n")).message == "multiPhase takes false, not true"


class TestTuners:
    @pytest.mark.parametrize("name", ["GPTuner", "gp", "GP"])
    def test_nnis_longer_names_are_known(self, write: Write, name: str) -> None:
        assert load(write(V1.replace("Random", name))).tuner == Algorithm(name="GP")

    def test_an_unknown_one_is_refused_at_its_name(self, write: Write) -> None:
        found = mistake(write(V1.replace("Random", "Rndom")))
        assert (found.code, marked(found)) == ("HPO510", "Rndom")
        assert found.help is not None
        assert "did you mean Random?" in found.help

    @pytest.mark.parametrize("name", ["PPOTuner", "NetworkMorphism", "RegularizedEvolutionTuner"])
    def test_one_for_architectures_is_refused_as_such(self, write: Write, name: str) -> None:
        found = mistake(write(V1.replace("Random", name)))
        assert "it is for neural architectures" in str(found.help)

    @pytest.mark.parametrize("name", ["TPE", "TPE_legacy", "tpe_legacy"])
    @pytest.mark.parametrize(
        ("old", "liar"),
        [
            ("parallel_optimize: true, constant_liar_type: max", "worst"),
            ("parallel_optimize: true", "best"),
            ("parallel_optimize: false", None),
        ],
    )
    def test_the_arguments_of_nnis_first_tpe_are_those_of_today(
        self, write: Write, name: str, old: str, liar: str | None
    ) -> None:
        text = V2.replace("Random", name).replace("{optimize_mode: maximize}", f"{{{old}}}")
        expected = Algorithm(name="TPE", class_args={"tpe_args": {"constant_liar_type": liar}})
        assert load(write(text)).tuner == expected

    def test_those_of_anneal_are_noted(self, write: Write) -> None:
        old = "{optimize_mode: maximize, parallel_optimize: true, constant_liar_type: min}"
        text = V2.replace("Random", "Anneal").replace("{optimize_mode: maximize}", old)
        loaded = load(write(text))
        assert loaded.tuner == Algorithm(name="Anneal")
        assert any("parallel_optimize has no effect" in note for note in loaded.notes)

    def test_a_liar_that_nni_has_not_is_refused(self, write: Write) -> None:
        old = "{parallel_optimize: true, constant_liar_type: maximum}"
        text = V2.replace("Random", "TPE").replace("{optimize_mode: maximize}", old)
        with pytest.raises(ConfigError):
            load(write(text))

    def test_the_arguments_of_nnis_example_of_tpe_are_taken(self, write: Write) -> None:
        arguments = (
            "{optimize_mode: maximize, seed: 12345, tpe_args: {constant_liar_type: mean, n_startup_jobs: 10, "
            "n_ei_candidates: 20, linear_forgetting: 100, prior_weight: 0, gamma: 0.5}}"
        )
        text = V2.replace("Random", "TPE").replace("{optimize_mode: maximize}", arguments)
        read = load(write(text)).tuner
        assert read is not None
        assert read.class_args["tpe_args"]["prior_weight"] == 0

    @pytest.mark.parametrize(
        ("arguments", "at", "message"),
        [
            ("{optimize_mode: up}", "up", "optimize_mode takes maximize or minimize, not 'up'"),
            ("{optimise_mode: maximize}", "maximize", "TPE has no argument 'optimise_mode'"),
            ("{tpe_args: {gama: 1}}", "{gama: 1}", "TPE: tpe_args has no argument 'gama'"),
            ("{seed: -1}", "-1", "seed takes a whole number of 0 or more, not -1"),
        ],
    )
    def test_its_arguments_are_checked_at_their_places(
        self, write: Write, arguments: str, at: str, message: str
    ) -> None:
        text = V2.replace("Random", "TPE").replace("{optimize_mode: maximize}", arguments)
        found = mistake(write(text))
        assert (found.message, marked(found)) == (message, at)


class TestSpaces:
    def test_a_mistake_in_the_file_is_said_there(self, write: Write) -> None:
        path = write(V1)
        write('{\n  "lr": {\n    "_type": "uniform",\n    "_value": [1, 0]\n  }\n}\n', "space.json")
        found = mistake(path)
        assert (found.file, found.line, marked(found)) == ("space.json", 4, "1")
        assert found.message.startswith("lr: ")

    def test_a_mistake_in_the_configuration_is_said_there(self, write: Write) -> None:
        space = "searchSpace:\n  lr:\n    _type: uniform\n    _value: [0, x]"
        found = mistake(write(V2.replace("searchSpaceFile: space.json", space)))
        assert (found.file, found.line, marked(found)) == ("config.yml", 4, "x")

    def test_a_condition_is_said_at_its_place(self, write: Write) -> None:
        path = write(V1)
        write('{"lr": {"_type": "uniform", "_value": [0, 1], "_when": {"opt": ["sgd"]}}}', "space.json")
        assert marked(mistake(path)) == '["sgd"]'

    def test_a_constraint_is_read_and_its_mistake_said_at_its_place(self, write: Write) -> None:
        path = write(V1)
        uniform = '"lr": {"_type": "uniform", "_value": [0, 1]}'
        write(f'{{{uniform}, "_constraints": ["lr < 0.5"]}}', "space.json")
        space = load(path).space
        assert space is not None
        assert [str(c) for c in space.constraints] == ["lr < 0.5"]
        write(f'{{{uniform}, "_constraints": ["lr > 0.5", "rl < 0.5"]}}', "space.json")
        assert marked(mistake(path)) == '"rl < 0.5"'

    def test_an_empty_one_is_none(self, write: Write) -> None:
        assert mistake(write(V2.replace("searchSpaceFile: space.json", "searchSpace: {}"))).code == "HPO511"

    def test_yaml_will_do(self, write: Write) -> None:
        path = write(V1.replace("space.json", "space.yml"))
        write("lr: # the learning rate\n  _type: loguniform\n  _value: [1e-5, 1e-1]\n", "space.yml")
        assert load(path).space == SearchSpace.from_json(
            {"lr": {"_type": "loguniform", "_value": [1e-5, 1e-1]}}
        )
