"""Facts as they are told in the plain world: a sentence for each, with the name in it."""

from core.worlds.styles.style import Style

STYLE = Style()
