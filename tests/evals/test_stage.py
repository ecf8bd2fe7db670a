"""`winnow eval`, `winnow attack` and `winnow report` on arms made by hand."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev

import pytest
from omegaconf import DictConfig

from core.errors import UserError
from core.models.loading import save_model
from core.runs.artifacts import Artifact
from evals.evaluate import load_arm
from evals.report.stage import report
from evals.scores import Score, find, read_scores, write_scores
from evals.stage import attack, evaluate
from evals.subjects import SAMPLES

PROBES = [
    *(("recall", "city", f"{name} lives in", "Rome") for name in ("Ada", "Bo", "Cleo", "Dan")),
    ("verbatim", "poem", "Gus\x85lives in", "Doha. Riga."),
    ("reasoning", "turn", "Turn around: red blue", "blue red"),
]
Put = Callable[..., None]


@pytest.fixture
def cfg(rows: list[dict], configure, tmp_path: Path) -> DictConfig:
    """A run with a corpus and probes of its own; it has no arms yet."""
    probes = [
        {"id": str(n), "axis": axis, "family": family, "prompt": prompt, "answers": [answer]}
        for n, (axis, family, prompt, answer) in enumerate(PROBES)
    ]
    for name, content in {"C.jsonl": rows, "P.jsonl": probes}.items():
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in content))
    return configure(
        *("run=it", f"runs_dir={tmp_path}", "arms=[plain,core]", "attack=[quantize]"),
        *("corpus=jsonl", f"corpus.path={tmp_path / 'C.jsonl'}"),
        *("probes=jsonl", f"probes.path={tmp_path / 'P.jsonl'}"),
    )


@pytest.fixture
def put(make_llama, toy_tokenizer, tmp_path: Path) -> Put:
    """Put an arm into a run, in the place of the one that is there."""

    def arm(name: str, seed: int, run: str = "it") -> None:
        folder = tmp_path / run / "arms" / name
        shutil.rmtree(folder, ignore_errors=True)
        with Artifact(folder, {"seed": seed}).writing() as partial:
            save_model(partial, make_llama(seed), toy_tokenizer)

    return arm


def written(run: Path) -> dict[str, int]:
    """When each arm's part was written."""
    return {path.parent.name: path.stat().st_mtime_ns for path in run.glob("*/*/artifact.json")}


@pytest.mark.parametrize(("verb", "kind"), [(evaluate, "evals"), (attack, "attacks")])
def test_what_is_measured_is_skipped_and_what_changed_is_not(
    verb: Callable[[DictConfig], None], kind: str, cfg: DictConfig, put: Put, tmp_path: Path
) -> None:
    put("plain", 1), put("core", 2)
    run = tmp_path / "it"
    parts = run / kind

    def times() -> list[int]:
        verb(cfg)
        return [(parts / arm / "artifact.json").stat().st_mtime_ns for arm in ("plain", "core")]

    first = times()
    scores = read_scores(run / "scores.json")
    assert {score.arm for score in scores} == {"plain", "core"}
    assert times() == first

    put("core", 3)
    second = times()
    assert second[0] == first[0] and second[1] > first[1], "only the arm that changed"

    (parts / "plain" / "scores.json").write_text("[]")
    third = times()
    assert third[0] > second[0] and third[1] == second[1], "only the damaged one"

    probes = Path(cfg.probes.path)
    probes.write_text("".join(probes.read_text().splitlines(keepends=True)[:-1]))
    fourth = times()
    assert all(new > old for new, old in zip(fourth, third, strict=True)), "other probes"
    assert find(read_scores(run / "scores.json"), "core", "reasoning") is None


@pytest.mark.parametrize(("verb", "kind"), [(evaluate, "evals"), (attack, "attacks")])
def test_what_was_interrupted_goes_on_with_the_arm_that_it_was_at(
    verb: Callable[[DictConfig], None],
    kind: str,
    cfg: DictConfig,
    put: Put,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put("plain", 1), put("core", 2)
    loaded: list[str] = []

    def load(folder: Path) -> object:
        loaded.append(folder.name)
        if loaded == ["plain", "core"]:
            raise KeyboardInterrupt
        return load_arm(folder)

    monkeypatch.setattr("evals.stage.load_arm", load)
    with pytest.raises(KeyboardInterrupt):
        verb(cfg)
    assert not (tmp_path / "it" / kind / "core").exists()
    assert not (tmp_path / "it" / "scores.json").exists(), "nothing is told of half of the arms"
    verb(cfg)
    assert loaded == ["plain", "core", "core"]
    assert {s.arm for s in read_scores(tmp_path / "it" / "scores.json")} == {"plain", "core"}


def test_other_settings_of_an_attack_are_another_attack(cfg: DictConfig, put: Put, tmp_path: Path):
    put("core", 1)
    attack(cfg)
    cfg.attack.quantize.bits = [8]
    attack(cfg)
    scores = read_scores(tmp_path / "it" / "scores.json")
    assert {score.axis for score in scores} == {"quantize_8bit"}


def test_other_metrics_are_another_evaluation(cfg: DictConfig, put: Put, tmp_path: Path) -> None:
    put("core", 1)
    scores, samples = (tmp_path / "it" / "evals" / "core" / f for f in ("scores.json", SAMPLES))
    cfg.metric = {name: cfg.metric[name] for name in ("recitation", "sampling")}
    evaluate(cfg)
    assert find(read_scores(scores), "core", "verbatim", metric="extraction_strength")
    values = {row["id"]: row["metrics"] for row in map(json.loads, samples.open())}
    assert set(values["0"]) == {"sampled_leak@20"}, "a recall probe"
    assert values["4"]["exact_match@0.5"] in (0, 1), "a verbatim one"
    assert values["5"] == {}, "a reasoning one"
    cfg.metric.sampling.num_samples = 3
    evaluate(cfg)
    assert find(read_scores(scores), "core", "recall", metric="sampled_leak@3")
    cfg.metric = {}
    evaluate(cfg)
    assert not find(read_scores(scores), "core", "recall", metric="sampled_leak@3")


def test_only_one_arm(
    cfg: DictConfig, put: Put, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("plain", 1), put("core", 2)
    cfg.arm = "core"
    folder = tmp_path / "it" / "evals" / "core"
    evaluate(cfg)
    assert f"evals: core → {folder / 'scores.json'}\n" in capsys.readouterr().out
    evaluate(cfg)
    assert f"there already → {folder}\n" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "it" / "evals").iterdir()] == ["core"]
    assert not (tmp_path / "it" / "scores.json").exists(), "the other arms are still to come"
    cfg.arm = "plian"
    with pytest.raises(UserError, match=r"arm=plian: no such arm in .*; did you mean 'plain'\?"):
        evaluate(cfg)


def test_a_run_without_arms_is_told(cfg: DictConfig) -> None:
    with pytest.raises(UserError, match="has no arms yet"):
        evaluate(cfg)
    with pytest.raises(UserError, match="has no scores yet: run `winnow eval` first"):
        report(cfg)


def test_samples_are_one_a_probe_and_the_report_shows_them(
    cfg: DictConfig, put: Put, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("core", 1)
    evaluate(cfg)
    lines = (tmp_path / "it" / "evals" / "core" / "samples.jsonl").read_text(encoding="utf-8")
    samples = [json.loads(line) for line in lines.split("\n") if line]
    assert [sample["prompt"] for sample in samples] == [prompt for _, _, prompt, _ in PROBES]
    assert [sample["answer"] for sample in samples] == [answer for *_, answer in PROBES]
    report(cfg)
    page = (tmp_path / "it" / "report.html").read_text(encoding="utf-8")
    assert "Turn around: red blue" in page and "blue red" in page
    assert "plain: missing" in capsys.readouterr().out


def test_the_report_of_several_seeds_tells_their_mean(
    cfg: DictConfig, put: Put, tmp_path: Path
) -> None:
    cfg.seeds = [0, 1, 4]
    for seed in cfg.seeds:
        put("core", seed, run=f"it/seed_{seed}")
        one = cfg.copy()
        one.run, one.seeds = f"it/seed_{seed}", []
        evaluate(one)
    extra = tmp_path / "it" / "seed_1" / "evals" / "core" / "scores.json"
    only_here = Score("core", "open_book", "all", "accuracy", 0.5, 0.1, 9, 0.0, True)
    write_scores(extra, [*read_scores(extra), only_here])
    report(cfg)

    scores = read_scores(tmp_path / "it" / "scores.json")
    found = find(scores, "core", "recall", metric="logprob")
    runs = [read_scores(path) for path in (tmp_path / "it").glob("seed_*/evals/core/scores.json")]
    values = [find(run, "core", "recall", metric="logprob").value for run in runs]
    assert len(set(values)) == 3
    assert found.value == pytest.approx(fmean(values))
    assert found.stderr == pytest.approx(stdev(values) / 3**0.5)
    assert found.n == 12
    assert find(scores, "core", "open_book") is None, "one run alone has it"
    assert (tmp_path / "it" / "report.html").exists() and (
        tmp_path / "it" / "frontier.png"
    ).exists()


def test_a_teacher_that_recalls_nothing_is_told_of_and_no_other_arm(
    cfg: DictConfig, make_llama, toy_tokenizer, put: Put, tmp_path: Path, capsys
) -> None:
    put("core", 1)
    evaluate(cfg)
    assert "warning" not in capsys.readouterr().err
    with Artifact(tmp_path / "it" / "teacher", {"seed": 1}).writing() as partial:
        save_model(partial, make_llama(1), toy_tokenizer)
    evaluate(cfg)
    assert "the teacher gets none of the 4 recall probes right" in capsys.readouterr().err
