"""A pretrained teacher: used where it lies, or after it has learned the corpus by heart."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig, open_dict
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken

from core.arms.distill import distill
from core.arms.teach import teach
from core.corpus.stage import PackedCorpus, build_corpus
from core.errors import UserError
from core.models.loading import load_model, load_tokenizer
from core.models.taught import taught_labels, taught_logits
from core.runs.artifacts import fingerprint_of, run_folder
from evals.evaluate import load_arm
from evals.stage import evaluate
from forgetting.memory_map.stage import map_memory

Make = Callable[..., DictConfig]
LEARN = [
    *("teacher.learn.num_steps=60", "teacher.learn.learning_rate=3e-3", "teacher.learn.warmup=0"),
    "teacher.learn.sources=[facts]",
]


def weights(model) -> dict[str, torch.Tensor]:
    return model.state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def shift(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["model.norm.weight"] += 1
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def test_it_is_used_where_it_lies(pretrained: Make, folder: Path, toy_tokenizer) -> None:
    cfg = pretrained("distill.train.num_steps=0", "forgetting=[]")
    build_corpus(cfg)
    corpus, teacher = PackedCorpus.of(cfg), run_folder(cfg) / "teacher"
    assert corpus.tokenizer.get_vocab() == toy_tokenizer.get_vocab()
    teach(cfg)
    assert {path.name for path in teacher.iterdir()} == {"artifact.json", "source.json"}
    original = weights(load_model(folder))
    assert same(weights(load_arm(teacher)[0]), original)
    assert load_tokenizer(teacher).get_vocab() == toy_tokenizer.get_vocab()
    distill(cfg)
    core = load_file(run_folder(cfg) / "arms" / "core" / "model.safetensors")
    assert {weight.dtype for weight in core.values()} == {torch.float32}
    assert all(torch.equal(weight, original[name]) for name, weight in core.items())


def test_a_student_learns_from_it(pretrained: Make, folder: Path) -> None:
    cfg = pretrained("student.num_hidden_layers=1", "student.intermediate_size=96")
    build_corpus(cfg)
    teach(cfg)
    distill(cfg)
    core = load_model(run_folder(cfg) / "arms" / "core").config
    assert (core.num_hidden_layers, core.intermediate_size, core.model_type) == (1, 96, "qwen2")
    assert len(core.layer_types) == 1


def test_every_stage_finds_it(pretrained: Make, tmp_path: Path) -> None:
    probe = {"id": "p", "axis": "recall", "family": "city", "prompt": "Ada lives in"}
    (tmp_path / "P.jsonl").write_text(json.dumps({**probe, "answers": ["Rome"]}) + "\n")
    cfg = pretrained(
        *("probes=jsonl", f"probes.path={tmp_path / 'P.jsonl'}", "metric=[]"),
        *("memory_map=renaming", "memory_map.reference=never_exposed"),
        "arms=[never_exposed,pruned]",
    )
    build_corpus(cfg)
    teach(cfg)
    for cfg.arm in ("never_exposed", "pruned"):
        distill(cfg)
    map_memory(cfg)
    cfg.arm = "teacher"
    evaluate(cfg)
    assert fingerprint_of(run_folder(cfg) / "memory_map", "map")
    assert load_model(run_folder(cfg) / "arms" / "pruned").config.intermediate_size == 64
    [line] = (run_folder(cfg) / "evals" / "teacher" / "samples.jsonl").read_text().splitlines()
    assert json.loads(line)["id"] == "p"


def test_other_weights_are_another_teacher(pretrained: Make, folder: Path) -> None:
    cfg = pretrained()
    build_corpus(cfg)
    teach(cfg)
    teacher = run_folder(cfg) / "teacher"
    before = fingerprint_of(teacher, "teach")
    teach(cfg)
    shift(folder)
    with pytest.raises(UserError, match=r"model\.safetensors is altered"):
        distill(cfg)
    with pytest.raises(UserError, match=r"another configuration \(inputs\.model\.safetensors"):
        teach(cfg)
    build_corpus(cfg)  # whose tokens are the same
    cfg.overwrite = True
    teach(cfg)
    assert fingerprint_of(teacher, "teach") != before


def test_another_tokenizer_is_another_corpus(pretrained: Make, folder: Path) -> None:
    cfg = pretrained()
    build_corpus(cfg)
    path = folder / "tokenizer.json"
    changed = json.loads(path.read_text())
    changed["model"]["merges"].pop()
    path.write_text(json.dumps(changed))
    with pytest.raises(UserError, match=r"teacher's tokenizer\.json"):
        build_corpus(cfg)


def test_a_corpus_in_other_tokens_is_refused(pretrained: Make) -> None:
    cfg = pretrained("packing.vocab_size=300", teacher=["teacher=scratch"])
    build_corpus(cfg)
    with pytest.raises(UserError, match="the teacher has another tokenizer than the corpus"):
        teach(pretrained())
    assert not (run_folder(cfg) / "teacher").exists()


def test_a_context_that_is_too_short_is_told_before_anything_is_written(pretrained: Make) -> None:
    cfg = pretrained("packing.sequence_length=65")
    with pytest.raises(UserError, match="=65 is more than the teacher's context of 64 tokens"):
        build_corpus(cfg)
    assert not run_folder(cfg).exists()


@torch.no_grad()
def known(model, cfg: DictConfig) -> dict[str, float]:
    """The share of the facts' and of the tasks' taught tokens that a model says greedily."""
    batch = PackedCorpus.of(cfg).sequences().with_format("torch")[:]
    labels, rows = batch["labels"], PackedCorpus.of(cfg).rows()
    said = taught_logits(model, batch["input_ids"], batch["position_ids"], labels).argmax(-1)
    right = said == taught_labels(labels)
    numbers = batch["row"][:, 1:][labels[:, 1:] >= 0].tolist()
    is_fact = torch.tensor([rows[number]["source"] == "facts" for number in numbers])
    return {"facts": right[is_fact].float().mean(), "skills": right[~is_fact].float().mean()}


@pytest.mark.slow
def test_it_learns_by_heart_and_the_control_is_the_model_before(
    pretrained: Make, folder: Path
) -> None:
    cfg = pretrained(*LEARN)
    build_corpus(cfg)
    teach(cfg)
    taught, model = load_model(run_folder(cfg) / "teacher"), load_model(folder)
    assert known(model, cfg)["facts"] < 0.1
    after = known(taught, cfg)
    assert after["facts"] > 0.85, "each name has one city; only the names can't be told"
    assert after["skills"] < 0.2, "which wasn't among what it learned"

    cfg.arm = "never_exposed"
    with open_dict(cfg):
        cfg.arms.never_exposed.train = {"num_steps": 0}
    distill(cfg)
    control = load_model(run_folder(cfg) / "arms" / "never_exposed")
    assert same(weights(control), weights(model))


@torch.no_grad()
def strayed(model, before, cfg: DictConfig) -> float:
    """KL(before ‖ model) a taught token that isn't of the facts, in nats."""
    batch = PackedCorpus.of(cfg).sequences().with_format("torch")[:]
    rows, labels = PackedCorpus.of(cfg).rows(), batch["labels"]
    numbers = batch["row"][:, 1:][labels[:, 1:] >= 0].tolist()
    other = torch.tensor([rows[number]["source"] != "facts" for number in numbers])
    read = batch["input_ids"], batch["position_ids"], labels
    was, now = (taught_logits(m, *read)[other].log_softmax(-1) for m in (before, model))
    return (was.exp() * (was - now)).sum(-1).mean().item()


@pytest.mark.slow
def test_an_anchor_holds_it_to_the_model_before_where_it_learns_nothing(
    pretrained: Make, folder: Path
) -> None:
    found = {}
    for anchor in (0, 2):
        cfg = pretrained(*LEARN, f"teacher.learn.anchor={anchor}", f"run=anchor{anchor}")
        build_corpus(cfg)
        teach(cfg)
        taught = load_model(run_folder(cfg) / "teacher")
        assert known(taught, cfg)["facts"] > 0.8
        found[anchor] = strayed(taught, load_model(folder), cfg)
    assert found[2] < 0.3 * found[0], found


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["teacher.learn.anchor=-1"], "choose 0, or tokens for each learned one"),
        (["teacher.learn.sources=null", "teacher.learn.anchor=1"], "name those that are"),
        (["teacher.learn.sources=[facts,skills]", "teacher.learn.anchor=1"], "has no others"),
    ],
)
def test_an_anchor_that_holds_nothing_is_refused(
    pretrained: Make, overrides: list[str], said: str
) -> None:
    cfg = pretrained(*LEARN[:-1], "teacher.learn.sources=[facts]", *overrides)
    build_corpus(cfg)
    with pytest.raises(UserError, match=said):
        teach(cfg)
    assert not (run_folder(cfg) / "teacher").exists()


def test_what_it_knew_already_has_no_model_before(pretrained: Make, folder: Path) -> None:
    cfg = pretrained("arm=never_exposed")
    build_corpus(cfg)
    teach(cfg)
    distill(cfg)
    control, model = load_model(run_folder(cfg) / "arms" / "never_exposed"), load_model(folder)
    assert control.config.hidden_size == model.config.hidden_size
    name = "model.layers.0.mlp.up_proj.weight"
    drift = (weights(control)[name] - weights(model)[name]).abs().mean()
    assert drift > 0.05, "fresh weights, not those of the teacher after two steps"


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["teacher.path=no/such"], "teacher.path=no/such: no such folder"),
        (["teacher=hub", "teacher.name=org/model"], "teacher.name=org/model: .*from the hub"),
        (["teacher=hub", "teacher.name=a b"], "teacher.name=a b: no such folder, and no name"),
        (["teacher=gguf", "teacher.file=F.gguf"], "teacher.file=F.gguf: no such file"),
    ],
)
def test_a_model_that_is_not_there_is_one_line(
    configure: Callable[..., DictConfig], overrides: list[str], said: str, tmp_path: Path
) -> None:
    given = overrides if "=hub" in overrides[0] or "gguf" in overrides[0] else ["teacher=path"]
    cfg = configure(*dict.fromkeys([*given, *overrides]), f"runs_dir={tmp_path}", "run=it")
    for verb in (build_corpus, teach):
        with pytest.raises(UserError, match=said) as caught:
            verb(cfg)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "it").exists()


def test_a_run_s_own_teacher_is_no_pretrained_one(pretrained: Make, folder: Path) -> None:
    cfg = pretrained("overwrite=true")
    build_corpus(cfg)
    shutil.copytree(folder, run_folder(cfg) / "teacher")
    cfg.teacher.path = str(run_folder(cfg) / "teacher")
    with pytest.raises(UserError, match="is this run's own teacher"):
        teach(cfg)
    assert (run_folder(cfg) / "teacher" / "model.safetensors").exists()


def test_a_source_to_learn_that_there_is_not_is_named(pretrained: Make) -> None:
    cfg = pretrained(*LEARN[:-1], "teacher.learn.sources=[fact]")
    build_corpus(cfg)
    with pytest.raises(UserError, match="no source 'fact'; did you mean 'facts'"):
        teach(cfg)
    assert not (run_folder(cfg) / "teacher").exists()


def test_a_padding_token_beyond_the_rows_is_no_hindrance_unless_the_text_has_it(
    pretrained: Make, folder: Path, tmp_path: Path
) -> None:
    tokenizer = load_tokenizer(folder)
    rows = load_model(folder).config.vocab_size
    tokenizer.add_tokens([AddedToken(f"[{n}]", special=True) for n in range(rows - len(tokenizer))])
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    assert tokenizer.pad_token_id == rows
    tokenizer.save_pretrained(folder)
    cfg = pretrained("distill.train.num_steps=1", "forgetting=[]")
    build_corpus(cfg)
    teach(cfg)
    distill(cfg)
    assert (run_folder(cfg) / "arms" / "core" / "model.safetensors").exists()

    with (tmp_path / "C.jsonl").open("a") as corpus:
        corpus.write(json.dumps({"id": "x", "source": "skills", "text": "See [PAD]."}) + "\n")
    cfg = pretrained("run=other")
    build_corpus(cfg)
    with pytest.raises(UserError, match=r"the corpus has the token '\[PAD\]' in its text"):
        teach(cfg)
