"""What the teacher knows by heart of the run's corpus: probes that it answers, and loses under renaming."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from random import Random

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.cases import Cases
from core.corpus.rows import Row, joined_text
from core.corpus.script import joined
from core.corpus.symbols import Symbols
from core.errors import UserError
from core.runs.console import Report
from core.worlds.exercises import ARITHMETIC, LOGIC
from core.worlds.skills import draw_new
from core.writing.rows import COMMON, EXERCISE
from evals.own.halves import halves
from evals.own.statements import Statement, sentences, statements
from evals.probes.probe import Probe
from evals.recall.answers import answer_probes
from evals.recall.strangers import Strangers, asked_of_strangers

NUM_SHOWN = 3
TOLD = 3  # statements in a passage
MOST_LEFT = 0.25  # of the renamings, those under which a memory may still be answered
ASKED = 6  # statements asked for each probe wanted
FEWEST = 4  # statements of a form that make a family of their own
OTHERS = "other forms"
NUM_EXERCISES = 25  # of each family


@dataclass(frozen=True, kw_only=True)
class Own:
    """Finds at most `num_facts` facts, drawn by `seed`.

    Raises:
        UserError: no fact is wanted.
    """

    num_facts: int = 160
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_facts < 1:
            raise UserError(f"probes.maker.num_facts={self.num_facts}: choose 1 or more")

    def find(
        self,
        rows: Sequence[Row],
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        report: Report,
    ) -> list[Probe]:
        """Probes of the model's own memories, and of what it should keep.

        `recall`: statements of rows whose end the model says, as they are and behind others of their form,
        and doesn't say when their subject has another name; the second wording has the form `shown`.
        `open_book`: the same behind a passage that tells them (`true`), or tells another value of the
        family (`counterfactual`). `language`: statements about common words that it completes behind
        others. Then sums and logic that no row has. Raises UserError where it knows none.
        """
        general = [row for row in rows if row.get("source") not in (COMMON, EXERCISE)]
        common = [row for row in rows if row.get("source") == COMMON]
        report(0, 4, "names")
        texts = sentences([*general, *common])
        symbols, cases = Symbols(texts), Cases(texts)
        report(1, 4, "statements")
        found = statements(sentences(general), symbols)
        asked = self._some(s for s in found if _is_about_names(s, symbols, cases))
        families = _families(asked)
        known = self._completed(asked, families, model, tokenizer)
        report(2, 4, "renamings")
        plain = [_recall(statement, families) for statement in known]
        strangers = Strangers([_recall(statement, families) for statement in asked], texts)
        said = asked_of_strangers(model, tokenizer, plain, strangers, seed=self.seed)
        lost = [
            statement
            for statement, probe in zip(known, plain, strict=True)
            if probe.id in said
            and sum(answer.correct for answer in said[probe.id]) <= MOST_LEFT * len(said[probe.id])
        ][: self.num_facts]
        if not lost:
            raise UserError(
                f"the teacher knows nothing by heart that could be asked: of {len(asked)} statements of the "
                f"corpus it completes {len(known)}, none of them only for their subject; give probes of your "
                "own with probes=jsonl probes.path=FILE"
            )
        report(3, 4, "common words")
        words = self._some(statements(sentences(common), symbols))
        forms = _families(words)
        kept = self._completed(words, forms, model, tokenizer, wordings=(NUM_SHOWN,))
        names = {s.subject: _names(s.subject, symbols, cases) for s in lost}
        probes = [
            *self._memories(lost, asked, families, halves(names)),
            *self._of_words(kept[: self.num_facts], words, forms),
        ]
        return [*probes, *self._exercises(rows)]

    def _some(self, found: Iterator[Statement]) -> list[Statement]:
        every = list(found)
        return Random(f"{self.seed}/own").sample(every, min(len(every), ASKED * self.num_facts))

    def _completed(
        self,
        asked: Sequence[Statement],
        families: dict[str, str],
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        wordings: Sequence[int] = (0, NUM_SHOWN),
    ) -> list[Statement]:
        """Those whose end the model says behind each of these numbers of others."""
        left = list(asked)
        for number_shown in wordings:
            probes = [
                replace(_recall(s, families), prompt=self._behind(s, asked, families, number_shown))
                for s in left
            ]
            said = answer_probes(model, tokenizer, probes)
            left = [s for s, answer in zip(left, said, strict=True) if answer.correct]
        return left

    def _behind(
        self,
        statement: Statement,
        others: Sequence[Statement],
        families: dict[str, str],
        number: int,
    ) -> str:
        """The prompt behind other statements of its family."""
        shown = self._alike(statement, others, families, number)
        return "\n".join([*(other.text for other in shown), statement.prompt])

    def _alike(
        self,
        statement: Statement,
        others: Sequence[Statement],
        families: dict[str, str],
        number: int,
    ) -> list[Statement]:
        """Other statements of its family, of other subjects and with other values; drawn by the seed."""
        family, own = families[statement.form], {statement.value.lower(), statement.subject.lower()}
        rng = Random(f"{self.seed}/shown/{statement.text}")
        found: list[Statement] = []
        for other in rng.sample(others, len(others)) if number else ():
            names = {other.value.lower(), other.subject.lower()}
            if families[other.form] == family and not names & own:
                found.append(other)
                own |= names
            if len(found) == number:
                break
        return found

    def _memories(
        self,
        lost: Sequence[Statement],
        asked: Sequence[Statement],
        families: dict[str, str],
        half: dict[str, str],
    ) -> Iterator[Probe]:
        """Each fact asked plainly, behind others, and behind passages with its own and another value."""
        for statement in lost:
            plain = replace(_recall(statement, families), half=half[statement.subject])
            behind = self._behind(statement, asked, families, NUM_SHOWN)
            yield plain
            yield replace(
                plain, id=f"{plain.id} (shown)", prompt=behind, form="shown", fact=plain.id
            )
            others = self._alike(statement, asked, families, TOLD)
            if len(others) < TOLD:
                continue
            *beside, instead = others
            for family, value in (("true", statement.value), ("counterfactual", instead.value)):
                told = joined([statement.prompt, value]) + _end(statement)
                passage = [told, *(other.text for other in beside)]
                Random(f"{self.seed}/told/{plain.id}/{family}").shuffle(passage)
                yield Probe(
                    id=f"{plain.id} ({family})",
                    axis="open_book",
                    family=family,
                    prompt=f"Passage: {joined(passage)}\nAccording to the passage: {statement.prompt}",
                    answers=(value,),
                    chance=1 / TOLD,
                )

    def _of_words(
        self, kept: Sequence[Statement], asked: Sequence[Statement], families: dict[str, str]
    ) -> Iterator[Probe]:
        for statement in kept:
            probe = _recall(statement, families)
            prompt = self._behind(statement, asked, families, NUM_SHOWN)
            named = f"words {probe.id}"
            yield replace(probe, id=named, axis="language", prompt=prompt, chance=0.0)

    def _exercises(self, rows: Sequence[Row]) -> Iterator[Probe]:
        seen = {joined_text(row) for row in rows if row.get("source") == EXERCISE}
        for axis, draws in (("arithmetic", ARITHMETIC), ("reasoning", LOGIC)):
            for family, draw in draws.items():
                rng, prompts = Random(f"{self.seed}/own/{family}"), set[str]()
                number = 0
                while number < NUM_EXERCISES:
                    item = draw_new(partial(draw, rng), prompts, family)
                    if f"{item.prompt} {item.completion}{item.rest}" in seen:
                        continue
                    yield Probe(
                        f"{family} {number}",
                        axis,
                        family,
                        item.prompt,
                        (item.completion,),
                        chance=item.chance,
                    )
                    number += 1


def _end(statement: Statement) -> str:
    """The signs behind the value."""
    return statement.text[statement.text.rindex(statement.value) + len(statement.value) :]


def _families(found: Sequence[Statement]) -> dict[str, str]:
    """By form the family: itself, or one for all forms that few statements have."""
    counts = Counter(statement.form for statement in found)
    return {form: form if count >= FEWEST else OTHERS for form, count in counts.items()}


def _is_about_names(statement: Statement, symbols: Symbols, cases: Cases) -> bool:
    """Whether its subject and its value have a name in them, where capitals mark names."""
    return not cases.mark_names or all(
        _names(part, symbols, cases) for part in (statement.subject, statement.value)
    )


def _recall(statement: Statement, families: dict[str, str]) -> Probe:
    name = f"{statement.form}: {statement.subject}"
    answers = (statement.value,)
    return Probe(name, "recall", families[statement.form], statement.prompt, answers)


def row_of(probe: Probe) -> dict[str, object]:
    """The probe as a row of a file, as `read_probes` reads it."""
    return {key: value for key, value in asdict(probe).items() if value not in (None, ())}


def _names(text: str, symbols: Symbols, cases: Cases) -> set[str]:
    """The words of a text that are names, in lower case; where capitals mark none, those that are rare."""
    return {
        word.lower()
        for word in symbols.words_of(text)
        if (
            cases.is_name(word, symbols.is_rare(word))
            if cases.mark(word)
            else symbols.is_rare(word)
        )
    }
