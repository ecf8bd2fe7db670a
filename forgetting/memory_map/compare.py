"""`winnow scorers`: a map by each scorer alone, to be compared with the corpus's truth."""

from omegaconf import DictConfig, OmegaConf

from core.cli.run import runs_of
from core.config.build import build
from core.config.compose import CONF
from core.config.verbs import load_verb
from core.errors import UserError
from core.runs.artifacts import run_folder
from core.runs.console import console
from forgetting.memory_map.stage import FOLDER, make_map

EACH = "scorers"


def map_by_each(cfg: DictConfig) -> None:
    """Write `scorers/<name>/` for each shipped scorer, then report. One that lacks a model is left out."""
    for one in runs_of(cfg):
        for path in sorted((CONF / FOLDER).glob("*.yaml")):
            asked = one.copy()
            choice = OmegaConf.load(path)
            assert isinstance(choice, DictConfig)
            asked.memory_map.scorer = choice.get(FOLDER, choice).scorer
            try:
                missing = OmegaConf.missing_keys(asked.memory_map)
                if missing:
                    raise UserError(f"{', '.join(sorted(missing))} isn't given")
                build(asked.memory_map.scorer).files()
            except UserError as error:
                console.print(f"{path.stem}: left out, {error}", style="yellow")
                continue
            console.print(path.stem, style="bold")
            make_map(asked, run_folder(one) / EACH / path.stem)
    load_verb("report")(cfg)
