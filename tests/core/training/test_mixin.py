"""Forgetting in somebody else's trainer: transformers' own, and TRL's."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from transformers import (
    AutoModelForCausalLM,
    DataCollatorForSeq2Seq,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

import conf
from core.config.build import build
from core.corpus.packing import unpack
from core.errors import UserError
from core.models.taught import taught_labels
from core.signal.live import LiveTeacher
from core.signal.row_memory import RowMemory
from core.training.distiller import Distiller
from core.training.mixin import ForgettingMixin
from core.training.regularizer import Regularizer
from forgetting.counterfactual_target import CounterfactualTarget
from forgetting.memory_sink import MemorySink
from forgetting.span_dropout import SpanDropout
from forgetting.stranger import Stranger
from forgetting.weight_noise import WeightNoise

SHIPPED = sorted(path.stem for path in (Path(conf.__file__).parent / "forgetting").glob("*.yaml"))
Make = Callable[..., Trainer]


class Forgetful(ForgettingMixin, Trainer):
    """What a user writes."""


@pytest.fixture
def documents(sequences: Dataset) -> Dataset:
    """A user's own rows: `input_ids` and `labels` of uneven lengths."""
    return unpack(sequences).select(range(24))


@pytest.fixture
def memory(sequences: Dataset, make_map) -> RowMemory:
    return RowMemory.of_map(sequences, make_map())


@pytest.fixture
def make(
    make_llama, toy_tokenizer, documents: Dataset, memory: RowMemory, tmp_path: Path
) -> Iterator[Make]:
    """A user's trainer on padded rows, three steps long."""

    def trainer(kind: type[Trainer] = Forgetful, *, settings: type = TrainingArguments, **options):
        arguments = {
            "output_dir": str(tmp_path / "out"),
            "max_steps": 3,
            "per_device_train_batch_size": 4,
            "learning_rate": 1e-2,
            "report_to": "none",
            "use_cpu": True,
            "save_strategy": "no",
            "disable_tqdm": True,
            **options.pop("args", {}),
        }
        defaults = {
            "model": make_llama(seed=1),
            "train_dataset": documents,
            "teacher": make_llama(seed=2),
            "memory_map": memory,
        }
        if settings is TrainingArguments:
            defaults["data_collator"] = DataCollatorForSeq2Seq(toy_tokenizer)
        return kind(args=settings(**arguments), **{**defaults, **options})

    yield trainer


def trained(trainer: Trainer) -> dict[str, torch.Tensor]:
    trainer.train()
    return {name: value.clone() for name, value in trainer.model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def shipped(name: str, configure, **changes: object) -> Regularizer:
    return build({**configure(f"forgetting=[{name}]").forgetting[name], **changes})


@pytest.mark.slow
def test_strength_zero_is_plain_distillation_bit_for_bit(make: Make, configure) -> None:
    plain = trained(make())
    ways = [shipped(name, configure, strength=0.0) for name in SHIPPED]
    off = [way for way in ways if not way.overrides("read_corpus")]  # that takes packed rows
    assert len(off) == len(SHIPPED) - 4
    assert same(trained(make(regularizers=off)), plain)
    assert not same(trained(make(regularizers=[SpanDropout()])), plain)
    assert not same(trained(make(teacher=None)), plain), "the teacher does teach"


def test_a_padded_batch_has_the_loss_of_the_packed_one(
    make: Make, make_llama, sequences: Dataset, make_map, tmp_path: Path
) -> None:
    """The user's trainer and ours, on the same rows: the same loss and gradients, flagged ones too."""
    part = sequences.select(range(2))
    ours = Distiller(
        model=make_llama(seed=1),
        args=TrainingArguments(output_dir=str(tmp_path), report_to="none", use_cpu=True),
        train_dataset=part,
        teacher=LiveTeacher(make_llama(seed=2)),
        label_weight=0.5,
        memory_map=RowMemory.of_map(sequences, make_map()),
        regularizers=[CounterfactualTarget()],
    )
    columns = ("input_ids", "position_ids", "labels")
    packed = {name: torch.tensor(part[name][:]) for name in columns}
    theirs = make(train_dataset=unpack(part), regularizers=[CounterfactualTarget()])
    padded = theirs.data_collator(list(unpack(part)))
    assert len(padded["input_ids"]) > 4 and "position_ids" not in padded
    losses = []
    for trainer, batch in ((ours, packed), (theirs, padded)):
        losses.append(trainer.compute_loss(trainer.model.train(), batch))
        losses[-1].backward()
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-5, atol=1e-6)
    for name, weight in ours.model.named_parameters():
        found = theirs.model.get_parameter(name).grad
        torch.testing.assert_close(found, weight.grad, rtol=1e-3, atol=1e-6)


def test_a_masked_token_keeps_no_loss(make: Make, documents: Dataset) -> None:
    """One token of each row is memory: only what is left of the rows teaches."""
    first = [next(t for t, x in enumerate(labels) if x >= 0) for labels in documents["labels"]]
    sizes = map(len, documents["input_ids"])
    scores = [[float(t == at) for t in range(size)] for at, size in zip(first, sizes, strict=True)]
    memory = RowMemory.of_scores(zip(documents["input_ids"], scores, strict=True))
    masked = make(memory_map=memory, regularizers=[SpanDropout()], teacher=None)
    batch = masked.data_collator(list(documents.select(range(4))))
    silent = {**batch, "labels": batch["labels"].clone()}
    silent["labels"][range(4), first[:4]] = -100
    count = torch.tensor(len(taught_labels(batch["labels"])))
    plain = make(teacher=None)
    expected = plain.compute_loss(plain.model.train(), silent, num_items_in_batch=count)
    whole = plain.compute_loss(plain.model, batch, num_items_in_batch=count)
    found = masked.compute_loss(masked.model.train(), batch, num_items_in_batch=count)
    torch.testing.assert_close(found, expected)
    assert found < whole
    found.backward(), expected.backward()
    for name, weight in plain.model.named_parameters():
        grad = masked.model.get_parameter(name).grad
        torch.testing.assert_close(grad, weight.grad, rtol=1e-4, atol=1e-7)


def test_the_student_is_prepared_once_and_saved_as_a_stock_model(
    make: Make, make_llama, tmp_path: Path
) -> None:
    trainer = make(regularizers=[WeightNoise(strength=0.8), MemorySink(num_units=8)])
    start = trainer.model.state_dict()["model.embed_tokens.weight"].clone()
    assert torch.equal(start, make_llama(seed=1).state_dict()["model.embed_tokens.weight"])
    trainer.train()
    trainer.save_model(str(tmp_path / "core"))
    model, told = AutoModelForCausalLM.from_pretrained(
        tmp_path / "core", output_loading_info=True, local_files_only=True
    )
    assert not told["unexpected_keys"] and not told["missing_keys"]
    assert isinstance(model, PreTrainedModel)
    with pytest.raises(UserError, match="trained and folded"):
        trainer.train()


def test_a_resumed_run_ends_as_an_uninterrupted_one(make: Make) -> None:
    class Stop(TrainerCallback):
        def on_step_begin(self, args, state, control, **_: object) -> None:
            if state.global_step == 2:
                raise KeyboardInterrupt

    def forgetting() -> list[Regularizer]:
        return [WeightNoise(strength=0.5), SpanDropout()]

    saving = {"save_strategy": "steps", "save_steps": 2}
    whole = trained(make(regularizers=forgetting()))
    killed = make(regularizers=forgetting(), args=saving, callbacks=[Stop()])
    with pytest.raises(KeyboardInterrupt):
        killed.train()
    resumed = make(regularizers=forgetting(), args=saving)
    resumed.train(resume_from_checkpoint=True)
    assert same(resumed.model.state_dict(), whole)
    killed.remove_callback(Stop)  # the same trainer goes on too, and isn't prepared anew
    killed.train(resume_from_checkpoint=True)
    assert same(killed.model.state_dict(), whole)


def test_evaluation_is_without_forgetting(make: Make, documents: Dataset) -> None:
    losses = [
        make(eval_dataset=documents.select(range(6)), regularizers=regularizers).evaluate()[
            "eval_loss"
        ]
        for regularizers in ([], [CounterfactualTarget()])
    ]
    assert losses[0] == losses[1] > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"memory_map": None, "regularizers": [SpanDropout()]}, "SpanDropout needs a memory_map"),
        (
            {"memory_map": RowMemory.of_scores([]), "regularizers": [CounterfactualTarget()]},
            "bare scores don't tell",
        ),
        (
            {"memory_map": RowMemory.of_scores([]), "regularizers": [SpanDropout()]},
            "no memory scor",
        ),
        ({"teacher": None, "regularizers": [Stranger()]}, "give a model as the teacher"),
    ],
)
def test_what_cannot_work_is_told(make: Make, options: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        make(**options).train()


def test_what_looks_at_the_corpus_gets_packed_sequences(
    make: Make, sequences: Dataset, toy_tokenizer, configure
) -> None:
    packed = sequences.select_columns(["input_ids", "position_ids", "labels"])
    edit = shipped("curvature_edit", configure)
    trainer = make(
        regularizers=[edit],
        train_dataset=packed,
        processing_class=toy_tokenizer,
        data_collator=None,
        args={"max_steps": 0},
    )
    before = {name: x.clone() for name, x in trainer.model.named_parameters()}
    trainer.train()
    changed = [n for n, x in trainer.model.named_parameters() if not torch.equal(x, before[n])]
    assert changed and all("mlp" in name for name in changed)


def test_other_slips_are_told(make: Make, make_llama, configure) -> None:
    with pytest.raises(UserError, match="the teacher has 40 tokens and the student 3"):
        make(teacher=make_llama(vocab_size=40))
    with pytest.raises(UserError, match="CurvatureEdit looks at the corpus first"):
        make(regularizers=[shipped("curvature_edit", configure)])
    with pytest.raises(UserError, match="no labels"):
        make(data_collator=lambda rows: {"input_ids": torch.tensor([[5, 6, 7]])}).train()


@pytest.mark.parametrize("packing", [False, True])
def test_in_trls_sft_trainer(
    make: Make, toy_tokenizer, documents: Dataset, make_llama, packing: bool
) -> None:
    trl = pytest.importorskip("trl")

    class ForgetfulSFT(ForgettingMixin, trl.SFTTrainer):
        """What a user of TRL writes."""

    def run(**options: object) -> dict[str, torch.Tensor]:
        packed = {"packing": True, "max_length": 40, "padding_free": True} if packing else {}
        own = {"bf16": False, "gradient_checkpointing": False, "max_length": 64, **packed}
        trainer = make(
            ForgetfulSFT,
            settings=trl.SFTConfig,
            args=own,
            processing_class=toy_tokenizer,
            **options,
        )
        return trained(trainer)

    plain = run()
    assert same(run(regularizers=[SpanDropout(strength=0.0)]), plain)
    assert not same(run(regularizers=[SpanDropout()]), plain)
    if not packing:
        assert same(plain, trained(make())), "the same step as in a plain Trainer"
    everything = [[1.0] * len(ids) for ids in documents["input_ids"]]
    memory = RowMemory.of_scores(zip(documents["input_ids"], everything, strict=True))
    silent = run(regularizers=[SpanDropout()], memory_map=memory)
    assert same(silent, make_llama(seed=1).state_dict()), "nothing is taught of memories alone"
