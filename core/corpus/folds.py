"""Folds of a corpus: a model trained outside a row's fold has met nothing of what the row tells.

Folds are found from the text alone, as components that are never split. Documents are joined by
near-duplicate sentences and by names first, then by rare words, the rarest first. A component may hold at
most `LARGEST` of a fold's documents. That is room for one entity, but not for all entities of a kind, whose
form the model of the other fold has to learn. What many documents share (boilerplate, templates, the
commonest names) joins nothing, or one component would be the whole corpus.

Tasks are joined where they are the same, and where few have the same completion after a prompt about the same
name; then with a document that tells both. Tasks that are merely alike stay apart: else all items of a skill
would be in one fold, and the model of the other fold would never learn it.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from core.corpus.components import Components
from core.corpus.deduplicate import near_duplicates, sentences_of
from core.corpus.rows import Row, joined_text, prompt_of, taught_text
from core.corpus.terms import Terms
from core.errors import UserError

FILE = "folds.json"  # in the corpus' folder: the fold of each row
LARGEST = 0.05  # of a fold's share of the documents: the most that is joined into one component,
FEW = 8  # or so many of them

Units = dict[int, Row]  # distinct texts, by number
Links = dict[str, set[int]]  # units that share something


def fold_of_rows(rows: Sequence[Row], num_folds: int, seed: int = 0) -> list[int]:
    """The fold of each row, from 0 to `num_folds` − 1: the same for the same rows and seed.

    Folds have about as many documents as each other, and as many tasks. Raises UserError for fewer than
    two folds, and when the corpus has fewer components than folds.
    """
    if num_folds < 2:
        raise UserError(f"variants.num_folds={num_folds}: out of fold takes at least 2")
    number: dict[tuple[str, str], int] = {}
    unit_of_row = [
        number.setdefault((prompt_of(row), " ".join(joined_text(row).lower().split())), len(number))
        for row in rows
    ]
    recurs = [count for _, count in sorted(Counter(unit_of_row).items())]
    units: Units = dict(zip(unit_of_row, rows, strict=True))
    documents = {unit: row for unit, row in units.items() if "text" in row}
    tasks = {unit: row for unit, row in units.items() if "text" not in row}
    terms = Terms({joined_text(row): recurs[unit] for unit, row in units.items()})
    components = Components(recurs)
    most = max(LARGEST / num_folds * sum(recurs[unit] for unit in documents), FEW)
    for links in _document_links(documents, terms, random.Random(f"{seed}/groups")):
        weighed = [(sum(recurs[unit] for unit in found), key) for key, found in links.items()]
        for weight, key in sorted(weighed):
            if weight <= most:
                components.join(links[key], most)
    for found in _told_alike(tasks, terms, recurs).values():
        components.join(found, len(rows))
    _join_to_documents(components, tasks, documents, terms)
    fold = _balanced(components, (documents, tasks), recurs, num_folds, seed)
    return [fold[components.root(unit)] for unit in unit_of_row]


def _document_links(documents: Units, terms: Terms, rng: random.Random) -> Iterator[Links]:
    """What documents share, the strongest kind first."""
    told = {unit: sentences_of(row["text"]) for unit, row in documents.items()}
    group = near_duplicates(sorted({s for parts in told.values() for s in parts}), rng)
    # A fact's wordings are fewer than the documents about its entity, and those fewer than what a
    # template of sentences is filled with: in one order, the entity comes before the template.
    yield _links(
        {
            unit: {group[s] for s in parts} | terms.names(documents[unit]["text"])
            for unit, parts in told.items()
        }
    )
    yield _links({unit: terms.rare_words(row["text"]) for unit, row in documents.items()})


def _links(shared: dict[int, set[str]]) -> Links:
    links: Links = defaultdict(set)
    for unit, keys in shared.items():
        for key in keys:
            links[key].add(unit)
    return links


def _told_alike(tasks: Units, terms: Terms, recurs: Sequence[int]) -> Links:
    """Group tasks with the same completion whose prompts share their rarest name, or word where they have no
    name.

    Only small groups count: where many tasks agree, the completion is one of a few (yes, no) and says nothing
    about the name.
    """
    about = {
        unit: terms.names(prompt_of(row)) or terms.rare_words(prompt_of(row))
        for unit, row in tasks.items()
    }
    frequency = Counter(term for found in about.values() for term in found)
    links: Links = defaultdict(set)
    for unit, found in about.items():
        if found:
            rarest = min(found, key=lambda term: (frequency[term], term))
            answer = " ".join(taught_text(tasks[unit]).lower().split())
            links[f"{answer}\n{rarest}"].add(unit)
    return {
        key: found
        for key, found in links.items()
        if sum(recurs[unit] for unit in found) <= terms.most
    }


def _join_to_documents(
    components: Components, tasks: Units, documents: Units, terms: Terms
) -> None:
    """Join each component of tasks to one document with a completion's terms and one of its prompt's."""
    telling = _links({unit: terms.all(row["text"]) for unit, row in documents.items()})
    joined = set()
    for unit, row in tasks.items():
        answer = terms.all(taught_text(row))
        root = components.root(unit)
        if root in joined or not answer or not answer <= telling.keys():
            continue
        found = set.intersection(*(telling[term] for term in answer))
        asked = terms.all(prompt_of(row)) - answer
        about = [found & telling[term] for term in asked & telling.keys()]
        candidates = {document for shared in about for document in shared}
        if candidates:
            components.join([unit, min(candidates)], float("inf"))
            joined.add(components.root(unit))


def _balanced(
    components: Components, kinds: Sequence[Units], recurs: Sequence[int], num_folds: int, seed: int
) -> dict[int, int]:
    """Assign a fold to each component, by its root.

    The largest come first, each into the fold that has least of its kind so far.
    """
    sizes: dict[int, list[int]] = defaultdict(lambda: [0] * len(kinds))
    for kind, units in enumerate(kinds):
        for unit in units:
            sizes[components.root(unit)][kind] += recurs[unit]
    if len(sizes) < num_folds:
        raise UserError(
            f"the corpus holds together too closely for {num_folds} folds: it has {len(sizes)} parts that "
            "share no text or name"
        )
    roots = sorted(sizes)
    random.Random(f"{seed}/folds").shuffle(roots)
    # Components with documents first, for tasks even out the rest.
    roots.sort(key=lambda root: [-size for size in sizes[root]])
    totals = [max(sum(size[kind] for size in sizes.values()), 1) for kind in range(len(kinds))]
    loads = [[0.0] * len(kinds) for _ in range(num_folds)]
    fold = {}
    for root in roots:
        shares = [size / total for size, total in zip(sizes[root], totals, strict=True)]
        fold[root] = min(
            range(num_folds),
            key=lambda f: sum(load for load, share in zip(loads[f], shares, strict=True) if share),
        )
        loads[fold[root]] = [a + b for a, b in zip(loads[fold[root]], shares, strict=True)]
    return fold
