"""The forgetting card: every score that there can be, each under its heading."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from core.config.build import build
from core.export.source import source_of
from core.runs.artifacts import run_folder
from core.store.reader import Reader
from core.store.write import StoredDocument, write_store
from evals.card.card import ATTACKED, FORGOT, KEPT, OTHERS
from evals.card.stage import export
from evals.evaluate import evaluate_model
from evals.lookup import FORGOTTEN, LOOKUP, look_up
from evals.probes.probe import AXES, MEMORY_AXES, Probe, complete, of_axes
from evals.scores import TASKS, TEXT, Score
from tests.evals.card.conftest import ATTACKED as UNDER_ATTACK
from tests.evals.card.conftest import OWN, gather, score, write_scores_of

ROOT = Path(__file__).parents[3]
# By axis. A new one has to be filed here before it can be told.
EXPECTED = {
    **{"recall": FORGOT, "verbatim": FORGOT, "knowledge": OTHERS},
    **{"open_book": KEPT, "reasoning": KEPT, "arithmetic": KEPT, "language": KEPT},
    **{LOOKUP: KEPT, FORGOTTEN: OTHERS, TEXT: OTHERS},
}
SAYS_NOTHING = ("abstained", "wrong")  # of memory: a core may do either


def exported(cfg) -> ModelCard:
    export(cfg)
    return ModelCard.load(run_folder(cfg) / "export" / "core" / "hf" / "README.md")


def test_the_hub_reads_the_scores_off_the_card(measured_run) -> None:
    card = exported(measured_run)
    found = {r.dataset_type: r for r in card.data.eval_results}
    assert found["winnow-recall"].metric_value == OWN[0].value
    assert found["winnow-recall"].metric_args["stderr"] == OWN[0].stderr
    assert found["winnow-recall"].metric_name == "accuracy (lower is better)"
    assert found["winnow-relearn_disjoint"].metric_value == UNDER_ATTACK[1].value
    text = card.text
    assert "**Forgotten**" in text and "weight_noise" in text
    assert "| recall | accuracy ↓ | 0.050 ± 0.010 | 0.040 ± 0.010 | 0.250 |" in text
    assert "| relearn disjoint, at 0 | accuracy ↓ | 0.040 ± 0.010 | – | 0.250 |" in text
    assert "| relearn disjoint, at 25 | accuracy ↓ | 0.060 ± 0.010 | – | 0.250 |" in text
    assert "frontier.png" in text and "seed=0" in text
    assert "logprob" not in text


def test_what_was_not_measured_is_said_on_the_card(measured_run) -> None:
    for kind in ("evals", "attacks"):
        shutil.rmtree(run_folder(measured_run) / kind)
    card = exported(measured_run)
    assert "Not measured" in card.text and card.data.eval_results is None


@pytest.fixture
def probes(memories: list[Probe]) -> list[Probe]:
    """Of every axis, and a memory asked for in another form."""
    facts = [replace(probe, fact=probe.id) for probe in memories]
    others = [
        Probe(f"{axis}{n}", axis, "toy", f"Twice {n} {n}: the answer is", (f"{n}", f"{n + 1}"))
        for axis in AXES
        if axis not in MEMORY_AXES
        for n in range(4)
    ]
    return complete([*facts, *others, replace(facts[0], id="again", form="paraphrase")])


@pytest.fixture
def evaluated(model, tokenizer, probes, configure, tmp_path: Path) -> list[Score]:
    """What each metric, the store and lm-eval say of an arm."""
    prose = tmp_path / "prose.txt"
    prose.write_text("\n\n".join(["A grey cat counts nine slow trains by the lake. " * 4] * 4))
    names = sorted(path.stem for path in (ROOT / "conf" / "metric").glob("*.yaml"))
    budget = [f"metric.perplexity.texts=[{prose}]", "metric.sampling.num_samples=2"]
    cfg = configure(f"metric=[{','.join(names)}]", *budget)
    scores: list[Score] = []
    asked = of_axes(probes, *AXES)
    for name, settings in cfg.metric.items():
        found, _ = evaluate_model("core", model, tokenizer, asked, metrics=[build(settings)])
        assert len(found) > len(scores) or scores, name
        new = [one for one in found if one not in scores]
        assert new, f"{name} gives no score"
        scores += new

    told = {probe.id: [probe.id] for probe in asked}
    documents = [StoredDocument(p.id, f"{p.prompt} {p.answers[0]}.", None, []) for p in asked]
    write_store(tmp_path / "store.sqlite", documents, {}, 1)

    def make_reader(store) -> Reader:
        return Reader(
            model, tokenizer, store, lambda _, question: question, num_passages=1, max_new_tokens=4
        )

    scores += look_up("core", make_reader, tmp_path / "store.sqlite", asked, told)
    for metric, better in (("acc", True), ("word_perplexity", False)):  # as its tasks say
        named = {"family": "task", "metric": metric, "higher_is_better": better}
        scores.append(score("core", TASKS, 0.5, **named))
    return scores


@pytest.fixture
def attacked(model, tokenizer, probes, configure) -> list[Score]:
    """What every attack says of an arm."""
    names = sorted(path.stem for path in (ROOT / "conf" / "attack").glob("*.yaml"))
    budget = ["relearn.steps=[0,1]", "benign.steps=[0,1]", "relearn.learning_rates=[1e-3]"]
    budget += ["sampling.num_samples=[1,2]", "distractor.prefix_tokens=[0,8]"]
    cfg = configure(f"attack=[{','.join(names)}]", *(f"attack.{one}" for one in budget))
    scores: list[Score] = []
    for name, settings in cfg.attack.items():
        found = build(settings)("core", model, tokenizer, probes)
        assert found, f"{name} gives no score"
        scores += found
    return scores


def test_each_score_is_told_under_its_heading(measured_run, evaluated, attacked) -> None:
    """Every axis and every metric, as the metrics and attacks themselves give them."""
    assert {one.axis for one in evaluated} == {*EXPECTED, TASKS}
    run, arm = run_folder(measured_run), {"arm": source_of(measured_run).fingerprint}
    for kind, scores in (("evals", evaluated), ("attacks", attacked)):
        shutil.rmtree(run / kind)
        write_scores_of(run / kind, arm, scores)
    gather(run, [*evaluated, *attacked])
    (run / "verdict.json").unlink()

    expected: dict[str, set[tuple[str, str]]] = {}
    for one in evaluated:
        heading = EXPECTED.get(one.axis) or (KEPT if one.higher_is_better else OTHERS)
        heading = OTHERS if one.metric in SAYS_NOTHING else heading
        expected.setdefault(heading, set()).add((one.axis, one.metric))
    for one in attacked:
        if not one.higher_is_better:  # the learning of false facts only gauges an attack
            expected.setdefault(ATTACKED, set()).add((one.axis, one.metric))
    for told in expected.values():
        told -= {pair for pair in told if pair[1] in ("logprob", "rank")}

    text = exported(measured_run).text
    row = re.compile(r"^\| ([\w ]+)(?:, [^|]*)? \| (\S+)(?: ([↑↓]))? \| ", re.MULTILINE)
    directions = {(s.axis, s.metric): "↑" if s.higher_is_better else "↓" for s in evaluated}
    found: dict[str, set[tuple[str, str]]] = {}
    for title, part in re.findall(r"^## (.+)\n((?:(?!## ).*\n)*)", text, re.MULTILINE):
        for axis, metric, direction in row.findall(part):
            key = (axis.replace(" ", "_"), metric)
            found.setdefault(title, set()).add(key)
            if metric not in SAYS_NOTHING:
                assert direction == directions.get(key, "↓")
    found.pop("Read back", None)
    assert found == expected


@pytest.mark.slow
def test_what_a_whole_run_leaves_is_exported(smoke_run: Path, configure, tmp_path: Path) -> None:
    """Whatever kinds of scores a run has: those with the store too."""
    shutil.copytree(smoke_run, tmp_path / "smoke")
    cfg = configure("experiment=smoke", f"runs_dir={tmp_path}", "export.num_prompts=3")
    kinds = {result.dataset_type for result in exported(cfg).data.eval_results}
    assert {"winnow-recall", "winnow-relearn_disjoint", "winnow-lookup"} <= kinds
