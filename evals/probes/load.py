"""The probes that a configuration names."""

from omegaconf import DictConfig

from core.config.build import build
from core.corpus.stage import check_corpus
from core.errors import UserError
from core.runs.artifacts import run_folder
from evals.probes.borders import as_in_corpus
from evals.probes.probe import Probe, complete, parse_probe


def load_probes(cfg: DictConfig) -> list[Probe]:
    """The probes that the configuration names: a file, or those that come with the corpus.

    A file is about the run's corpus, unless it is for a `model` from elsewhere, which is asked in the very
    characters of the file. Raises UserError when there are none, and when the run's corpus is another one.
    """
    if cfg.probes.path is not None:
        probes: list[Probe] = build(cfg.probes)()
        return probes if cfg.model is not None else as_in_corpus(probes, run_folder(cfg))
    check_corpus(cfg)
    corpus = build(cfg.corpus)
    if not hasattr(corpus, "probes"):
        raise UserError("this corpus brings no probes: add probes=jsonl probes.path=FILE")
    return complete(
        parse_probe(row, f"probe {n} of the corpus") for n, row in enumerate(corpus.probes(), 1)
    )
