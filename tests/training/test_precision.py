import pytest
import torch

from sigtune.training.precision import chosen_precision


@pytest.mark.parametrize("name", ["32-true", "bf16-mixed", "64-true"])
def test_a_precision_by_name_is_taken_as_it_is(name: str) -> None:
    assert chosen_precision(name, gpus=0) == name


@pytest.mark.parametrize(
    ("capabilities", "gpus", "chosen"),
    [
        ({"amx_bf16": True}, 0, "bf16-mixed"),
        ({"amx_bf16": True}, 1, "32-true"),
        ({"amx_bf16": False, "avx512_bf16": True}, 0, "32-true"),
        ({"neon": True}, 0, "32-true"),
    ],
)
def test_auto_is_bfloat16_where_the_cpu_multiplies_matrices_in_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], gpus: int, chosen: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert chosen_precision("auto", gpus) == chosen
