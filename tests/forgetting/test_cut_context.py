"""Where positions restart, and that a teacher then can't recite."""

import pytest
import torch

from core.errors import UserError
from core.models.taught import taught_logits
from core.signal.signal import MemorySlice, TeacherSignal, TopK
from forgetting.cut_context import CutContext

NOTHING = TopK(torch.zeros(0, 1, dtype=torch.long), torch.zeros(0, 1), torch.zeros(0))


def slice_of(flagged_BT: torch.Tensor) -> MemorySlice:
    score_BT = flagged_BT.float()
    return MemorySlice(score_BT[:, 1:].flatten(), flagged_BT[:, 1:].flatten(), NOTHING, score_BT)


def cut(flagged: list[int], positions: list[int], **settings: float) -> list[int]:
    positions_BT = torch.tensor([positions])
    batch = {"input_ids": torch.arange(len(positions))[None], "position_ids": positions_BT}
    memory = slice_of(torch.tensor([[bool(f) for f in flagged]]))
    edited = CutContext(**settings).edit_teacher_batch(batch, memory, torch.Generator())  # type: ignore[arg-type]
    assert torch.equal(edited["input_ids"], batch["input_ids"])
    assert positions_BT.tolist() == [positions], "the student's batch stays"
    return edited["position_ids"][0].tolist()


def test_positions_restart_inside_of_a_run_and_at_other_rows() -> None:
    assert cut([0, 0, 1, 1, 1, 1, 1, 0, 0], [*range(7), 0, 1], num_tokens=2) == [
        *(0, 1, 0, 1, 0, 1, 0),
        *(0, 1),
    ]


def test_what_follows_in_the_row_goes_on_from_the_last_restart() -> None:
    assert cut([0, 1, 1, 1, 0, 0], [*range(6)], num_tokens=3) == [0, 0, 1, 2, 3, 4]


def test_two_flagged_rows_side_by_side_are_two_runs() -> None:
    assert cut([1, 1, 1, 1], [0, 1, 0, 1], num_tokens=8) == [0, 1, 0, 1]


def test_at_strength_0_nothing_is_cut() -> None:
    assert cut([1, 1, 1, 1], [0, 1, 2, 3], num_tokens=1, strength=0.0) == [0, 1, 2, 3]


def test_what_the_teacher_says_hangs_on_the_last_tokens_alone(make_llama) -> None:
    model = make_llama(seed=0).eval()
    ids_BT = torch.tensor([[5, 6, 7, 8, 9, 10, 11, 12], [25, 26, 27, 28, 29, 10, 11, 12]])
    batch = {"input_ids": ids_BT, "position_ids": torch.arange(8).expand(2, 8), "labels": ids_BT}
    memory = slice_of(torch.tensor([[False] + [True] * 7] * 2))

    def said(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        read = batch["input_ids"], batch["position_ids"], batch["labels"]
        return taught_logits(model, *read).view(2, 7, -1)[:, -1]

    whole, behind = said(batch)
    assert not torch.allclose(whole, behind), "five tokens of their contexts differ"
    edited = CutContext(num_tokens=2).edit_teacher_batch(batch, memory, torch.Generator())
    whole, behind = said(edited)
    torch.testing.assert_close(whole, behind)


def test_fewer_than_one_token_is_refused() -> None:
    with pytest.raises(UserError, match="CutContext: num_tokens must be 1 or more"):
        CutContext(num_tokens=0)


def test_the_text_is_no_label_at_flagged_tokens() -> None:
    memory = slice_of(torch.tensor([[False, True, False, True]]))
    ones_N = torch.ones(3)
    signal = TeacherSignal(None, ones_N, ones_N)
    edited = CutContext(strength=0.75).edit_signal(signal, {}, memory, torch.Generator())
    assert edited.label_weight_N.tolist() == [0.25, 1.0, 0.25]
