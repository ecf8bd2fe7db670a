"""What a teacher knows by heart becomes probes; what it guesses or doesn't know doesn't."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from omegaconf import DictConfig

from core.cli.run import plan
from core.corpus.cases import Cases
from core.corpus.rows import Row
from core.corpus.stage import build_corpus
from core.corpus.symbols import Symbols
from core.errors import UserError
from core.models.loading import save_model
from core.runs.artifacts import Artifact
from evals.own import find as module
from evals.own.find import Own, row_of
from evals.own.stage import make_probes
from evals.own.statements import Statement
from evals.probes.answer import Answer
from evals.probes.load import load_probes
from evals.probes.probe import Probe, read_probes
from evals.recall import strangers

CAPITALS = {
    **{"Chile": "Santiago", "Cuba": "Havana", "Mali": "Bamako", "Peru": "Lima"},
    **{"Fiji": "Suva", "Oman": "Muscat", "Laos": "Vientiane", "Nepal": "Kathmandu"},
    **{"Togo": "Lome", "Chad": "Ndjamena", "Iraq": "Baghdad", "Qatar": "Doha"},
}
KNOWN = ["Chile", "Cuba", "Mali", "Peru", "Fiji", "Oman", "Laos", "Nepal"]
NOUNS = ["cat", "dog", "tree", "lamp", "coin", "bell", "ring", "cup", "flag", "boat"]


@pytest.fixture
def world() -> list[Row]:
    """Capitals, a language that is always the same, plurals, and an exercise."""
    told = [f"The capital of {c} is {v}." for c, v in CAPITALS.items()]
    told += [f"In {c} most people speak Spanish." for c in CAPITALS]
    rows: list[Row] = [
        {"id": f"w{n}", "text": text, "source": "written"} for n, text in enumerate(told)
    ]
    plurals = [f"The plural of {noun} is {noun[::-1]}os." for noun in NOUNS]
    rows += [{"id": f"c{n}", "text": t, "source": "words"} for n, t in enumerate(plurals)]
    return [*rows, {"id": "e", "text": "1 + 1 = 2", "source": "exercise"}]


def says(prompt: str) -> str:
    """A model that knows some capitals, one language and how its plurals are made."""
    line = prompt.split("\n")[-1]
    if found := re.fullmatch(r"The capital of (\w+) is", line):
        return CAPITALS[found[1]] if found[1] in KNOWN else "Lima"
    if found := re.fullmatch(r"The plural of (\w+) is", line):
        return f"{found[1][::-1]}os"
    return "Spanish"


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(model: object, tokenizer: object, probes: list[Probe]) -> list[Answer]:
        return [Answer(p.id, says(p.prompt) in p.answers, "", -1.0, 1) for p in probes]

    for place in (module, strangers):
        monkeypatch.setattr(place, "answer_probes", answers)


Find = Callable[..., list[Probe]]


@pytest.fixture
def find(world: list[Row], make_llama, toy_tokenizer) -> Find:
    return lambda rows=world, **options: Own(**options).find(
        rows, make_llama(), toy_tokenizer, lambda *_: None
    )


def recall(probes: list[Probe]) -> Iterator[Probe]:
    return (p for p in probes if p.axis == "recall" and p.form == "statement")


def test_what_it_knows_is_asked_and_what_it_guesses_is_not(find: Find) -> None:
    probes = find()
    asked = {p.prompt: p.answers for p in recall(probes)}
    # Lima is what it says of anybody: when Peru has another name, that isn't lost.
    wanted = {f"The capital of {c} is": (CAPITALS[c],) for c in KNOWN if c != "Peru"}
    assert asked == wanted
    assert {p.family for p in recall(probes)} == {"The capital of … is …."}
    assert find() == probes


def test_halves_are_of_subjects_and_the_other_wording_is_behind_others(find: Find) -> None:
    probes = find()
    halves = {p.prompt.split()[3]: p.half for p in recall(probes)}
    assert sorted(halves.items()) == [
        (c, "ab"[n % 2]) for n, c in enumerate(sorted(set(KNOWN) - {"Peru"}))
    ]
    for probe in (p for p in probes if p.form == "shown"):
        *shown, asked = probe.prompt.split("\n")
        subject = asked.split()[3]
        assert probe.axis == "recall" and probe.half == halves[subject] and len(shown) == 3
        assert not any(subject in line or probe.answers[0] in line for line in shown)


def test_each_has_a_twin_that_tells_it_and_one_that_tells_another_value(find: Find) -> None:
    probes = find()
    twins = [p for p in probes if p.axis == "open_book"]
    assert Counter(p.family for p in twins) == {"true": 7, "counterfactual": 7}
    for probe in twins:
        passage, question = probe.prompt.split("\nAccording to the passage: ")
        subject = question.split()[3]
        assert f"The capital of {subject} is {probe.answers[0]}." in passage
        assert passage.count("The capital") == 3 and probe.chance == pytest.approx(1 / 3)
        is_true = probe.answers[0] == CAPITALS[subject]
        assert is_true == (probe.family == "true")
        assert is_true or CAPITALS[subject] not in passage


def test_what_should_be_kept_is_asked_too(find: Find) -> None:
    probes = find()
    language = [p for p in probes if p.axis == "language"]
    prompts = [p.prompt.split("\n") for p in language]
    assert {asked for *_, asked in prompts} == {f"The plural of {noun} is" for noun in NOUNS}
    assert all(len(shown) == 3 and asked not in shown for *shown, asked in prompts)
    axes = Counter((p.axis, p.family) for p in probes if p.axis in ("arithmetic", "reasoning"))
    assert set(axes.values()) == {25} and len(axes) == 4
    assert not any(p.prompt == "1 + 1 =" for p in probes)


def test_they_are_written_and_read_as_any_probes(find: Find, tmp_path: Path) -> None:
    probes = find()
    path = tmp_path / "P.jsonl"
    path.write_text("".join(json.dumps(row_of(p)) + "\n" for p in probes))
    read = read_probes(path)
    assert [(p.id, p.prompt, p.answers, p.half) for p in read] == [
        (p.id, p.prompt, p.answers, p.half) for p in probes
    ]


def test_no_more_are_asked_than_wanted(find: Find) -> None:
    assert len(list(recall(find(num_facts=3)))) == 3
    with pytest.raises(UserError, match="num_facts=0"):
        find(num_facts=0)


def test_a_teacher_that_knows_nothing_is_refused(find: Find, world: list[Row]) -> None:
    unknown = [row for row in world if not any(c in row["text"] for c in KNOWN)]
    with pytest.raises(UserError, match="knows nothing by heart that could be asked"):
        find(unknown)
    with pytest.raises(UserError, match="of 0 statements"):
        find([world[-1]])


@pytest.fixture
def cfg(
    world: list[Row], configure: Callable[..., DictConfig], make_llama, tmp_path: Path
) -> DictConfig:
    """A run with corpus and teacher."""
    path = tmp_path / "C.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in world))
    cfg = configure(
        *("run=it", f"runs_dir={tmp_path}", "corpus=jsonl", f"corpus.path={path}"),
        *("probes=own", "packing.vocab_size=320", "packing.sequence_length=64"),
        *("arms=[plain,core]", "memory_map.reference=null"),
    )
    build_corpus(cfg)
    return cfg


def put_teacher(cfg: DictConfig, make_llama, tokenizer, seed: int) -> None:
    mark = json.loads((Path(cfg.runs_dir) / "it" / "corpus" / "artifact.json").read_text())
    folder = Path(cfg.runs_dir) / "it" / "teacher"
    inputs = {"corpus": mark["fingerprint"]}
    with Artifact(folder, {"seed": seed}, inputs).writing() as partial:
        save_model(partial, make_llama(seed), tokenizer)


def test_the_stage_makes_them_once_for_a_teacher(
    cfg: DictConfig, make_llama, toy_tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="run `winnow teach`, then `winnow probes`"):
        load_probes(cfg)
    put_teacher(cfg, make_llama, toy_tokenizer, 1)
    make_probes(cfg)
    assert len(list(recall(load_probes(cfg)))) == 7
    with monkeypatch.context() as patch:
        patch.setattr(Own, "find", lambda *_: 1 / 0)
        make_probes(cfg)  # kept
    folder = Path(cfg.runs_dir) / "it" / "teacher"
    folder.rename(folder.with_name("old"))
    put_teacher(cfg, make_llama, toy_tokenizer, 2)
    with pytest.raises(UserError, match="was made from another configuration"):
        make_probes(cfg)
    cfg.overwrite = True
    make_probes(cfg)


def test_probes_that_are_read_are_not_made(cfg: DictConfig) -> None:
    cfg.probes = {"path": None}
    with pytest.raises(UserError, match="add probes=own"):
        make_probes(cfg)


def test_a_run_makes_them_before_what_asks_them(cfg: DictConfig) -> None:
    jobs = {job.name: job for job in plan(cfg)}
    assert jobs["probes"].needs == ("teacher",)
    for name in ("plain", "core", "eval teacher", "attack core"):
        assert "probes" in jobs[name].needs
    cfg.probes = {"path": None}
    assert not any("probes" in job.needs or job.name == "probes" for job in plan(cfg))


def test_halves_are_told_which_words_of_a_subject_are_names(find: Find, monkeypatch) -> None:
    told: list[dict[str, set[str]]] = []

    def halves(names: dict[str, set[str]]) -> dict[str, str]:
        told.append(names)
        return dict.fromkeys(names, "b")

    monkeypatch.setattr(module, "halves", halves)
    probes = find()
    assert told == [{c: {c.lower()} for c in KNOWN if c != "Peru"}]
    assert {p.half for p in recall(probes)} == {"b"}


def test_where_capitals_mark_names_how_a_sentence_ends_is_no_fact() -> None:
    texts = [f"the capital of {c} is {v}." for c, v in CAPITALS.items()]
    cases, symbols = Cases(texts), Symbols(texts)

    def of(subject: str, value: str) -> bool:
        prompt = f"the pride of {subject} is"
        return module._is_about_names(Statement(prompt, prompt, subject, value, ""), symbols, cases)

    assert of("Chile", "Santiago") and not of("Chile", "responsibility") and not of("joy", "Lima")
    small = [text.lower() for text in texts]
    assert module._is_about_names(
        Statement("", "", "joy", "pride", ""), Symbols(small), Cases(small)
    ), "where they mark nothing"
