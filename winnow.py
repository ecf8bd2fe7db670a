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

A mistake that the user can mend raises `UserError`, with a message of one line. Everything else is in `core`,
`forgetting` and `evals`.
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
    from core.store.reader import Reply
    from core.training.mixin import ForgettingMixin
    from evals.scores import Score

__all__ = ["ForgettingMixin", "RowMemory", "Run", "UserError"]
_HOME = {"ForgettingMixin": "core.training.mixin", "RowMemory": "core.signal.row_memory"}


def __getattr__(name: str) -> Any:
    """Import the names of `_HOME` at their first use, since they take seconds."""
    if name not in _HOME:
        raise AttributeError(f"module 'winnow' has no attribute '{name}'")
    import importlib

    return getattr(importlib.import_module(_HOME[name]), name)


class Run:
    """One run folder: makes what is in it, measures it and loads it.

    Each method does what the verb of the same name does on the command line. It makes what it needs first, in
    processes of its own, and leaves what is there already as it is. Every method raises UserError for what
    the command line refuses.
    """

    def __init__(self, *overrides: str, **options: Any):
        """Read the configuration; nothing is made yet.

        Args:
            *overrides: as they are typed on the command line, such as `experiment=tiny`.
            **options: the same as Python values, such as `seed=1` or `student={"num_hidden_layers": 2}`.

        Raises:
            UserError: an option or a choice doesn't exist, or a value has the wrong type.
        """
        self.overrides = overrides_of(overrides, options)
        self.cfg = compose.ready(compose.jobs(self.overrides)[0])

    def __repr__(self) -> str:
        return f"winnow.Run({', '.join(map(repr, self.overrides))})"

    @property
    def folder(self) -> Path:
        """The run's folder."""
        from core.runs.artifacts import run_folder

        return run_folder(self.cfg)

    def path(self, arm: str = "core") -> Path:
        """Tell where an arm lies, whether or not it is made yet.

        Args:
            arm: its name, or `teacher`.

        Returns:
            Its Hugging Face folder; of a run over several seeds or styles, that of the first.
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
        """Score each token of the corpus as memory or skill, after making what that needs.

        Returns:
            The map's folder.
        """
        self._make("map")
        return self._first().folder / "memory_map"

    def distill(self, arm: str = "core") -> Path:
        """Train an arm, after making what it learns from.

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
            *arms: their names. Without names, all arms that are trained.

        Returns:
            Their scores.

        Raises:
            UserError: no arm is trained yet, or a name isn't an arm's.
        """
        return self._measure("eval", arms)

    def attack(self, *arms: str) -> "list[Score]":
        """Try to bring the forgotten back in arms, or in the configuration's `model`.

        Args:
            *arms: their names. Without names, all arms that are trained.

        Returns:
            What the attacks measured of them.

        Raises:
            UserError: no arm is trained yet, or a name isn't an arm's.
        """
        return self._measure("attack", arms)

    def run(self) -> "list[Score]":
        """Do every stage, for every arm, and the report, as `winnow run` does.

        Returns:
            All scores; of a run over several seeds or styles, their means.
        """
        from core.config.verbs import load_verb

        load_verb("run")(self.cfg)
        return self.scores

    def report(self) -> Path:
        """Write the table, the frontier, the verdict and the page.

        Returns:
            The page's file; of a run over several styles, that of the first.

        Raises:
            UserError: nothing has been measured yet.
        """
        from core.cli.run import by_style
        from core.config.verbs import load_verb
        from core.runs.artifacts import run_folder

        load_verb("report")(self.cfg)
        return run_folder(by_style(self.cfg)[0]) / "report.html"

    @property
    def scores(self) -> "list[Score]":
        """All scores measured so far; of a run over several seeds or styles, their means."""
        from core.cli.run import runs_of
        from evals.scores import over_seeds
        from evals.subjects import collect

        return over_seeds([collect(part) for part in runs_of(self.cfg)])

    @property
    def verdict(self) -> dict[str, dict[str, Any]]:
        """By arm, from the scores alone: its `verdict`, the `evidence` for it, and what is `missing`."""
        from evals.verdict import verdicts

        return verdicts(self.scores)

    def load(self, arm: str = "core") -> "tuple[PreTrainedModel, PreTrainedTokenizerBase]":
        """Load an arm.

        Args:
            arm: its name, or `teacher`.

        Returns:
            The model, on the GPU if there is one, and its tokenizer.

        Raises:
            UserError: the arm isn't there, or its files are damaged.
        """
        from evals.evaluate import load_arm

        return load_arm(self.path(arm))

    def ask(self, question: str, arm: str = "core", *, store: bool = True) -> "Reply":
        """Put a question to an arm, or to the configuration's `model`.

        Args:
            question: its text, or the beginning of a sentence.
            arm: the arm's name, or `teacher`.
            store: whether it reads the run's store; without it, it answers from memory.

        Returns:
            Its `answer`, one sentence, and the `passages` that it read.

        Raises:
            UserError: the arm or the store isn't there, or the question is empty or too long.
        """
        from core.store.ask import answered, opened

        chosen = {} if store else {"ask": {"store": False}}
        cfg = Run(*self.overrides, arm=arm, **chosen)._first().cfg
        with opened(cfg) as reader:
            return answered(cfg, reader, question)

    def export(self, arm: str = "core", formats: "list[str] | None" = None) -> dict[str, Path]:
        """Write an arm, or the configuration's `model`, for other programs, with its forgetting card.

        The card tells what has been measured so far.

        Args:
            arm: its name.
            formats: some of `hf`, `gguf`, `onnx` and `ollama`; None: those of the configuration.

        Returns:
            The folder of each format.

        Raises:
            UserError: the arm isn't there, or can't be written in a format. Then nothing is written.
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
        """Unpack the rows that the memory map has scored, for a trainer of your own.

        Returns:
            A dataset with `input_ids` and `labels` (T,) of each row; a label of −100 isn't taught.

        Raises:
            UserError: there is no memory map yet.
        """
        from core.corpus.packing import unpack

        return unpack(self._first()._mapped()[0])

    def memory(self) -> "RowMemory":
        """Load the memory map, for a trainer that reads `rows()`.

        Returns:
            A score in [0, 1] for each token of those rows.

        Raises:
            UserError: there is no memory map yet.
        """
        from core.signal.row_memory import RowMemory

        return RowMemory.of_map(*self._first()._mapped())

    def _mapped(self) -> tuple[Any, Any]:
        """The packed sequences that the map scores, and the map."""
        from core.corpus.stage import PackedCorpus
        from core.signal.memory_map import MemoryMap

        memory_map = MemoryMap.load(self.folder / "memory_map")
        sequences = PackedCorpus.of(self.cfg).sequences()
        return sequences.select(range(len(memory_map.score_ST))), memory_map

    def _first(self) -> "Run":
        """The run of the first seed or style; of a run without these, itself."""
        from core.cli.run import runs_of

        first = object.__new__(Run)
        first.overrides, first.cfg = self.overrides, runs_of(self.cfg)[0]
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
