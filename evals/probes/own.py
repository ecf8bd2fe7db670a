"""Probes of what the teacher knows by heart of the run's corpus (evals/own finds them)."""

from pathlib import Path

from evals.probes.probe import NotThereYet, Probe, read_probes


def read_own(*, path: str, maker: object) -> list[Probe]:
    """The probes that `winnow probes` found; raises NotThereYet before."""
    if not Path(path).is_file():
        raise NotThereYet(f"{path} isn't there yet: run `winnow teach`, then `winnow probes`")
    return read_probes(path)
