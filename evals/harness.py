"""Tasks of lm-evaluation-harness, put to a model by that library's own evaluator."""

import logging
from collections.abc import Mapping, Sequence
from copy import deepcopy
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import Any

from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.errors import UserError, nearest
from core.models.gate import traits_of
from core.models.tokens import left_open
from core.runs.artifacts import hash_file
from evals.scores import TASKS, Score

OWN_TASKS = Path(__file__).parent / "tasks"
CPU_BATCH_SIZE = 16  # on a GPU lm-eval finds the largest that fits


class Harness:
    """The chosen tasks, groups and tags: of lm-eval, of `evals/tasks`, and below `eval.tasks_path`.

    `metadata` is handed to the tasks that build their own documents. Raises UserError at once for
    a task that isn't there, and for one whose data can't be had.
    """

    def __init__(
        self,
        names: Sequence[str],
        tasks_path: str | Path | None = None,
        metadata: Mapping[str, Any] | None = None,
    ):
        if tasks_path is not None and not Path(tasks_path).is_dir():
            raise UserError(
                f"eval.tasks_path={tasks_path} isn't a folder; name one with YAML tasks"
            )
        # What the answers depend on beside the model: the same again needn't be asked again.
        self.identity = {
            "tasks": list(names),
            "lm_eval": version("lm-eval"),
            "metadata": dict(metadata or {}),
            "tasks_path": {
                str(path.relative_to(tasks_path)): hash_file(path)
                for path in sorted(Path(tasks_path).rglob("*"))
                if path.is_file() and "__pycache__" not in path.parts
            }
            if tasks_path
            else {},
        }
        logging.getLogger("lm_eval").setLevel(logging.ERROR)
        folders: list[str | Path] = [OWN_TASKS, *([tasks_path] if tasks_path else [])]
        self.names = list(names)
        for with_theirs in (False, True):  # lm-eval's own are thousands of files: only if needed
            self.manager = TaskManager(
                include_path=folders,
                include_defaults=with_theirs,
                metadata=dict(metadata or {}),
            )
            unknown = sorted(set(self.names) - set(self.manager.all_tasks))
            if not unknown:
                break
        if unknown:
            hint = nearest(unknown[0], self.manager.all_tasks) or "; `lm-eval ls tasks` lists them"
            raise UserError(f"eval.tasks: lm-eval has no task '{unknown[0]}'{hint}")
        for name in self.names:
            try:
                self.manager.load(name)
            except UserError:
                raise
            except Exception as error:  # whatever a task's own code and datasets raise
                reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
                raise UserError(f"eval.tasks: can't load '{name}': {reason}") from error

    def scores(
        self, arm: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
    ) -> list[Score]:
        """What lm-eval reports: axis `lm_eval`, family the task, its metrics and standard errors.

        A metric's name has lm-eval's filter after a comma, where there is one. Groups have a row
        where lm-eval takes a mean over their tasks. Raises UserError for a tokenizer that it can't use.
        """
        if tokenizer.eos_token_id is None and tokenizer.pad_token_id is None:
            raise UserError(
                f"eval.tasks: the tokenizer of {arm} has neither an end of text nor padding, and lm-eval"
                " needs one: name an eos_token in its tokenizer_config.json"
            )
        batch_size: str | int = "auto" if model.device.type == "cuda" else CPU_BATCH_SIZE
        traits = traits_of(model)
        if not (traits.padded_left and traits.padded_right):
            batch_size = 1
        tokenizer, rows = left_open(tokenizer), len(model.get_input_embeddings().weight)  # type: ignore[arg-type]
        if tokenizer.pad_token_id is not None and tokenizer.pad_token_id >= rows:
            tokenizer = deepcopy(tokenizer)
            tokenizer.pad_token = tokenizer.eos_token  # what is padded is masked, but read
        lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=batch_size)
        results = simple_evaluate(
            lm, tasks=list(self.names), task_manager=self.manager, log_samples=False
        )
        assert results is not None, "None is for other ranks than the first"
        return [
            score
            for task, row in results["results"].items()
            for score in _scores_of(arm, task, row, results)
        ]


def _scores_of(
    arm: str, task: str, row: Mapping[str, Any], results: Mapping[str, Any]
) -> list[Score]:
    scores = []
    for key, value in row.items():
        metric, comma, kind = key.partition(",")
        if not comma or metric.endswith("_stderr") or not _is_number(value):
            continue
        error = row.get(f"{metric}_stderr,{kind}")  # N/A where lm-eval has none
        count = _sample_count(task, results)
        better = results["higher_is_better"].get(task, {}).get(metric)
        scores.append(
            Score(
                arm,
                TASKS,
                task,
                metric if kind == "none" else key,
                float(value),
                float(error) if error is not None and _is_number(error) and count > 1 else None,
                count,
                None,
                better is not False,
                version=_version(results["versions"].get(task)),
            )
        )
    return scores


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and isfinite(value)


def _sample_count(task: str, results: Mapping[str, Any]) -> int:
    """Documents of a task, or of all below a group."""
    below = results["group_subtasks"].get(task, [])
    if below:
        return sum(_sample_count(child, results) for child in below)
    return int(results["n-samples"][task]["effective"])


def _version(told: Any) -> int:
    try:
        return int(float(told))
    except (TypeError, ValueError):
        return 0  # the task's file doesn't say
