"""A trial as tuners and the store share it. `hpo.trial` and `hpo` have the names, too."""

from __future__ import annotations

from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Metric", "Trial", "TrialState"]


class TrialState(str, Enum):
    """Where a trial stands. The last five are final."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EARLY_STOPPED = "early_stopped"
    USER_CANCELED = "user_canceled"
    SYSTEM_CANCELED = "system_canceled"

    @property
    def is_final(self) -> bool:
        """Whether a trial in this state has ended."""
        return self not in (TrialState.WAITING, TrialState.RUNNING)


class Metric:
    """One intermediate result: `value` at `step`; `data` is the whole of it, where it was a dict."""

    __slots__ = ("data", "step", "value")

    def __init__(self, step: int, value: float, data: dict[str, Any] | None = None) -> None:
        self.step = step
        self.value = value
        self.data = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Metric) and (self.step, self.value) == (other.step, other.value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Metric(step={self.step}, value={self.value!r})"


class Trial:
    """One configuration on its way through an experiment.

    Attributes:
        number: from 0, in the order of proposal; a trial that is run again keeps it.
        parameters: the configuration: flat, JSON values, active parameters only.
        state: where it stands.
        value: the final result, a finite number, once it succeeded.
        data: the whole of the final result, where it was a dict; kept for classes of the user's own.
        intermediate: the results on the way, in order.
        failure: for a failed trial, its kind: ``exception``, ``exit``, ``signal``, ``oom``, ``timeout``,
            ``no_result``, ``bad_value`` or ``lost``.
        memo: what the tuner must remember about it, as JSON; stored with the trial. Of its keys an
            experiment knows ``budget``, a number of passes, which is handed to the trial (see `fidelity`);
            ``continues``, the number of an ended trial whose files its folder begins with, so that it goes
            on from the other's checkpoint; ``checkpoints``, the two folders that scripts for NNI's PBT load
            from and save to; and, to show them, ``rung`` and ``parent``;
            ``handed``, the values that the trial is given in the place of its parameters.
    """

    __slots__ = ("data", "failure", "intermediate", "memo", "number", "parameters", "state", "value")

    def __init__(
        self,
        number: int,
        parameters: dict[str, Any],
        *,
        state: TrialState = TrialState.WAITING,
        value: float | None = None,
        memo: dict[str, Any] | None = None,
    ) -> None:
        self.number = number
        self.parameters = parameters
        self.state = state
        self.value = value
        self.data: dict[str, Any] | None = None
        self.intermediate: list[Metric] = []
        self.failure: str | None = None
        self.memo: dict[str, Any] = {} if memo is None else memo

    def __repr__(self) -> str:
        return f"Trial({self.number}, {self.parameters!r}, state={self.state.value!r}, value={self.value!r})"
