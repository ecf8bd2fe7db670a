"""The forgetting card: a README.md that the model hub reads, from scores of this very checkpoint."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from omegaconf import DictConfig

from core.export.evidence import PICTURE, Evidence, Score, key_of, main_scores, worst_steps
from core.export.manifest import versions
from core.export.parity import Parity
from core.export.source import Source

FILE = "README.md"
MEMORY = ("recall", "verbatim")  # axes of what should be gone
BESIDE = ("teacher", "plain", "never_exposed", "rebound")  # arms that tell what a score is worth
VERDICTS = {
    "forgotten": "it recalls no more than controls that never saw the facts, under every attack tried",
    "hidden": "it recalls no more than the controls when asked, until an attack brings it back",
    "broken": "it recalls no more than the controls, but has lost its reading or reasoning too",
    "kept": "it recalls more than controls that never saw the facts",
    "undecided": "what was measured isn't enough to tell",
}


def write_card(
    folder: Path,
    cfg: DictConfig,
    source: Source,
    evidence: Evidence,
    format: str,
    parities: Sequence[Parity],
) -> None:
    """Write `README.md`, and the frontier's picture beside it."""
    if evidence.picture is not None:
        shutil.copy(evidence.picture, folder / PICTURE)
    data = ModelCardData(
        model_name=f"{cfg.run}-{source.name}".replace("/", "-"),
        library_name="transformers" if format == "hf" else format,
        pipeline_tag="text-generation",
        tags=["winnow", "distillation", "unlearning", "memorization", format],
        eval_results=list(_results(evidence, source)) or None,
    )
    sections = [
        f"# {source.name}, of the run {cfg.run}",
        _made(source),
        _verdict(evidence, source),
        _kept_and_forgotten(evidence, source),
        _read_back(format, parities),
        _limits(evidence, source),
        _reproduce(cfg, source, evidence),
    ]
    card = ModelCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(filter(None, sections)) + "\n")
    card.save(folder / FILE)


def _results(evidence: Evidence, source: Source) -> Iterator[EvalResult]:
    """The checkpoint's own scores, for the hub's model-index."""
    for score in worst_steps(main_scores(evidence.own, source.name)):
        chance = {} if score["chance"] is None else {"chance": score["chance"]}
        error = {} if score["stderr"] is None else {"stderr": score["stderr"]}
        yield EvalResult(
            task_type="text-generation",
            dataset_type=f"winnow-{score['axis']}",
            dataset_name=_axis(score),
            metric_type=score["metric"],
            metric_name=f"{score['metric']} ({_direction(score)})",
            metric_value=score["value"],
            metric_args={**error, "n": score["n"], **chance},
        )


def _axis(score: Score) -> str:
    name = str(score["axis"]).replace("_", " ")
    if score["family"] != "all":
        name += f", {score['family']}"
    return name if score.get("step") is None else f"{name}, at {score['step']}"


def _direction(score: Score) -> str:
    return "higher is better" if score["higher_is_better"] else "lower is better"


def _made(source: Source) -> str:
    """What it was distilled from, and how."""
    if source.kind == "model":
        return f"Exported from the folder `{source.name}`, which no run of Winnow made."
    arm = (source.made_from[source.name].get("config") or {}).get("arm") or {}
    lines = ["## What it was made from, and how", ""]
    if source.name == "teacher":
        lines.append("The run's teacher, trained on the whole corpus: it remembers.")
    elif arm.get("made_by"):
        lines.append(f"Made from the run's teacher by `{arm['made_by'].get('_target_')}`.")
    elif arm.get("teacher"):
        lines.append(
            f"Distilled by Winnow from the run's teacher on its corpus (`{arm.get('corpus')}`)."
        )
    else:
        lines.append(f"Trained on the corpus (`{arm.get('corpus')}`) without a teacher.")
    for name, artifact in source.made_from.items():
        if name != "memory_map":
            lines += ["", f"`{name}` ({artifact['fingerprint']}):", "", _yaml(artifact["config"])]
    return "\n".join(lines)


def _verdict(evidence: Evidence, source: Source) -> str:
    if not evidence.own:
        return (
            "## Verdict\n\n**Not measured.** Nothing is known of what this checkpoint remembers:"
            " `winnow eval` and `winnow attack` tell."
        )
    if evidence.verdict is None:
        return "## Verdict\n\nNone: `winnow report` gives one to the arms of a run."
    found = evidence.verdict["verdict"]
    lines = ["## Verdict", "", f"**{found.capitalize()}**: {VERDICTS.get(found, '')}."]
    if evidence.verdict["evidence"]:
        lines += ["", "What decided, or came nearest to another verdict:", ""]
    for one in evidence.verdict["evidence"]:
        error = _error(one)
        side = "below" if one["claim"] == "broken" else "above"
        lines.append(
            f"- {_axis(one)}, {one['metric']} {one['value']:.3f}{error}; *{one['claim']}* would be {side}"
            f" {one['limit']:.3f} (by {one['against']})"
        )
    lines += [f"- missing: {reason}" for reason in evidence.verdict["missing"]]
    return "\n".join(lines)


def _kept_and_forgotten(evidence: Evidence, source: Source) -> str:
    if not evidence.own:
        return ""
    scores = main_scores(evidence.own, source.name)
    kept = [s for s in scores if s["higher_is_better"]]
    low = [s for s in scores if not s["higher_is_better"]]
    attacked = [s for s in low if key_of(s) in evidence.attacked]
    asked = [s for s in low if key_of(s) not in evidence.attacked]
    gone = [s for s in asked if s["axis"] in MEMORY]
    others = [s for s in asked if s["axis"] not in MEMORY]
    parts = [
        "## What it kept\n\n" + _table(kept, evidence, source) if kept else "",
        "## What it forgot\n\nLower is better; chance is what a guess scores.\n\n"
        + _table(gone, evidence, source)
        if gone
        else "",
        "## … and under which attacks\n\nLower is better; what a control that never saw the facts"
        " shows under an attack is what the attack itself teaches.\n\n"
        + _table(attacked, evidence, source)
        if attacked
        else "",
        "## What else was measured\n\nLower is better.\n\n" + _table(others, evidence, source)
        if others
        else "",
    ]
    if evidence.picture is not None:
        parts.append(f"![What each arm recalls and what it can do]({PICTURE})")
    return "\n\n".join(filter(None, parts))


def _table(scores: Sequence[Score], evidence: Evidence, source: Source) -> str:
    """A row a score: of this checkpoint, of its arm over all seeds, and of the arms beside it."""
    arms = [a for a in BESIDE if a != source.name and any(s["arm"] == a for s in evidence.whole)]
    by_arm = {
        arm: {key_of(s): s for s in evidence.whole if s["arm"] == arm}
        for arm in [source.name, *arms]
    }
    several = len(evidence.seeds) > 1
    over = [f"over seeds {', '.join(map(str, evidence.seeds))}"] if several else []
    header = ["", "metric", "this checkpoint", *over, *arms, "chance"]
    lines = [_row(header), _row(["---"] * 2 + ["---:"] * (len(header) - 2))]
    for score in scores:
        beside = [
            by_arm[arm].get(key_of(score)) for arm in ([source.name] if several else []) + arms
        ]
        chance = "–" if score["chance"] is None else f"{score['chance']:.3f}"
        cells = [_axis(score), score["metric"], _value(score), *map(_value, beside), chance]
        lines.append(_row(cells))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _value(score: Score | None) -> str:
    return "–" if score is None else f"{score['value']:.3f}{_error(score)}"


def _error(score: Score) -> str:
    """Its standard error, if it has one."""
    return "" if score["stderr"] is None else f" ± {score['stderr']:.3f}"


def _read_back(format: str, parities: Sequence[Parity]) -> str:
    """How the files compare with the checkpoint that was measured."""
    lines = [
        "## Read back",
        "",
        f"The scores are the checkpoint's. This is how far its export as {format} differs from it, over"
        f" {parities[0].num_prompts} probes and {parities[0].num_tokens} greedily decoded tokens each:",
        "",
        _row(["file", "read by", "largest logit difference", "same greedy answer"]),
        _row(["---", "---", "---:", "---:"]),
    ]
    for one in parities:
        cells = [f"`{one.file}`", one.reader, f"{one.max_logit_difference:.2g}"]
        lines.append(_row([*cells, f"{one.greedy_agreement:.0%}"]))
    return "\n".join(lines)


def _limits(evidence: Evidence, source: Source) -> str:
    corpus: Mapping[str, Any] = source.made_from.get("corpus", {}).get("config") or {}
    target = (corpus.get("corpus") or {}).get("_target_", "")
    seeds = ", ".join(map(str, evidence.seeds))
    errors = f"Standard errors are over probes; there is one seed ({seeds})."
    if len(evidence.seeds) > 1:
        errors = (
            f"This checkpoint (seed {evidence.seeds[0]}) has its standard errors over probes; those over"
            f" seeds ({seeds}) are of means."
        )
    lines = [
        "## Limits",
        "",
        "- Forgotten means: not told apart from models that never saw it, by the probes and attacks above."
        " Others weren't tried.",
        f"- {errors}",
    ]
    if target.endswith(".World"):
        lines.append(
            "- The corpus is synthetic and the model tiny: it shows a method, and is of no other use."
        )
    lines.append("- A quantized file is another model: the table above says how far it differs.")
    return "\n".join(lines)


def _reproduce(cfg: DictConfig, source: Source, evidence: Evidence) -> str:
    seeds = f"'seeds={evidence.seeds}'" if len(evidence.seeds) > 1 else f"seed={evidence.seeds[0]}"
    found = ", ".join(
        f"{k} {v}" for k, v in versions(("winnow-lm", "torch", "transformers")).items()
    )
    command = f"winnow run run={cfg.run} {seeds.replace(' ', '')}"
    if source.kind == "model":
        command = f"winnow eval model={source.name} run={cfg.run}"
    return (
        f"## How to reproduce it\n\n```bash\n{command}  # with the configuration in manifest.json\n```\n\n"
        f"With {found}. `manifest.json` has every file's checksum and what each stage was made from."
    )


def _yaml(value: Any) -> str:
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True).rstrip()
    return f"```yaml\n{text}\n```"
