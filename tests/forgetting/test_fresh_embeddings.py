"""The start: token embeddings drawn afresh, the layers as they were."""

import torch

from forgetting.fresh_embeddings import FreshEmbeddings


def start(student, **options: float):
    before = {name: weight.detach().clone() for name, weight in student.named_parameters()}
    FreshEmbeddings(**options).prepare_student(student, torch.Generator().manual_seed(0))
    return before, {name: weight.detach() for name, weight in student.named_parameters()}


def test_only_token_embeddings_change(make_llama) -> None:
    before, after = start(make_llama(hidden_size=64))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"model.embed_tokens.weight"}


def test_nothing_of_a_token_is_left_but_what_all_share(make_llama) -> None:
    student = make_llama(hidden_size=64)
    with torch.no_grad():
        student.get_input_embeddings().weight.add_(torch.linspace(-1, 1, 64))
    before, after = start(student)
    old, new = (found["model.embed_tokens.weight"] for found in (before, after))
    torch.testing.assert_close(new.mean(0), old.mean(0))
    rests = torch.stack([(old - old.mean(0)).flatten(), (new - new.mean(0)).flatten()])
    assert abs(torch.corrcoef(rests)[0, 1]) < 0.1


def test_less_strength_keeps_a_share(make_llama) -> None:
    before, after = start(make_llama(hidden_size=64), strength=0.4)
    old, new = (found["model.embed_tokens.weight"] for found in (before, after))
    old, new = old - old.mean(0), new - new.mean(0)
    torch.testing.assert_close(
        (new * old).sum() / (old * old).sum(), torch.tensor(0.6), atol=0.05, rtol=0
    )


def test_tied_embeddings_stay_tied_and_output_embeddings_of_their_own_go_too(make_llama) -> None:
    tied = make_llama()
    start(tied)
    assert tied.lm_head.weight is tied.model.embed_tokens.weight
    before, after = start(make_llama(tie_word_embeddings=False))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"model.embed_tokens.weight", "lm_head.weight"}
