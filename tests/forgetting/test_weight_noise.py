"""The start: matrices shrunk towards those of a fresh model, vectors as they were."""

import pytest
import torch

from core.errors import UserError
from core.models.loading import new_model
from forgetting.memory_sink import MemorySink
from forgetting.weight_noise import WeightNoise


def noised(make_llama, **options: float) -> tuple[dict, dict]:
    student = make_llama(hidden_size=64, intermediate_size=128)
    before = {name: weight.clone() for name, weight in student.named_parameters()}
    WeightNoise(**options).prepare_student(student, torch.Generator().manual_seed(0))
    return before, dict(student.named_parameters())


def test_matrices_are_shrunk_and_noised_and_vectors_kept(make_llama) -> None:
    before, after = noised(make_llama, strength=0.8, noise=0.6)
    fresh = dict(
        new_model(make_llama(hidden_size=64, intermediate_size=128).config, 5).named_parameters()
    )
    for name, old in before.items():
        new = after[name].detach()
        if old.dim() < 2:
            assert torch.equal(new, old)
            continue
        kept = (new * old).sum() / (old * old).sum()
        torch.testing.assert_close(kept, torch.tensor(0.2), atol=0.03, rtol=0)
        noise = (new - 0.2 * old).std() / fresh[name].std()
        torch.testing.assert_close(noise.detach(), torch.tensor(0.6 * 0.96**0.5), atol=0.03, rtol=0)


def test_at_full_strength_nothing_of_the_matrices_is_left(make_llama) -> None:
    before, after = noised(make_llama, strength=1.0)
    for name, old in before.items():
        if old.dim() >= 2:
            together = torch.stack([old.flatten(), after[name].detach().flatten()])
            assert abs(torch.corrcoef(together)[0, 1]) < 0.1


def test_what_a_fresh_model_is_born_with_is_there_in_full(make_llama) -> None:
    student = make_llama()
    student.config.embedding_std = 0.1
    WeightNoise(strength=1.0).prepare_student(student, torch.Generator().manual_seed(0))
    query, key = (
        getattr(student.model.layers[0].self_attn, name).weight for name in ("q_proj", "k_proj")
    )
    torch.testing.assert_close(query.norm() / key.norm(), torch.tensor(1.0), atol=0.2, rtol=0)
    assert query.std() > 1.2 * student.model.layers[1].self_attn.q_proj.weight.std()


def test_what_all_tokens_share_is_kept(make_llama) -> None:
    student = make_llama()
    embedding = student.get_input_embeddings().weight
    with torch.no_grad():
        embedding.add_(torch.linspace(-1, 1, embedding.shape[1]))
    shared, rest = embedding.mean(0), (embedding - embedding.mean(0)).std()
    WeightNoise(strength=0.8, noise=0.0).prepare_student(student, torch.Generator())
    torch.testing.assert_close(embedding.mean(0), shared)
    torch.testing.assert_close((embedding - embedding.mean(0)).std(), rest * 0.2)


def test_tied_weights_are_noised_once_and_stay_tied(make_llama) -> None:
    student = make_llama()
    old = student.lm_head.weight.detach().clone()
    WeightNoise(strength=0.5, noise=0.0).prepare_student(student, torch.Generator())
    assert student.lm_head.weight is student.model.embed_tokens.weight
    rest = old - old.mean(0)
    torch.testing.assert_close(student.lm_head.weight.detach(), old.mean(0) + rest * 0.5)


def test_a_student_that_was_reshaped_before_is_refused(make_llama) -> None:
    student = make_llama()
    MemorySink().prepare_student(student, torch.Generator())
    with pytest.raises(UserError, match="list weight_noise first"):
        WeightNoise().prepare_student(student, torch.Generator())


def test_parts_keep_more(make_llama) -> None:
    parts = {"self_attn": 0.5, "embed_tokens": 0.0}
    before, after = noised(make_llama, strength=0.8, noise=0.0, parts=parts)
    for name, old in before.items():
        if old.dim() < 2 or "embed_tokens" in name:
            torch.testing.assert_close(after[name], old)
        else:
            torch.testing.assert_close(after[name], old * (0.6 if "self_attn" in name else 0.2))


def test_a_misspelt_part_and_a_share_outside_its_range_are_named(make_llama) -> None:
    with pytest.raises(UserError, match="no such module; did you mean 'self_attn'"):
        noised(make_llama, parts={"self_atn": 0.5})
    with pytest.raises(UserError, match=r"parts.mlp must lie between 0 and 1, not 1.5"):
        WeightNoise(parts={"mlp": 1.5})
