"""Winnow from Python: the stages of the command line, without it.

    import winnow

    run = winnow.Run("experiment=tiny", run="mine", forgetting=["fresh_embeddings", "span_dropout"])
    run.distill("core")
    scores = run.evaluate("core", "plain")
    model, tokenizer = run.load("core")
    folders = run.export("core", formats=["hf"])

And forgetting in a trainer of your own, transformers' or TRL's, with the map of that run:

    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    from forgetting.fresh_embeddings import FreshEmbeddings
    from forgetting.span_dropout import SpanDropout

    class ForgetfulTrainer(winnow.ForgettingMixin, Trainer):
        pass

    teacher, tokenizer = run.load("teacher")
    student, _ = run.load("teacher")
    trainer = ForgetfulTrainer(
        model=student,
        args=TrainingArguments("own", max_steps=800, learning_rate=8e-4, report_to="none"),
        train_dataset=run.rows(),
        data_collator=DataCollatorForSeq2Seq(tokenizer),
        teacher=teacher,
        memory_map=run.memory(),
        regularizers=[FreshEmbeddings(), SpanDropout()],
    )
    trainer.train()
    trainer.save_model("own/core")

What the user can mend is a `UserError` of one line. Everything else is in `core`, `forgetting` and `evals`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.config import compose
from core.config.overrides import overrides_of
from core.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from core.signal.row_memory import RowMemory
    from core.training.mixin import ForgettingMixin
    from evals.scores import Score

__all__ = ["ForgettingMixin", "RowMemory", "Run", "UserError"]
_HOME = {"ForgettingMixin": "core.training.mixin", "RowMemory": "core.signal.row_memory"}


def __getattr__(name: str) -> Any:
    """What takes seconds to import is imported when it is asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'winnow' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)


class Run:
    """One run folder: what `winnow VERB overrides…` would make in it, and what is in it.

    Takes overrides as they are typed, and options as Python values: ``Run("experiment=tiny", seed=1)``,
    ``student={"num_hidden_layers": 2}``. Nothing is done until it is asked for; then whatever that needs is
    made first, in processes of their own, and what is there already is taken as it is. Every call raises
    UserError for what the command line refuses.
    """

    def __init__(self, *overrides: str, **options: Any):
        self.overrides = overrides_of(overrides, options)
        self.cfg = compose.ready(compose.jobs(self.overrides)[0])

    def __repr__(self) -> str:
        return f"winnow.Run({', '.join(map(repr, self.overrides))})"

    @property
    def folder(self) -> Path:
        """Where all of it lies."""
        from core.runs.artifacts import run_folder

        return run_folder(self.cfg)

    def path(self, arm: str = "core") -> Path:
        """Tell where an arm lies.

        Args:
            arm: its name, or `teacher`.

        Returns:
            The Hugging Face folder, made or not; of several seeds or styles the first one's.
        """
        folder = self._first().folder
        return folder / "teacher" if arm == "teacher" else folder / "arms" / arm

    def teach(self) -> Path:
        """Make the corpus and the teacher.

        Returns:
            The teacher's folder.
        """
        self._make("teacher")
        return self.path("teacher")

    def map(self) -> Path:
        """Score each token as memory or skill.

        Returns:
            The map's folder.
        """
        self._make("map")
        return self._first().folder / "memory_map"

    def distill(self, arm: str = "core") -> Path:
        """Train an arm, and before it what it learns from.

        Args:
            arm: one of the configuration's arms.

        Returns:
            Its Hugging Face folder.
        """
        self._make(arm)
        return self.path(arm)

    def evaluate(self, *arms: str) -> "list[Score]":
        """Put the probes to arms, or to the configuration's `model`.

        Args:
            *arms: their names; none: all that are trained.

        Returns:
            Their scores.
        """
        return self._measure("eval", arms)

    def attack(self, *arms: str) -> "list[Score]":
        """Try to bring the forgotten back in arms, or in the configuration's `model`.

        Args:
            *arms: their names; none: all that are trained.

        Returns:
            Their scores, of the attacks.
        """
        return self._measure("attack", arms)

    def run(self) -> "list[Score]":
        """Do every stage, for every arm, and the report, as `winnow run` does.

        Returns:
            All scores; over several seeds, or styles, their means.
        """
        from core.config.verbs import load_verb

        load_verb("run")(self.cfg)
        return self.scores

    def report(self) -> Path:
        """Write the table, the frontier, the verdict and the page.

        Returns:
            The page; of several styles the first one's.
        """
        from core.cli.run import by_style
        from core.config.verbs import load_verb
        from core.runs.artifacts import run_folder

        load_verb("report")(self.cfg)
        return run_folder(by_style(self.cfg)[0]) / "report.html"

    @property
    def scores(self) -> "list[Score]":
        """All that has been measured; over several seeds, or styles, their means."""
        from core.cli.run import parts
        from evals.scores import over_seeds
        from evals.subjects import collect

        return over_seeds([collect(part) for part in parts(self.cfg)])

    @property
    def verdict(self) -> dict[str, dict[str, Any]]:
        """By arm: forgotten, hidden, broken, kept or undecided, with the evidence, from the scores alone."""
        from evals.verdict import verdicts

        return verdicts(self.scores)

    def load(self, arm: str = "core") -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
        """Load an arm.

        Args:
            arm: its name, or `teacher`.

        Returns:
            The model, on the GPU if there is one, and its tokenizer.

        Raises:
            UserError: it isn't there, or not whole.
        """
        from evals.evaluate import load_arm

        return load_arm(self.path(arm))

    def export(self, arm: str = "core", formats: "list[str] | None" = None) -> dict[str, Path]:
        """Write an arm, or the configuration's `model`, for other programs, with its forgetting card.

        Args:
            arm: its name.
            formats: some of hf, gguf, onnx and ollama; None: those of the configuration.

        Returns:
            By format its folder. The card says what has been measured till now.
        """
        from core.config.verbs import load_verb
        from core.export.source import source_of
        from core.export.stage import FOLDER

        if any(self._first().folder.glob("evals/*/artifact.json")):
            self.report()
        chosen = {} if formats is None else {"format": list(formats)}
        own = Run(*self.overrides, arm=arm, **chosen)
        load_verb("export")(own.cfg)
        target = own.folder / FOLDER / source_of(own.cfg).name
        return {name: target / name for name in own.cfg.format}

    def rows(self) -> "Dataset":
        """The rows that the memory map has scored, for a trainer: `input_ids` and `labels` of each."""
        from core.corpus.packing import unpack

        return unpack(self._first()._mapped()[0])

    def memory(self) -> "RowMemory":
        """The memory map, for a trainer that reads `rows()`."""
        from core.signal.row_memory import RowMemory

        return RowMemory.of_map(*self._first()._mapped())

    def _mapped(self) -> tuple[Any, Any]:
        """The packed sequences that the map is of, and the map."""
        from core.corpus.stage import PackedCorpus
        from core.signal.memory_map import MemoryMap

        memory_map = MemoryMap.load(self.folder / "memory_map")
        sequences = PackedCorpus.of(self.cfg).sequences()
        return sequences.select(range(len(memory_map.score_ST))), memory_map

    def _first(self) -> "Run":
        """Of a run over several seeds or styles that of the first; else this one."""
        from core.cli.run import parts

        first = object.__new__(Run)
        first.overrides, first.cfg = self.overrides, parts(self.cfg)[0]
        return first

    def _make(self, *jobs: str) -> None:
        from core.cli.run import make

        make(self.cfg, *jobs)

    def _measure(self, verb: str, arms: tuple[str, ...]) -> "list[Score]":
        from core.config.verbs import load_verb
        from evals.scores import write_scores
        from evals.subjects import SCORES, arms_there

        if self.cfg.model is not None:
            load_verb(verb)(self.cfg)
            return self.scores
        chosen = arms or tuple(arms_there(self._first().cfg))
        if not chosen:
            raise UserError(f"{self.folder} has no arms yet: distil one, or name it here")
        self._make(*(f"{verb} {arm}" for arm in chosen))
        scores = self.scores
        write_scores(self.folder / SCORES, scores)
        return [score for score in scores if score.arm in chosen]
