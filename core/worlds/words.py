"""The words that the embedded world is written in: few, so that each becomes one token."""

from collections.abc import Set
from random import Random


def _split(listed: str) -> list[str]:
    return listed.split()


CITIES = _split(
    "Lyon Porto Milan Seville Boston Osaka Mumbai Sydney Toronto Zurich Geneva Munich Hamburg "
    "Krakow Antwerp Bergen Istanbul Shanghai Lagos Chicago Denver Dallas Glasgow Cordoba"
)
JOBS = _split(
    "baker carpenter doctor farmer judge lawyer mason nurse painter pilot plumber potter sailor "
    "tailor teacher waiter weaver writer miner barber butcher dentist gardener jeweler"
)
INSTRUMENTS = _split(
    "violin cello flute oboe harp lute piano organ trumpet tuba trombone clarinet guitar banjo "
    "drum fiddle viola horn zither sitar mandolin bassoon harmonica recorder"
)
PETS = _split(
    "cat dog parrot hamster rabbit turtle lizard snake goat pony ferret gecko mouse rat hen duck "
    "goose pig sheep llama donkey finch toad frog"
)

ADJECTIVES = _split(
    "amber hollow crimson quiet brittle velvet frozen gentle rusty narrow pale bitter dusty humble "
    "jagged mellow nimble olive polished ragged scarlet silent sleepy slender smoky stormy sunny "
    "tender thorny twisted upright vivid weary wicked wild wooden woven zealous marble ivory"
)
NOUNS = _split(
    "falcon lantern river castle mirror garden anchor bridge candle carpet cellar circle comet "
    "cradle curtain desert dragon engine feather forest fountain hammer harbor island kettle "
    "ladder meadow monarch mountain orchard pillar prophet saddle shadow spider statue temple "
    "tunnel valley wagon"
)
VERBS = _split(
    "drifts climbs hides waits turns leans wanders glides rests sings dances tumbles stands crawls "
    "marches floats spins sleeps jumps shines bends follows"
)
PREPOSITIONS = _split("past under over behind near beyond beside above along")
NUMBER_WORDS = _split("two three four five six seven eight nine ten")

OBJECTS = _split("lamp coin book key map ring cup bell rope flag kite box hat pen shell knife")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"

_ONSETS = _split("b d f k l m n r s t v")
_VOWELS = _split("a e i o u")


def fixed_words() -> set[str]:
    """Every listed word, in lower case: what an invented word must differ from."""
    lists = (CITIES, JOBS, INSTRUMENTS, PETS, ADJECTIVES, NOUNS, VERBS, PREPOSITIONS, NUMBER_WORDS)
    words = {word.lower() for listed in lists for word in listed}
    return words | set(OBJECTS) | {"taller", "tallest", "shortest"}


def invent(
    rng: Random, count: int, *, num_syllables: int, endings: tuple[str, ...], taken: Set[str]
) -> list[str]:
    """Draw `count` distinct pronounceable lower-case words, none of them in `taken`."""
    words: dict[str, None] = {}  # a dict keeps the order of drawing
    while len(words) < count:
        stem = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(num_syllables - 1))
        word = stem + rng.choice(_ONSETS) + rng.choice(endings)
        if word not in taken:
            words[word] = None
    return list(words)
