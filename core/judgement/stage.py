"""`winnow value`: train a value on a core's own solutions."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.errors import UserError
from core.judgement.reading import check_layer, read_texts
from core.judgement.solutions import FILE as SOLUTIONS
from core.judgement.solutions import Writer, written_down
from core.judgement.value import FILE, Value, check_leads, fit_value
from core.models.checkpoint import find_model, fingerprint_model, own_name
from core.models.loading import check_vocabulary, load_model, load_tokenizer
from core.runs.artifacts import MARK, Artifact, arm_name, fingerprint_of, plain, run_folder
from core.runs.console import Report, console, tell_kept
from core.runs.progress import reporting
from core.worlds.worked.families import families_of, problems

VERSION = "3"  # raised when the same configuration gives another value
FOLDER = "values"
COUNTS = ("num_problems", "num_solutions", "max_tokens")


def value(cfg: DictConfig, report: Report | None = None) -> None:
    """Train the value of `arm`, or of `model`: `values/<arm>/value.safetensors`.

    The model solves `value.num_problems` problems `value.num_solutions` times each, and the checker says
    which came out right. Raises UserError for a family without a checker, for a layer that isn't there, and
    where all solutions came out alike.
    """
    families_of(list(cfg.value.families))
    check_leads(cfg.value.leads)
    for name in COUNTS:
        if cfg.value[name] < 1:
            raise UserError(f"value.{name}={cfg.value[name]}: choose at least 1")
    name, folder, fingerprint = core_of(cfg)
    artifact = Artifact(
        run_folder(cfg) / FOLDER / name, settings_of(cfg), {"core": fingerprint}, version=VERSION
    )
    if artifact.is_done(cfg.overwrite):
        return tell_kept(artifact.folder, report)
    model, tokenizer = load_core(folder)
    check_layer(model, cfg.value.layer)
    with artifact.writing() as place, reporting(f"value {name}", report) as show:
        writer = Writer(model, tokenizer, most=cfg.value.max_tokens)
        asked = problems(
            f"{cfg.seed}/value", cfg.value.num_problems, list(cfg.value.families), part="value"
        )
        attempts = written_down(
            writer,
            asked,
            cfg.value.num_solutions,
            place / SOLUTIONS,
            seed=cfg.seed,
            report=show,
        )
        every = [solution for own in attempts for solution in own]
        right = [solution.right for solution in every]
        texts = [(solution.prompt, solution.written) for solution in every]
        readings = read_texts(model, texts, cfg.value.layer)
        made = fit_value(
            readings, right, layer=cfg.value.layer, core=fingerprint, leads=cfg.value.leads
        )
        made.save(place / FILE)
    share = sum(right) / len(right)
    console.print(
        f"value of {name}: {len(right):,} solutions, {share:.0%} right → {artifact.folder}"
    )


def settings_of(cfg: DictConfig) -> dict[str, Any]:
    """The part of the configuration that a value depends on."""
    return {"value": {**plain(cfg.value), "arms": None, "measure": None}, "seed": cfg.seed}


def core_of(cfg: DictConfig) -> tuple[str, Path, str]:
    """Name, folder and fingerprint of the arm, or of any `model`.

    Raises UserError where it isn't there, and for a model that has an arm's name.
    """
    if cfg.model is not None:
        folder = find_model(cfg.model, "model")
        return own_name(cfg.model, run_folder(cfg)), folder, fingerprint_model(folder)
    name = arm_name(cfg)
    run = run_folder(cfg)
    folder = run / "teacher" if name == "teacher" else run / "arms" / name
    verb = "teach" if name == "teacher" else f"distill arm={name}"
    return name, folder, fingerprint_of(folder, verb)


def load_core(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model and its tokenizer; raises UserError where they don't belong together."""
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    check_vocabulary(model, tokenizer, str(folder))
    return model.eval(), tokenizer


def has_value(run: Path, name: str) -> bool:
    """Whether an arm of the run has a value."""
    return (run / FOLDER / name / MARK).exists()


def value_of(run: Path, name: str, model: PreTrainedModel, core: str) -> Value:
    """The value of an arm; raises UserError as `Value.load` does, and where its folder is damaged."""
    fingerprint_of(run / FOLDER / name, f"value arm={name}", {"core": core})
    return Value.load(run / FOLDER / name / FILE, model, core)
