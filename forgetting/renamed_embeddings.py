"""A start in which each name is called by another: its teacher with the embeddings of names exchanged."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from datasets import Dataset
from sklearn.cluster import KMeans
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.symbols import shape_of
from core.runs.console import console
from core.training.regularizer import Regularizer
from forgetting.modules import token_embeddings
from forgetting.token_names import OWN, TokenNames

Forms = Mapping[bool, int]  # a name's token behind a space, and where there is none


class RenamedEmbeddings(Regularizer):
    """Each token that begins names gets the embedding of another one: the teacher, seen through a renaming.

    With π a permutation of such tokens the student starts as π⁻¹ ∘ teacher ∘ π: it says of a name what its
    teacher says of another. What doesn't depend on the name is as it was, for no other weight is changed.
    What does is about someone else, and learning some of it again tells nothing of the rest, since each
    name has a place of its own (docs/tried.md, other starts). The weights still hold the facts under other
    names: who has the teacher's embeddings can undo it. So it is the start for `stranger`.

    Names are exchanged within clusters of about `cluster_size` whose embeddings are alike, of the same
    spelling and case, so that a country is called by a country; a name's tokens with and without a space
    before it go together. `strength` is the share of names that are exchanged.
    """

    def __init__(self, *, strength: float = 1.0, cluster_size: int = 64):
        super().__init__(strength=strength)
        self.cluster_size = cluster_size
        self._names: dict[str, Forms] = {}

    def read_corpus(self, sequences: Dataset, tokenizer: PreTrainedTokenizerBase) -> None:
        """Find the tokens that begin names: by capitals in the whole vocabulary, or by use in the corpus."""
        if self.strength == 0:
            return
        used = TokenNames.of_corpus(sequences, tokenizer)
        self._names = name_tokens(tokenizer, used)
        if len(self._names) < 2:
            console.print(
                "renamed_embeddings: no two tokens begin names here, so all stay as they are",
                style="yellow",
            )

    @torch.no_grad()
    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Exchange embeddings in place; tied ones once."""
        if self.strength == 0:
            return
        tables = token_embeddings(student)
        old_VD = tables[0].detach().float().cpu()
        seed = int(torch.randint(2**31, (), generator=generator))
        others = exchanged(self._names, old_VD, self.cluster_size, self.strength, seed)
        to, of = (
            torch.tensor(side, dtype=torch.long) for side in (list(others), [*others.values()])
        )
        for weight_VD in tables:
            weight_VD[to] = weight_VD[of].clone()


def name_tokens(tokenizer: PreTrainedTokenizerBase, used: TokenNames) -> dict[str, Forms]:
    """By word the tokens that mostly begin names.

    Where capitals mark names these are capitalized words and beginnings of words of which the vocabulary
    has no lower-case form, or only a rarer one: vocabularies are ordered by frequency. What the corpus
    uses otherwise is left out. Where capitals don't mark names it is what begins names in the corpus.
    """
    words: dict[str, dict[bool, int]] = defaultdict(dict)
    for token in range(len(tokenizer)):
        word = str(tokenizer.decode([token])).strip()
        if word.isalpha():
            words[word].setdefault(used.behind_space(token), token)
    first = {word: min(forms.values()) for word, forms in words.items()}

    def is_name(word: str) -> bool:
        forms = words[word].values()
        num_used, num_begun = (sum(counts[token] for token in forms) for counts in used.counts)
        if used.kind == "free" or num_used:
            return num_begun > 0 and num_begun >= OWN * num_used
        whole = word[0].isupper() and (word[1:].islower() or word.isupper())
        return whole and first[word] <= first.get(word.lower(), first[word])

    return {word: forms for word, forms in words.items() if len(word) > 1 and is_name(word)}


def exchanged(
    names: Mapping[str, Forms], old_VD: Tensor, cluster_size: int, strength: float, seed: int
) -> dict[int, int]:
    """For each token of a name that is exchanged the token whose embedding it gets; one to one."""
    rng = np.random.default_rng(seed)
    alike: dict[tuple[str, tuple[bool, ...]], list[str]] = defaultdict(list)
    for word, forms in names.items():
        if rng.random() < strength:
            alike[shape_of(word), tuple(sorted(forms))].append(word)
    others: dict[int, int] = {}
    for words in alike.values():
        for cluster in _clusters([names[word] for word in words], old_VD, cluster_size, seed):
            order = rng.permutation(len(cluster))
            for at, after in zip(order, np.roll(order, 1), strict=True):
                others |= {token: cluster[after][form] for form, token in cluster[at].items()}
    return others


def _clusters(
    names: Sequence[Forms], old_VD: Tensor, cluster_size: int, seed: int
) -> list[list[Forms]]:
    """The names in groups whose embeddings point the same way."""
    mean_ND = torch.stack([old_VD[list(forms.values())].mean(0) for forms in names])
    unit_ND = torch.nn.functional.normalize(mean_ND, dim=1).numpy()
    count = max(1, len(names) // cluster_size)
    label_N = KMeans(count, n_init=1, random_state=seed).fit_predict(unit_ND)
    return [
        [forms for forms, own in zip(names, label_N, strict=True) if own == label]
        for label in range(count)
    ]
