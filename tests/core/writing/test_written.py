"""A teacher writes its corpus: whole, resumed, refused; toy models, of which one knows some facts."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from transformers import CohereConfig, LlamaConfig, PreTrainedModel, PreTrainedTokenizerFast

from core.corpus.rows import Rows
from core.corpus.stage import PackedCorpus, build_corpus
from core.corpus.tokenizer import train_tokenizer
from core.errors import UserError
from core.models.loading import new_model, save_model
from core.writing import written
from core.writing.author import Author
from core.writing.names import NAMED
from core.writing.requests import WAYS, Way
from core.writing.shown import READ, STATEMENTS

pytestmark = pytest.mark.slow  # each writes a corpus


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    told = [topic.state(*pair) for topic in NAMED for pair in topic.shown]
    return train_tokenizer([*told, *STATEMENTS, *(text for text, _, _ in READ)], 900)


MakeTeacher = Callable[..., Path]


@pytest.fixture(scope="module")
def make_teacher(
    tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory
) -> MakeTeacher:
    """The folder of a random Llama, whose output embedding `change` may edit."""

    def make(
        change: Callable[[PreTrainedModel], None] = lambda model: None, **sizes: object
    ) -> Path:
        config = LlamaConfig(
            vocab_size=len(tokenizer) + 7,  # padded, as many are
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            initializer_range=0.3,
            eos_token_id=tokenizer.eos_token_id,
            **{"max_position_embeddings": 512, "tie_word_embeddings": False, **sizes},
        )
        model = new_model(config, 1)
        with torch.no_grad():
            model.lm_head.weight[len(tokenizer) :] = 0
            change(model)
        folder = tmp_path_factory.mktemp("teacher")
        save_model(folder, model, tokenizer)
        return folder

    return make


@pytest.fixture(scope="module")
def gibberish(make_teacher: MakeTeacher) -> Path:
    return make_teacher()


Configure = Callable[..., DictConfig]


@pytest.fixture
def cfg(configure: Configure, gibberish: Path, tmp_path: Path, monkeypatch) -> Configure:
    """A run whose teacher lies in a folder, and writes in small batches."""
    small = dict.fromkeys(WAYS, Way(3, 2, 24, 0.8)) | {"prose": Way(8, 1, 60, 0.8)}
    monkeypatch.setattr("core.writing.requests.WAYS", small)
    monkeypatch.setattr(written, "WAYS", small)

    def make(*overrides: str, teacher: Path = gibberish) -> DictConfig:
        return configure(
            *("run=it", f"runs_dir={tmp_path}", "corpus=written", "packing.sequence_length=64"),
            *("teacher=path", f"teacher.path={teacher}", "corpus.num_tokens=600", *overrides),
        )

    return make


def rows_of(folder: Path) -> list[dict[str, str]]:
    return list(Rows(folder / "rows.jsonl"))


def test_a_corpus_is_written_measured_and_packed(cfg: Configure, tmp_path: Path) -> None:
    build_corpus(cfg())
    corpus = PackedCorpus.of(cfg())
    rows = list(corpus.rows())
    assert rows == rows_of(tmp_path / "it" / "written")
    assert {row["source"] for row in rows} >= {"written", "exercise"}
    assert len({row["id"] for row in rows}) == len(rows)
    told = json.loads((tmp_path / "it" / "written" / "diversity.json").read_text())
    assert told["rows"] == len(rows) and 0 < told["distinct_2"] <= 1 and told["entropy"] > 3
    count = corpus.tokenizer
    sizes = {"exercise": 0, "written": 0, "words": 0}
    for row in rows:
        sizes[row["source"]] += len(count(row["text"])["input_ids"])
    assert told["tokens"] == sizes["written"] + sizes["words"]
    assert sizes["exercise"] / sum(sizes.values()) == pytest.approx(0.2, abs=0.1)
    assert "full" in corpus.variants


def test_a_killed_run_goes_on_as_an_uninterrupted_one(
    cfg: Configure, tmp_path: Path, monkeypatch
) -> None:
    build_corpus(cfg("run=whole"))
    asked = []
    go_on = Author.go_on

    def dies(self: Author, *args: object) -> object:
        asked.append(args)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return go_on(self, *args)

    monkeypatch.setattr(Author, "go_on", dies)
    with pytest.raises(KeyboardInterrupt):
        build_corpus(cfg())
    assert not (tmp_path / "it" / "written").exists() and not (tmp_path / "it" / "corpus").exists()
    with (tmp_path / "it" / "written.partial" / "said.jsonl").open("a") as file:
        file.write('[[["cut')  # the kill came while it wrote
    build_corpus(cfg())
    one, other = tmp_path / "whole" / "written", tmp_path / "it" / "written"
    assert rows_of(one) == rows_of(other)
    said = len((one / "said.jsonl").read_text().splitlines())
    assert len((other / "said.jsonl").read_text().splitlines()) == said
    assert len(asked) <= said + 1, "what was said before the kill isn't asked again"


def test_another_teacher_or_size_is_refused_or_written_anew_never_mixed(
    cfg: Configure, make_teacher: MakeTeacher, tmp_path: Path
) -> None:
    build_corpus(cfg())
    before = rows_of(tmp_path / "it" / "written")

    def change(model: PreTrainedModel) -> None:
        model.lm_head.weight.mul_(0.5)

    other = make_teacher(change)
    for named, overrides in ((other, []), (None, ["corpus.num_tokens=601"])):
        changed = cfg(*overrides, **({"teacher": named} if named else {}))
        with pytest.raises(UserError, match="was made from another configuration"):
            build_corpus(changed)
        assert rows_of(tmp_path / "it" / "written") == before
    build_corpus(cfg("overwrite=true", teacher=other))
    after = {row["text"] for row in rows_of(tmp_path / "it" / "written")}
    kept = after & {row["text"] for row in before if row["source"] != "exercise"}
    assert not kept


def test_what_an_other_teacher_left_unfinished_is_dropped(
    cfg: Configure, make_teacher: MakeTeacher, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(written, "write_rows", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build_corpus(cfg())
    monkeypatch.undo()
    partial = tmp_path / "it" / "written.partial"
    assert (partial / "said.jsonl").exists()
    started = (partial / "started.json").read_text()
    other = cfg(teacher=make_teacher(lambda model: model.lm_head.weight.mul_(0.5)))
    build_corpus(other)
    assert started not in (tmp_path / "it" / "written" / "artifact.json").read_text()


def test_own_text_is_read_beside_it(cfg: Configure, tmp_path: Path) -> None:
    path = tmp_path / "C.jsonl"
    path.write_text('{"id": "mine", "text": "A text of my own.", "source": "own"}\n')
    build_corpus(cfg(f"corpus.mix={path}"))
    rows = list(PackedCorpus.of(cfg(f"corpus.mix={path}")).rows())
    assert rows[0] == {"id": "mine", "text": "A text of my own.", "source": "own"}
    assert rows[1:] == rows_of(tmp_path / "it" / "written")
    path.write_text('{"id": "mine"}\n')
    with pytest.raises(UserError, match=r"C\.jsonl:1"):
        build_corpus(cfg("run=bad", f"corpus.mix={path}"))
    assert not (tmp_path / "bad" / "written").exists()


def test_a_teacher_that_writes_nothing_is_refused(
    cfg: Configure, make_teacher: MakeTeacher, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    def silent(model: PreTrainedModel) -> None:
        model.lm_head.weight.zero_()
        model.model.norm.weight.zero_()

    def ends(model: PreTrainedModel) -> None:
        silent(model)
        model.generation_config.eos_token_id = list(range(len(tokenizer) + 7))

    with pytest.raises(UserError, match="the teacher writes nothing"):
        build_corpus(cfg(teacher=make_teacher(ends)))
    assert not (tmp_path / "it" / "written").exists() and not (tmp_path / "it" / "corpus").exists()


def test_a_teacher_that_says_one_thing_over_and_over_is_refused(
    cfg: Configure, make_teacher: MakeTeacher, tokenizer: PreTrainedTokenizerFast
) -> None:
    first, second = (tokenizer(f" {w}")["input_ids"][-1] for w in ("city", "of"))

    def circles(model: PreTrainedModel) -> None:
        """It says one of two tokens: the other one each time."""
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.zero_()
        model.model.embed_tokens.weight[:, 0] = 1
        model.model.embed_tokens.weight[first] = torch.eye(16)[1]
        model.lm_head.weight.zero_()
        model.lm_head.weight[first, 0] = model.lm_head.weight[second, 1] = 50

    with pytest.raises(UserError, match="the same over and over"):
        build_corpus(cfg(teacher=make_teacher(circles)))


def test_a_short_context_has_room_for_what_is_written(
    cfg: Configure, make_teacher: MakeTeacher
) -> None:
    short = make_teacher(max_position_embeddings=128)
    build_corpus(cfg(teacher=short))
    assert len(PackedCorpus.of(cfg(teacher=short)).rows()) > 5


def test_only_a_pretrained_teacher_writes(configure: Configure, tmp_path: Path) -> None:
    own = configure("run=it", f"runs_dir={tmp_path}", "corpus=written")
    with pytest.raises(UserError, match="corpus=written is for a pretrained teacher"):
        build_corpus(own)
    assert not (tmp_path / "it" / "corpus").exists()


@pytest.mark.parametrize("wrong", ["corpus.num_tokens=0", "corpus.exercises=1.0"])
def test_sizes_that_cannot_be_are_refused(cfg: Configure, wrong: str) -> None:
    with pytest.raises(UserError, match=wrong):
        build_corpus(cfg(wrong))


def test_a_teacher_that_cannot_teach_is_refused_before_it_writes(
    cfg: Configure, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """Its logits are scaled. To write takes hours."""
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2}
    config = CohereConfig(vocab_size=len(tokenizer), **sizes, **heads, max_position_embeddings=512)
    save_model(tmp_path / "scaled", new_model(config, 0), tokenizer)
    made = cfg(teacher=tmp_path / "scaled")
    with pytest.raises(UserError, match=r"the teacher .* makes its logits by more"):
        build_corpus(made)
    assert not list(tmp_path.rglob("said.jsonl*"))
