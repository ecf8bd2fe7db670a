"""The forgetting card: a README.md that the model hub reads, from scores of this very checkpoint."""

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from omegaconf import DictConfig

from core.export.manifest import versions
from core.export.parity import Parity
from core.export.source import TEACHER, Source
from evals.card.card_scores import CardScores, Key, card_scores_of, key_of, main_scores, worst_steps
from evals.probes.probe import MEMORY_AXES
from evals.scores import Score, plus_minus
from evals.subjects import PICTURE
from evals.verdict import CONTROLS, SILENT, Comparison

FILE = "README.md"
BESIDE = (TEACHER, "plain", *CONTROLS)  # arms that tell what a score is worth
KEPT, FORGOT = "What it kept", "What it forgot"
ATTACKED, OTHERS = "… and under which attacks", "What else was measured"
NOTES = {
    KEPT: "",
    FORGOT: "Chance is what a guess scores.",
    ATTACKED: "What a control that never saw the facts shows under an attack, the attack itself teaches.",
    OTHERS: "",
}
DIRECTIONS = {"↑": " (higher is better)", "↓": " (lower is better)", "": ""}
VERDICTS = {
    "forgotten": "it recalls no more than controls that never saw the facts, under every attack tried",
    "hidden": "it recalls no more than the controls when asked, until an attack brings it back",
    "broken": "it recalls no more than the controls, but has lost its reading or reasoning too",
    "kept": "it recalls more than controls that never saw the facts",
    "undecided": "what was measured isn't enough to tell",
}


@dataclass(frozen=True)
class ForgettingCard:
    """The card of one checkpoint, for any format that it is exported in."""

    cfg: DictConfig
    source: Source
    scores: CardScores

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the scores and the verdict that it tells."""
        return self.scores.fingerprint

    def write(self, folder: Path, format: str, parities: Sequence[Parity]) -> None:
        """Write `README.md`, and the frontier's picture beside it.

        Args:
            folder: of the exported files.
            format: what they are, such as `gguf`.
            parities: how each of them was read back.
        """
        cfg, source, scores = self.cfg, self.source, self.scores
        if scores.picture is not None:
            shutil.copy(scores.picture, folder / PICTURE)
        data = ModelCardData(
            model_name=f"{cfg.run}-{source.name}".replace("/", "-"),
            library_name="transformers" if format == "hf" else format,
            pipeline_tag="text-generation",
            tags=["winnow", "distillation", "unlearning", "memorization", format],
            eval_results=list(_results(scores, source)) or None,
        )
        sections = [
            f"# {source.name}, of the run {cfg.run}",
            _made(source),
            _verdict(scores),
            _kept_and_forgotten(scores, source),
            _read_back(format, parities),
            _limits(scores, source),
            _reproduce(cfg, source, scores),
        ]
        text = "\n\n".join(filter(None, sections))
        ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}\n").save(folder / FILE)


def card_of(cfg: DictConfig, source: Source) -> ForgettingCard:
    """The card of a checkpoint. Raises UserError for scores of another one, and for outdated ones."""
    return ForgettingCard(cfg, source, card_scores_of(cfg, source))


def _results(scores: CardScores, source: Source) -> Iterator[EvalResult]:
    """The checkpoint's own scores, for the hub's model-index."""
    for score in worst_steps(main_scores(scores.own, source.name)):
        chance = {} if score.chance is None else {"chance": score.chance}
        error = {} if score.stderr is None else {"stderr": score.stderr}
        yield EvalResult(
            task_type="text-generation",
            dataset_type=f"winnow-{score.axis}",
            dataset_name=_axis(score),
            metric_type=score.metric,
            metric_name=f"{score.metric}{DIRECTIONS[_direction(score)]}",
            metric_value=score.value,
            metric_args={**error, "n": score.n, **chance},
        )


def _axis(score: Score | Comparison) -> str:
    name = score.axis.replace("_", " ")
    if score.family != "all":
        name += f", {score.family}"
    return name if score.step is None else f"{name}, at {score.step}"


def _direction(score: Score) -> str:
    """Whether more (↑) or less (↓) is better; empty for what says nothing by itself."""
    if score.metric in SILENT:
        return ""
    return "↑" if score.higher_is_better else "↓"


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


def _verdict(scores: CardScores) -> str:
    if not scores.own:
        return (
            "## Verdict\n\n**Not measured.** Nothing is known of what this checkpoint remembers:"
            " `winnow eval` and `winnow attack` tell."
        )
    if scores.verdict is None:
        return "## Verdict\n\nNone: `winnow report` gives one to the arms of a run."
    found = scores.verdict.verdict
    lines = ["## Verdict", "", f"**{found.capitalize()}**: {VERDICTS.get(found, '')}."]
    if scores.verdict.evidence:
        lines += ["", "What decided, or came nearest to another verdict:", ""]
    for one in scores.verdict.evidence:
        side = "below" if one.claim == "broken" else "above"
        lines.append(
            f"- {_axis(one)}, {one.metric} {_value(one)}; *{one.claim}* would be {side}"
            f" {one.limit:.3f} (by {one.against})"
        )
    lines += [f"- missing: {reason}" for reason in scores.verdict.missing]
    return "\n".join(lines)


def _kept_and_forgotten(scores: CardScores, source: Source) -> str:
    """A table under each heading that has scores, and the picture."""
    filed: dict[str, list[Score]] = {heading: [] for heading in NOTES}
    for score in main_scores(scores.own, source.name):
        filed[heading_of(score, scores.attacked)].append(score)
    parts = [
        "\n\n".join(filter(None, (f"## {heading}", NOTES[heading], _table(own, scores, source))))
        for heading, own in filed.items()
        if own
    ]
    if scores.picture is not None:
        parts.append(f"![What each arm recalls and what it can do]({PICTURE})")
    return "\n\n".join(parts)


def heading_of(score: Score, attacked: Collection[Key]) -> str:
    """The heading under which a card tells a score.

    Args:
        score: one of this checkpoint's.
        attacked: the keys of the scores that attacks measured.

    Returns:
        One of KEPT, FORGOT, ATTACKED and OTHERS. An axis of memories is never under KEPT, whichever
        direction its metric has: a large edit distance is something forgotten.
    """
    if key_of(score) in attacked:
        return ATTACKED
    if score.metric in SILENT:
        return OTHERS
    if score.axis in MEMORY_AXES:
        return FORGOT
    return KEPT if score.higher_is_better else OTHERS


def _table(told: Sequence[Score], scores: CardScores, source: Source) -> str:
    """A row a score: of this checkpoint, of its arm over all seeds, and of the arms beside it."""
    arms = [a for a in BESIDE if a != source.name and any(s.arm == a for s in scores.whole)]
    by_arm = {
        arm: {key_of(s): s for s in scores.whole if s.arm == arm} for arm in [source.name, *arms]
    }
    several = len(scores.seeds) > 1
    over = [f"over seeds {', '.join(map(str, scores.seeds))}"] if several else []
    header = ["", "metric (↑ more is better)", "this checkpoint", *over, *arms, "chance"]
    lines = [_row(header), _row(["---"] * 2 + ["---:"] * (len(header) - 2))]
    for score in told:
        beside = [
            by_arm[arm].get(key_of(score)) for arm in ([source.name] if several else []) + arms
        ]
        chance = "–" if score.chance is None else f"{score.chance:.3f}"
        metric = f"{score.metric} {_direction(score)}".rstrip()
        lines.append(_row([_axis(score), metric, _value(score), *map(_value, beside), chance]))
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _value(score: Score | Comparison | None) -> str:
    """Its value, with the standard error if it has one."""
    return "–" if score is None else f"{score.value:.3f}{plus_minus(score.stderr, 3)}"


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


def _limits(scores: CardScores, source: Source) -> str:
    corpus: Mapping[str, Any] = source.made_from.get("corpus", {}).get("config") or {}
    target = (corpus.get("corpus") or {}).get("_target_", "")
    seeds = ", ".join(map(str, scores.seeds))
    errors = f"Standard errors are over probes; there is one seed ({seeds})."
    if len(scores.seeds) > 1:
        errors = (
            f"This checkpoint (seed {scores.seeds[0]}) has its standard errors over probes; those over"
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


def _reproduce(cfg: DictConfig, source: Source, scores: CardScores) -> str:
    seeds = f"'seeds={scores.seeds}'" if len(scores.seeds) > 1 else f"seed={scores.seeds[0]}"
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
