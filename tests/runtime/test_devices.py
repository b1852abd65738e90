"""GPUs through NVIDIA's own bindings, on a stand-in for its library that is compiled here."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

IDLE = "0 16000 15500 -"
BUSY = "0 16000 9000 4711"
FULL = "0 16000 900 -"
LOST = "15 16000 15500 -"

PREAMBLE = """
import os
from hpo.errors import DeviceError
from hpo.runtime.devices import GpuPool

def now(*gpus):
    with open(os.environ["STANDIN_NVML"], "w") as file:
        file.write("\\n".join(["0", *gpus]))
"""


class Machine:
    """A machine with such GPUs, and processes on it."""

    def __init__(self, library: Path, state: Path) -> None:
        self.library, self.state = library, state

    def run(self, code: str, *gpus: str, status: int = 0, **environment: str) -> list[str]:
        """Run code in a new process where NVML tells of these GPUs; return the lines it printed."""
        self.state.write_text("\n".join([str(status), *gpus]))
        variables = {k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
        variables |= {"LD_LIBRARY_PATH": str(self.library), "STANDIN_NVML": str(self.state), **environment}
        command = [sys.executable, "-c", PREAMBLE + textwrap.dedent(code)]
        done = subprocess.run(command, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def refusal(self, arguments: str, *gpus: str, **options: object) -> str:
        """Return what the error says when a pool with these arguments is made."""
        code = f"""
            try:
                GpuPool({arguments})
            except DeviceError as error:
                print(error, "|", error.help)
            """
        (line,) = self.run(code, *gpus, **options)  # type: ignore[arg-type]
        return line


@pytest.fixture
def machine(nvml: Path, tmp_path: Path) -> Machine:
    return Machine(nvml, tmp_path / "gpus")


class TestAsking:
    def test_a_machine_without_a_driver_is_told_at_once(self, machine: Machine, tmp_path: Path) -> None:
        machine.library = tmp_path
        (tmp_path / "libnvidia-ml.so.1").touch()  # in front of a real one, where there is one
        said = machine.refusal("(0, 3), 1, 2, False")
        assert said.startswith(
            "the experiment asks for 1 GPU per trial, and this machine has none: no NVIDIA driver was found"
        )
        assert "gpuNum: 0" in said
        assert "--gpus-per-trial 0" in said

    def test_a_driver_that_is_not_loaded_or_sees_no_gpu_is_told(self, machine: Machine) -> None:
        assert "this machine has none: NVIDIA's driver says: Driver Not Loaded" in machine.refusal(
            "None, 2, 1, False", status=9
        )
        assert "2 GPUs per trial, and this machine has none: NVIDIA's driver sees no GPU" in machine.refusal(
            "None, 2, 1, False"
        )

    def test_gpus_that_are_not_there_are_named_with_those_that_are(self, machine: Machine) -> None:
        said = machine.refusal("(0, 3), 1, 1, False", IDLE, IDLE)
        assert "asks for GPUs 0, 3, and this machine has no GPU 3" in said
        assert "it has GPU 0 (Stand-in 0), GPU 1 (Stand-in 1) | name GPUs that are there" in said
        assert "this machine has no GPU 2" in machine.refusal("(1, 2), 1, 1, False", IDLE, IDLE)

    def test_more_gpus_a_trial_than_may_be_used_are_refused(self, machine: Machine) -> None:
        assert "asks for 2 GPUs per trial and may use only GPU 1" in machine.refusal(
            "(1, 1), 2, 1, False", IDLE, IDLE
        )

    @pytest.mark.parametrize("count", ["1.5", "0", "-1"])
    def test_a_trial_gets_a_part_of_one_gpu_or_whole_ones(self, machine: Machine, count: str) -> None:
        assert f"asks for {count} GPUs per trial | a trial gets a part of" in machine.refusal(
            f"None, {count}, 1, False", IDLE
        )

    def test_the_bindings_are_loaded_only_when_gpus_are_asked_for(self, machine: Machine) -> None:
        code = """
            import sys
            print("pynvml" in sys.modules)
            GpuPool(None, 1, 1, False)
            print("pynvml" in sys.modules)
            """
        assert machine.run(code, IDLE) == ["False", "True"]


class TestHanding:
    def test_each_trial_gets_gpus_of_its_own_until_they_run_out(self, machine: Machine) -> None:
        code = """
            pool = GpuPool(None, 1, 1, False)
            print(pool.acquire(0), pool.acquire(1), pool.acquire(2), pool.acquire(3))
            pool.release(1)
            print(pool.acquire(3), pool.acquire(4))
            """
        assert machine.run(code, IDLE, IDLE, IDLE) == ["(0,) (1,) (2,) None", "(1,) None"]

    def test_only_the_named_ones_are_used(self, machine: Machine) -> None:
        code = "pool = GpuPool((3, 1), 1, 1, False); print(*map(pool.acquire, range(3)))"
        assert machine.run(code, *[IDLE] * 4) == ["(1,) (3,) None"]

    def test_a_trial_of_several_gets_all_or_waits(self, machine: Machine) -> None:
        code = "pool = GpuPool(None, 2, 1, False); print(*map(pool.acquire, range(2)))"
        assert machine.run(code, *[IDLE] * 3) == ["(0, 1) None"]

    def test_trials_share_a_gpu_as_often_as_allowed_the_emptiest_first(self, machine: Machine) -> None:
        code = "pool = GpuPool(None, 1, 2, False); print(*map(pool.acquire, range(5)))"
        assert machine.run(code, IDLE, IDLE) == ["(0,) (1,) (0,) (1,) None"]

    @pytest.mark.parametrize(
        ("part", "limit", "fitting"),
        [("0.5", 1, 2), ("0.3", 1, 3), ("0.1", 1, 10), ("0.1", 4, 4), ("0.1", 2, 2)],
    )
    def test_a_part_of_a_gpu_lets_as_many_share_it_as_fit(
        self, machine: Machine, part: str, limit: int, fitting: int
    ) -> None:
        code = f"""
            pool = GpuPool(None, {part}, {limit}, False)
            print([pool.acquire(trial) for trial in range(12)].count((0,)))
            """
        assert machine.run(code, IDLE) == [str(fitting)]

    def test_the_users_own_cuda_visible_devices_is_respected(self, machine: Machine) -> None:
        code = "pool = GpuPool(None, 1, 1, False); print(*map(pool.acquire, range(3)))"
        assert machine.run(code, *[IDLE] * 4, CUDA_VISIBLE_DEVICES="3, 1") == ["(1,) (3,) None"]
        assert machine.run(code, *[IDLE] * 4, CUDA_VISIBLE_DEVICES="GPU-abcd0002") == ["(2,) None None"]
        assert machine.run(code, *[IDLE] * 4, CUDA_VISIBLE_DEVICES="1,-1,2") == ["(1,) None None"]
        assert "CUDA_VISIBLE_DEVICES='' leaves none of this machine's 1 GPU" in machine.refusal(
            "None, 1, 1, False", IDLE, CUDA_VISIBLE_DEVICES=""
        )

    def test_releasing_a_trial_that_holds_nothing_is_harmless(self, machine: Machine) -> None:
        code = "pool = GpuPool(None, 1, 1, False); pool.release(7); print(pool.acquire(0))"
        assert machine.run(code, IDLE) == ["(0,)"]


class TestOthers:
    def test_a_gpu_that_another_program_uses_is_left_to_it(self, machine: Machine) -> None:
        code = """
            pool = GpuPool(None, 1, 1, False)
            print(pool.acquire(0), pool.acquire(1))
            """
        assert machine.run(code, BUSY, IDLE) == ["(1,) None"]

    def test_it_is_taken_when_the_program_has_ended(self, machine: Machine) -> None:
        code = f"""
            pool = GpuPool(None, 1, 1, False)
            print(pool.acquire(0))
            now({IDLE!r})
            print(pool.acquire(0))
            """
        assert machine.run(code, BUSY) == ["None", "(0,)"]

    def test_it_is_taken_at_once_where_active_gpus_may_be_used(self, machine: Machine) -> None:
        assert machine.run("print(GpuPool(None, 1, 1, True).acquire(0))", BUSY) == ["(0,)"]

    def test_our_own_trials_keep_no_other_trial_from_sharing(self, machine: Machine) -> None:
        code = f"""
            pool = GpuPool(None, 1, 2, False)
            print(pool.acquire(0))
            now({BUSY!r})
            print(pool.acquire(1))
            """
        assert machine.run(code, IDLE) == ["(0,)", "(0,)"]

    def test_what_a_trial_left_behind_keeps_its_gpu_from_the_next(self, machine: Machine) -> None:
        code = f"""
            pool = GpuPool(None, 1, 1, False)
            pool.acquire(0)
            now({BUSY!r})
            pool.release(0)
            print(pool.acquire(1))
            """
        assert machine.run(code, IDLE) == ["None"]

    @pytest.mark.parametrize("use_active", [True, False])
    def test_a_gpu_that_others_have_filled_is_not_taken(self, machine: Machine, use_active: bool) -> None:
        code = f"print(*map(GpuPool(None, 1, 1, {use_active}).acquire, range(2)))"
        assert machine.run(code, FULL, IDLE) == ["(1,) None"]

    def test_a_share_of_a_gpu_needs_a_share_of_its_memory(self, machine: Machine) -> None:
        code = """
            pool = GpuPool(None, 1, 2, False)
            print(pool.acquire(0))
            now("0 16000 3000 4711")
            print(pool.acquire(1))
            now("0 16000 6000 4711")
            print(pool.acquire(1))
            """
        assert machine.run(code, IDLE) == ["(0,)", "None", "(0,)"]

    def test_of_equally_shared_gpus_the_one_with_more_memory_is_taken(self, machine: Machine) -> None:
        code = "print(GpuPool(None, 1, 1, False).acquire(0))"
        assert machine.run(code, "0 16000 9000 -", "0 16000 15000 -") == ["(1,)"]
        assert machine.run(code, "0 16000 15400 -", "0 16000 15500 -") == ["(0,)"]

    def test_a_gpu_that_cannot_tell_is_used(self, machine: Machine) -> None:
        assert machine.run("print(GpuPool(None, 1, 1, False).acquire(0))", "0 ? ? ?") == ["(0,)"]


class TestFaults:
    def test_an_error_of_one_gpu_pauses_that_one_only(self, machine: Machine) -> None:
        code = f"""
            pool = GpuPool(None, 1, 1, False)
            print(pool.acquire(0), pool.acquire(1))
            print(pool.waiting_reason())
            now({IDLE!r}, {IDLE!r})
            print(pool.acquire(1))
            """
        first, reason, then = machine.run(code, LOST, IDLE)
        assert first == "(1,) None"
        assert "GPU 0 does not answer (GPU is lost); GPU 1 runs a trial of this experiment" in reason
        assert then == "(0,)"

    @pytest.mark.parametrize(
        ("action", "needs"), [(1, "a reset"), (2, "a reboot"), (6, "a reset"), (7, "a reboot")]
    )
    def test_a_gpu_whose_memory_failed_pauses_until_it_was_reset(
        self, machine: Machine, action: int, needs: str
    ) -> None:
        code = f"""
            pool = GpuPool(None, 1, 1, False)
            print(pool.acquire(0), pool.acquire(1), pool.retry_after)
            print(pool.waiting_reason())
            now({IDLE!r}, {IDLE!r})
            print(pool.acquire(1))
            """
        first, reason, then = machine.run(code, f"{IDLE}!{action}", IDLE)
        assert first == "(1,) None 1.0"
        assert f"GPU 0 needs {needs} (nvidia-smi -q says more); GPU 1 runs a trial" in reason
        assert then == "(0,)"

    @pytest.mark.parametrize("action", [0, 3, 4, 5])
    def test_a_gpu_that_programs_can_use_before_its_reset_is_used(
        self, machine: Machine, action: int
    ) -> None:
        assert machine.run("print(GpuPool(None, 1, 1, False).acquire(0))", f"{IDLE}!{action}") == ["(0,)"]

    def test_bindings_or_drivers_that_know_nothing_of_recovery_are_not_asked(self, machine: Machine) -> None:
        code = """
            import pynvml
            pool = GpuPool(None, 1, 1, False)
            print(pool.acquire(0))
            pool.release(0)
            del pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION
            print(pool.acquire(0))
            """
        assert machine.run(code, IDLE) == ["(0,)"] * 2

    def test_a_gpu_that_vanished_pauses_that_one_only(self, machine: Machine) -> None:
        code = f"""
            pool = GpuPool(None, 1, 1, False)
            now({IDLE!r})
            print(pool.acquire(0), pool.acquire(1))
            """
        assert machine.run(code, IDLE, IDLE) == ["(0,) None"]


class TestWaiting:
    def test_it_says_for_what_and_since_when(self, machine: Machine) -> None:
        code = """
            from hpo.runtime.placement import Places
            places = Places(GpuPool(None, 2, 2, False))
            print(places.waiting_reason)
            places.acquire(0)
            print(places.waiting_reason)
            """
        before, reason = machine.run(code, IDLE, "0 16000 9000 11,12,13,14", FULL)
        assert before == "None"
        since, _, what = reason.removeprefix("a trial waits since ").partition(" for ")
        assert len(since) == len("12:34:56")
        assert what.startswith(
            "2 GPUs: GPU 1 is used by another program (process 11, 12, 13); GPU 2 has 6% of"
        )

    def test_it_waits_no_more_when_the_trial_got_its_gpu(self, machine: Machine) -> None:
        code = """
            pool = GpuPool(None, 1, 1, False)
            pool.acquire(0); pool.acquire(1); pool.release(0)
            print(pool.waiting_reason() is None, pool.acquire(1), pool.waiting_reason())
            """
        assert machine.run(code, IDLE) == ["False (0,) None"]

    def test_asking_again_is_worth_it_only_where_others_are_in_the_way(self, machine: Machine) -> None:
        code = f"""
            pool = GpuPool(None, 1, 1, False)
            print(pool.acquire(0), pool.acquire(1), pool.retry_after)
            pool.release(0)
            now({BUSY!r})
            print(pool.acquire(1), pool.retry_after)
            """
        assert machine.run(code, IDLE) == ["(0,) None None", "None 1.0"]
