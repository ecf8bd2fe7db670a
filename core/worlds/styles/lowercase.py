"""Nothing has a capital letter: no name and no beginning of a sentence stands out."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet

from core.worlds.relations import FRAMES
from core.worlds.styles.style import Style

# The plain first frame differs by its capital alone from the end of two others.
FIRST = "The plain {attribute} of {name} is {value}."


class Lowercase(Style):
    """The plain style in lower case."""

    frames = (FIRST, *FRAMES[1:])
    reading = Style.reading._replace(opening="passage:", closing="complete:")

    def speller(self, words: AbstractSet[str]) -> Callable[[str], str]:
        """Lower case, whatever the words."""
        return str.lower


STYLE = Lowercase()
