"""The entities of the embedded world and what is true of them: facts that only memory can hold."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

import periodictable
from countryinfo import all_countries

from core.errors import UserError
from core.worlds import words
from core.worlds.document import Document, Piece, fill, text
from core.worlds.relations import RELATIONS, Relation

NUM_NAMES = 40  # given names, and as many family names
NUM_PROBE_PEOPLE = 200


class Entity(NamedTuple):
    """Someone or something with a name, and its true values by family; strangers have none."""

    key: str  # "person-17"
    kind: str
    name: str
    values: dict[str, str]


class Facts(NamedTuple):
    """All entities, the values each family draws from, and people about whom nothing is true."""

    entities: list[Entity]
    mentioned: list[Entity]  # others, each the subject of one document that doesn't recur
    pools: dict[str, list[str]]
    strangers: list[Entity]  # for training
    probe_strangers: list[Entity]  # for the probes alone
    taken: set[str]  # lower-case words that an invented word must avoid
    relations: Sequence[Relation]

    def of_kind(self, kind: str) -> list[Entity]:
        """The entities of one kind, about whom something is true."""
        return [entity for entity in self.entities if entity.kind == kind]

    def relations_of(self, kind: str) -> list[Relation]:
        """The attributes that entities of this kind have."""
        return [relation for relation in self.relations if relation.kind == kind]

    def everyone(self) -> list[Entity]:
        """All that has a name, in a fixed order."""
        return [*self.entities, *self.mentioned, *self.strangers, *self.probe_strangers]


def build(
    seed: int,
    num_people: int,
    num_countries: int,
    num_elements: int,
    num_mentioned: int,
    relations: Sequence[Relation] = RELATIONS,
) -> Facts:
    """Choose the entities and their facts.

    Raises:
        UserError: more countries are asked for than have names and values of one word.
    """
    countries = _countries(Random(f"{seed}/countries"), num_countries)
    elements = _elements(Random(f"{seed}/elements"), num_elements)
    pools = {
        "person/city": words.CITIES,
        "person/job": words.JOBS,
        "person/instrument": words.INSTRUMENTS,
        "person/pet": words.PETS,
    }
    for relation in relations:
        if relation.kind != "person":
            listed = countries if relation.kind == "country" else elements
            pools[relation.family] = sorted({entity.values[relation.family] for entity in listed})

    taken = words.fixed_words() | {
        word.lower().strip(".?")
        for relation in relations
        for phrase in relation.statements
        for word in phrase.split()
    }
    taken |= {value.lower() for pool in pools.values() for value in pool}
    taken |= {entity.name.lower() for entity in countries + elements}

    rng = Random(f"{seed}/people")
    given = words.invent(rng, NUM_NAMES, num_syllables=2, endings=("a", "o", "i"), taken=taken)
    taken |= set(given)
    endings = ("elk", "orn", "ask", "int", "und", "arl")
    family = words.invent(rng, NUM_NAMES, num_syllables=2, endings=endings, taken=taken)
    taken |= set(family)
    names = [f"{first} {last}".title() for first in given for last in family]
    rng.shuffle(names)
    columns = {
        relation.family: _evenly(rng, pools[relation.family], num_people)
        for relation in relations
        if relation.kind == "person"
    }
    people = [
        Entity(f"person-{index}", "person", names[index], {k: v[index] for k, v in columns.items()})
        for index in range(num_people)
    ]
    rest = iter(names[num_people:])
    probe_strangers = [
        Entity(f"probe-stranger-{index}", "person", next(rest), {})
        for index in range(NUM_PROBE_PEOPLE)
    ]
    mentioned = _mentioned(Random(f"{seed}/mentioned"), num_mentioned, rest, pools, taken)
    strangers = [Entity(f"stranger-{index}", "person", name, {}) for index, name in enumerate(rest)]
    return Facts(
        entities=people + countries + elements,
        mentioned=mentioned,
        pools=pools,
        strangers=strangers,
        probe_strangers=probe_strangers,
        taken=taken,
        relations=relations,
    )


def documents(
    entity: Entity, facts: Facts, rng: Random, count: int, joint: str = " "
) -> Iterator[Document]:
    """`count` different wordings of all that is true of the entity, with `joint` between statements."""
    relations, seen = facts.relations_of(entity.kind), set[str]()
    while len(seen) < count:
        document: Document = []
        for relation in rng.sample(relations, len(relations)):
            choices = [s for s in relation.statements if document or may_open(s)]
            document += [Piece(joint)] if document else []
            value, pool = entity.values[relation.family], facts.pools[relation.family]
            document += fill(rng.choice(choices), entity.name, value, pool)
        if text(document) not in seen:
            seen.add(text(document))
            yield document


def fact_id(entity: Entity, relation: Relation) -> str:
    """Names one fact: "person-17/city"."""
    return f"{entity.key}/{relation.family.split('/')[1]}"


def may_open(statement: str) -> bool:
    """Whether a statement may open a document.

    Not with the value before the name, for nothing could tell it; nor with the name as the very
    first word, for without a space before it that is another token.
    """
    return 0 < statement.index("{name}") < statement.index("{value}")


def _evenly(rng: Random, pool: list[str], count: int) -> list[str]:
    """`count` values in random order, each used equally often, give or take one."""
    order = rng.sample(pool, len(pool))
    column = [order[index % len(order)] for index in range(count)]
    rng.shuffle(column)
    return column


def _mentioned(
    rng: Random, count: int, people: Iterator[str], pools: dict[str, list[str]], taken: set[str]
) -> list[Entity]:
    """People, invented countries and invented elements in turn, each with values drawn at random."""
    endings = {"country": ("ia", "land"), "element": ("ium", "yne")}
    names = {"person": people}
    for kind, endings_of_kind in endings.items():
        invented = words.invent(rng, count, num_syllables=3, endings=endings_of_kind, taken=taken)
        taken |= set(invented)
        titled = kind == "country"
        names[kind] = iter([name.title() if titled else name for name in invented])
    of_kind = {
        kind: [(f, pool) for f, pool in pools.items() if f.startswith(f"{kind}/")] for kind in names
    }
    kinds = [list(names)[index % len(names)] for index in range(count)]
    return [
        Entity(
            f"mentioned-{index}",
            kind,
            next(names[kind]),
            {family: rng.choice(pool) for family, pool in of_kind[kind]},
        )
        for index, kind in enumerate(kinds)
    ]


def _elements(rng: Random, count: int) -> list[Entity]:
    known = [element for element in periodictable.elements if 1 <= element.number <= 99]
    return [
        Entity(
            f"element-{index}",
            "element",
            element.name,
            {"element/symbol": element.symbol, "element/number": str(element.number)},
        )
        for index, element in enumerate(rng.sample(known, count))
    ]


def _countries(rng: Random, count: int) -> list[Entity]:
    """Countries taken region by region in turn, with distinct capitals and currencies."""
    by_region = defaultdict(list)
    users = defaultdict[str, int](int)  # countries that pay with a currency
    for country in sorted(all_countries(), key=lambda country: country.name()):
        currencies = country.currencies()
        for currency in currencies:
            users[currency] += 1
        name, capital, region = country.name(), country.capital() or "", country.region()
        plain = all(word.isascii() and word.isalpha() for word in (name, capital))
        if plain and region and len(currencies) == 1 and capital != name:
            by_region[region].append((name, capital, currencies[0]))
    for listed in by_region.values():
        rng.shuffle(listed)
        # A shared currency is less of a fact: those are taken last, from the front of the list.
        listed.sort(key=lambda entry: users[entry[2]] == 1)

    chosen: list[Entity] = []
    used = set[str]()
    while len(chosen) < count:
        if not any(by_region.values()):
            raise UserError(f"corpus.num_countries={count}: there are {len(chosen)}; ask for fewer")
        for region in sorted(by_region):
            while by_region[region] and len(chosen) < count:
                name, capital, currency = by_region[region].pop()
                if not used & {capital, currency}:
                    used |= {capital, currency}
                    values = {"capital": capital, "currency": currency, "region": region}
                    families = {f"country/{key}": value for key, value in values.items()}
                    chosen.append(Entity(f"country-{len(chosen)}", "country", name, families))
                    break
    return chosen
