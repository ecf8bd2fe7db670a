"""What a model can be used for is tried, not taken from its name."""

import copy
from collections.abc import Callable

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    BloomConfig,
    CohereConfig,
    DeepseekV3Config,
    FalconH1Config,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GraniteConfig,
    JambaConfig,
    LlamaConfig,
    Mamba2Config,
    MambaConfig,
    MixtralConfig,
    ModernBertDecoderConfig,
    MptConfig,
    OpenAIGPTConfig,
    Phi3Config,
    PretrainedConfig,
    PreTrainedModel,
    RecurrentGemmaConfig,
    RobertaConfig,
    RwkvConfig,
)

from core.errors import UserError
from core.models import gate
from core.models.gate import Traits, check_packed, check_plain_head, traits_of
from core.models.generate import greedy
from core.models.loading import context_of
from evals.recall.forward import text_logits
from evals.recall.likelihood import score_answers

VOCAB = 40
SIZES = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
STATE = {"vocab_size": VOCAB, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}
LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4}
EXPERTS = {"moe_intermediate_size": 16, "n_routed_experts": 4, "num_experts_per_tok": 2}
LONG = {"rope_type": "longrope", "short_factor": [1.0] * 4, "long_factor": [4.0, 5.0, 6.0, 7.0]}
MAMBA = {"mamba_d_state": 8, "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_n_groups": 1}
SEPARATE = {"plain_head", "apart", "padded_right", "padded_left", "keeps", "shares"}

# Of each architecture what it can't be used for, as stock transformers 5 has it.
Make = Callable[[], PretrainedConfig]
MODELS: dict[str, tuple[Make, set[str]]] = {
    "llama": (lambda: LlamaConfig(**SIZES), set()),
    "tiny context": (lambda: LlamaConfig(**SIZES, max_position_embeddings=6), set()),
    "one token at most after two": (
        lambda: GPT2Config(vocab_size=VOCAB, n_embd=32, n_layer=2, n_head=2, n_positions=4),
        set(),
    ),
    "other frequencies for all beside a long text": (
        lambda: Phi3Config(
            **SIZES,
            max_position_embeddings=64,
            original_max_position_embeddings=8,
            rope_parameters={**LONG, "rope_theta": 1e4, "original_max_position_embeddings": 8},
        ),
        set(),
    ),
    "slopes up to a length": (
        lambda: MptConfig(vocab_size=VOCAB, d_model=32, n_heads=4, n_layers=2, max_seq_len=10),
        {"apart"},
    ),
    "sliding window": (lambda: Gemma3TextConfig(**SIZES, head_dim=8, sliding_window=4), set()),
    "experts": (lambda: MixtralConfig(**SIZES, num_local_experts=4), set()),
    "latent attention": (
        lambda: DeepseekV3Config(
            **{**SIZES, "num_key_value_heads": 4, "v_head_dim": 8, "n_group": 1, "topk_group": 1},
            **LATENT,
            **EXPERTS,
            first_k_dense_replace=1,
        ),
        set(),
    ),
    "a head of several layers": (
        lambda: ModernBertDecoderConfig(
            **{k: v for k, v in SIZES.items() if k != "num_key_value_heads"},
            **{"cls_token_id": 0, "sep_token_id": 0},
        ),
        set(),
    ),
    "capped logits": (lambda: Gemma2Config(**SIZES, head_dim=8), {"plain_head"}),
    "scaled logits": (lambda: CohereConfig(**SIZES), {"plain_head"}),
    "divided logits": (lambda: GraniteConfig(**SIZES, logits_scaling=4.0), {"plain_head"}),
    "divided by one": (lambda: GraniteConfig(**SIZES), set()),
    "no positions": (lambda: BloomConfig(vocab_size=VOCAB, hidden_size=32, n_head=2), {"apart"}),
    "no cache": (
        lambda: OpenAIGPTConfig(vocab_size=VOCAB, n_embd=32, n_layer=2, n_head=2),
        {"apart", "shares"},
    ),
    "a state": (lambda: MambaConfig(**STATE), {"apart", "shares"}),
    "a state in heads": (
        lambda: Mamba2Config(**STATE, num_heads=4, head_dim=16, n_groups=1, chunk_size=4),
        {"apart", "shares"},
    ),
    "a state and attention": (
        lambda: JambaConfig(
            **SIZES,
            **{"attn_layer_period": 2, "attn_layer_offset": 1, "mamba_d_state": 8},
            **{"use_mamba_kernels": False, "mamba_dt_rank": 4, "num_experts": 2},
        ),
        {"apart", "shares"},
    ),
    "a state beside attention, scaled": (
        lambda: FalconH1Config(
            **SIZES, **MAMBA, head_dim=8, mamba_d_ssm=64, lm_head_multiplier=0.5
        ),
        {"plain_head", "apart"},
    ),
    "a state that reads padding": (
        lambda: RwkvConfig(vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2),
        {"apart", "padded_left", "shares"},
    ),
    "a state and a window": (
        lambda: RecurrentGemmaConfig(
            **{**SIZES, "num_hidden_layers": 3}, head_dim=8, lru_width=32, attention_window_size=4
        ),
        {"plain_head", "apart", "padded_left", "shares"},
    ),
}


def build(config: PretrainedConfig) -> PreTrainedModel:
    """Random weights; also where an architecture begins with zeros."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn(weight.shape) / 10)
    return model


@pytest.fixture(params=MODELS)
def case(request: pytest.FixtureRequest) -> tuple[PreTrainedModel, set[str]]:
    make, cannot = MODELS[request.param]
    return build(make()), cannot


@torch.no_grad()
def alone(model: PreTrainedModel, text: list[int]) -> torch.Tensor:
    return model(input_ids=torch.tensor([text]), use_cache=False).logits[0]


def test_what_a_model_cannot_be_used_for_is_found(case) -> None:
    model, cannot = case
    traits = traits_of(model)
    assert {name for name in SEPARATE if not getattr(traits, name)} == cannot
    assert not model.training


def test_scores_and_texts_are_the_models_own(case) -> None:
    """Whatever it can't be used for, evaluation agrees with its own logits, one text at a time."""
    model, _ = case
    context = context_of(model) or 64
    generator = torch.Generator().manual_seed(3)

    def draw(length: int) -> list[int]:
        return torch.randint(1, VOCAB, (length,), generator=generator).tolist()

    prompts = [draw(min(length, context - 2)) for length in (7, 3, 7, 10, 5)]
    pairs = [(p, draw(length)) for p in prompts for length in (1, 2)]
    with torch.no_grad():
        scored = score_answers(model, pairs, tokens_per_batch=64)
    for (prompt, answer), score in zip(pairs, scored, strict=True):
        logprob_TV = alone(model, prompt + answer).log_softmax(-1)
        own = sum(logprob_TV[len(prompt) - 1 + n, t].item() for n, t in enumerate(answer))
        assert score.logprob == pytest.approx(own, abs=1e-3)
    for index, logits_TV in text_logits(model, prompts):
        torch.testing.assert_close(logits_TV, alone(model, prompts[index]), rtol=0, atol=1e-3)
    lengths = [min(6, context - len(prompt) + 1) for prompt in prompts]
    for prompt, length, said in zip(prompts, lengths, greedy(model, prompts, lengths), strict=True):
        text = list(prompt)
        for _ in range(length):
            text.append(int(alone(model, text)[-1].argmax()))
        assert said == text[len(prompt) :]


@pytest.mark.parametrize(
    ("kind", "context"),
    [
        ("other frequencies for all beside a long text", 8),
        ("slopes up to a length", 10),
        ("a state", None),
    ],
)
def test_the_context_is_what_it_reads_alike_in_any_batch(kind: str, context: int | None) -> None:
    assert context_of(build(MODELS[kind][0]())) == context


def test_a_table_of_positions_that_begins_with_the_paddings_holds_fewer_of_a_text() -> None:
    sizes = {k: v for k, v in SIZES.items() if k not in ("num_key_value_heads", "pad_token_id")}
    config = RobertaConfig(**sizes, is_decoder=True, pad_token_id=1, max_position_embeddings=10)
    model = build(config)
    assert context_of(model) == 8
    [scored] = score_answers(model, [([5] * 7, [6])], tokens_per_batch=64)
    own = alone(model, [5] * 7 + [6])[6].log_softmax(-1)[6].item()
    assert scored.logprob == pytest.approx(own, abs=1e-4)
    with pytest.raises((IndexError, RuntimeError)):
        alone(model, [5] * 9)


def test_greedy_in_a_batch_is_what_generate_says(case) -> None:
    model, _ = case
    prompts = [[5, 6, 7], [8], [9, 10]]
    said = greedy(model, prompts, [2] * 3)
    settings = {"max_new_tokens": 2, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    for prompt, own in zip(prompts, said, strict=True):
        ids = torch.tensor([prompt])
        stock = model.generate(ids, attention_mask=torch.ones_like(ids), **settings)
        assert stock[0, len(prompt) :].tolist() == own


def test_training_refuses_in_one_line_what_it_cannot_use() -> None:
    capped, state = build(MODELS["capped logits"][0]()), build(MODELS["a state"][0]())
    with pytest.raises(UserError, match=r"the teacher \(Gemma2ForCausalLM\) makes its logits by"):
        check_packed(capped, "the teacher")
    with pytest.raises(UserError, match=r"MambaForCausalLM\) lets the texts .* see each other"):
        check_packed(state, "the teacher")
    check_plain_head(state, "the student")
    check_packed(build(MODELS["a head of several layers"][0]()), "the teacher")


def test_a_model_that_looks_ahead_is_refused() -> None:
    sizes = {k: v for k, v in SIZES.items() if k != "num_key_value_heads"}
    with pytest.raises(UserError, match="BertLMHeadModel isn't causal"):
        traits_of(build(BertConfig(**sizes)))
    assert traits_of(build(BertConfig(**sizes, is_decoder=True))).plain_head


def test_a_cap_shows_on_weights_that_never_reach_it() -> None:
    """As of a student before training, whose logits grow into it."""
    model = build(Gemma2Config(**SIZES, head_dim=8, final_logit_softcapping=30.0))
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(1e-4)
    assert not traits_of(model).plain_head


def test_a_kind_is_tried_once_and_a_diverged_model_tells_nothing(monkeypatch) -> None:
    monkeypatch.setattr(gate, "KNOWN", {})
    model = build(RwkvConfig(vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2))
    broken = copy.deepcopy(model)
    with torch.no_grad():
        broken.get_output_embeddings().weight.fill_(float("nan"))
    assert traits_of(broken) == Traits() and not gate.KNOWN
    found = traits_of(model)
    monkeypatch.setattr(gate, "_tried", lambda _: pytest.fail("it is known"))
    assert traits_of(copy.deepcopy(model)) is found and not found.padded_left
