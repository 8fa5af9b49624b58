"""What stands in for CUDA's graphs in tests on the CPU: a replay takes the step once more."""

from torch import Tensor

from sigtune.training.graphed_step import Step


class StepRecorder:
    """Notes what is asked of it. As on a GPU a capture runs nothing; a replay reads what then lies there."""

    def __init__(self, error: str = "") -> None:
        self.error = error
        self.warmed_up = 0
        self.captured = 0
        self.replayed = 0

    def warm_up(self, step: Step) -> Tensor:
        self.warmed_up += 1
        return step()

    def capture(self, step: Step) -> Step:
        if self.error:
            raise RuntimeError(self.error)
        self.captured += 1

        def replay() -> Tensor:
            self.replayed += 1
            return step()

        return replay
