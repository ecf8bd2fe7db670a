"""`winnow probes`: what the run's teacher knows by heart becomes its probes, the same for every arm."""

from pathlib import Path

from omegaconf import DictConfig

from core.config.build import build
from core.corpus.rows import write_rows
from core.corpus.stage import PackedCorpus
from core.errors import UserError
from core.runs.artifacts import Artifact, fingerprint_of, run_folder
from core.runs.console import Report, console, tell_kept
from core.runs.progress import reporting
from evals.evaluate import load_arm
from evals.own.find import Own, row_of

VERSION = "6"  # raised when the same configuration gives another set of probes


def make_probes(cfg: DictConfig, report: Report | None = None) -> None:
    """Write the file that `probes.path` names, by the probes' `maker`, from the run's corpus and teacher.

    Raises UserError for probes that aren't made here, and as the maker does.
    """
    if not cfg.probes.get("maker"):
        raise UserError("`winnow probes` finds what a teacher knows by heart: add probes=own")
    path, teacher, corpus = Path(cfg.probes.path), run_folder(cfg) / "teacher", PackedCorpus.of(cfg)
    inputs = {"corpus": corpus.fingerprint}
    inputs["teacher"] = fingerprint_of(teacher, "teach", inputs)
    artifact = Artifact(path.parent, {"maker": cfg.probes.maker}, inputs, version=VERSION)
    if artifact.is_done(cfg.overwrite):
        return tell_kept(artifact.folder, report)
    maker: Own = build(cfg.probes.maker)
    with artifact.writing() as folder, reporting("probes", report) as show:
        probes = maker.find(list(corpus.rows()), *load_arm(teacher), show)
        write_rows(folder / path.name, map(row_of, probes))
    facts = sum(probe.axis == "recall" and probe.form == "statement" for probe in probes)
    console.print(f"probes: {facts} facts known by heart, {len(probes)} probes → {path}")
