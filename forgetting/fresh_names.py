"""A start in which every name is a stranger's: of its embedding stays what it shares with names like it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import torch
from datasets import Dataset
from sklearn.cluster import KMeans
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.symbols import shape_of
from core.errors import UserError
from core.models.inference import evaluating
from core.models.taught import taught_hidden
from core.runs.console import console
from core.training.regularizer import Regularizer
from forgetting.modules import token_embeddings
from forgetting.token_names import OWN, TokenNames
from forgetting.weight_noise import mixed_tokens

READ = ("input_ids", "position_ids", "labels")
NUM_READ = 64  # packed rows, by which the last hidden states are known
FEWEST = 8  # names that one is mixed of: of two or three it would be found in the mixture
Forms = Mapping[bool, int]  # a word's token behind a space, and where there is none


class FreshNames(Regularizer):
    """Embeddings of names become μ + PE′ + αE″ + √(1 − α²)·QE″, E′ = E − μ, E″ = E′ − PE′, α = 1 − strength.

    Q is orthogonal, of the names; P projects onto a few directions of the embeddings.

    What is known by heart of a name is looked up by its embedding. So the embeddings of the tokens that begin
    names are mixed among `cluster_size` names or so that are used alike, by a random rotation: each new one
    is as far from the mean of these and from every other as the old ones were, and means the same kind of
    thing, but nobody that the teacher has met. All other weights stay, and what they do with whatever name
    they read. The facts of other names are of no help to learn one again, since each has its own place.

    A name that is spelled in several tokens is known by all of them. With `pieces` those inside names are
    mixed too, among each other, and single letters that begin them, where the corpus has them mostly there.

    Which kind of name comes next is known by the output embeddings. Of these the principal components of the
    last hidden states stay, as many as hold no more than `kept` of how the names of a group differ. Input
    embeddings that are others change whole.

    Who has the teacher's embeddings can put them back. With `only_names` nothing but these embeddings is
    trained: the layers have nothing to learn of names that mean nothing, and what they know of words stays.
    """

    def __init__(
        self,
        *,
        strength: float = 1.0,
        cluster_size: int = 64,
        kept: float = 0.0,
        pieces: bool = False,
        only_names: bool = False,
    ):
        """Raises UserError when clusters are to be smaller than `FEWEST`, or `kept` isn't a share."""
        super().__init__(strength=strength)
        if cluster_size < FEWEST:
            raise UserError(
                f"FreshNames: cluster_size must be {FEWEST} or more, not {cluster_size}"
            )
        if not 0 <= kept <= 1:
            raise UserError(f"FreshNames: kept must lie between 0 and 1, not {kept}")
        self.cluster_size, self.kept = cluster_size, kept
        self.pieces, self.only_names = pieces, only_names
        self._names: dict[str, Forms] = {}
        self._pieces: dict[str, Forms] = {}
        self._tokens: list[int] = []
        self._read: dict[str, Tensor] = {}

    def read_corpus(self, sequences: Dataset, tokenizer: PreTrainedTokenizerBase) -> None:
        """Find the tokens that begin names: by capitals in the vocabulary, or by use in the corpus."""
        if self.strength == 0:
            return
        if self.kept:
            some = sequences.shuffle(seed=0).select(range(min(NUM_READ, len(sequences))))
            self._read = {name: torch.tensor(some[name][:]) for name in READ}
        used = TokenNames.of_corpus(sequences, tokenizer)
        self._names = name_tokens(tokenizer, used, letters=self.pieces)
        begin = [token for forms in self._names.values() for token in forms.values()]
        inside = used.pieces.difference(begin) if self.pieces else set()
        self._pieces = {
            word: {False: token}
            for token in sorted(inside)
            if (word := str(tokenizer.decode([token]))).isalpha()
        }
        self._tokens = begin + [forms[False] for forms in self._pieces.values()]
        _, num_begun = used.counts
        met, fresh = num_begun.total(), sum(num_begun[token] for token in begin)
        told = f"fresh_names: {len(begin)} tokens begin names"
        if self._pieces:
            told = f"{told} and {len(self._pieces)} stand inside them"
        if max(len(self._names), len(self._pieces)) < FEWEST:
            console.print(f"{told} here, too few to mix; they stay", style="yellow")
        else:
            console.print(f"{told}, {fresh / met:.0%} of those in the corpus" if met else told)

    @torch.no_grad()
    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Mix the embeddings in place; tied ones once."""
        if self.strength == 0:
            return
        tables = token_embeddings(student)
        known_VD = tables[0].detach().float().cpu()
        seed = int(torch.randint(2**31, (), generator=generator))
        groups = [
            torch.tensor([[forms[form] for forms in cluster] for form in cluster[0]])
            for words in (self._names, self._pieces)
            for cluster in clusters(words, known_VD, self.cluster_size, seed)
        ]
        kept_DK = self._kept(student, groups) if groups else None
        for tokens_FN in groups:
            rotation_NN = random_rotation(tokens_FN.shape[1], generator)
            for tokens_N in tokens_FN:
                for weight_VD in tables:
                    old_ND = weight_VD[tokens_N].float()
                    centred_ND = old_ND - old_ND.mean(0)
                    stays_ND = torch.zeros_like(old_ND)
                    if kept_DK is not None and weight_VD is tables[-1]:  # the output's
                        stays_ND = centred_ND @ kept_DK @ kept_DK.T
                    turned_ND = rotation_NN.to(old_ND) @ (centred_ND - stays_ND)
                    new_ND = mixed_tokens(old_ND - stays_ND, turned_ND, 1 - self.strength)
                    weight_VD[tokens_N] = (stays_ND + new_ND).to(weight_VD)

    def _kept(self, student: PreTrainedModel, groups: Sequence[Tensor]) -> Tensor | None:
        """The directions (D, K) along which the output embeddings of groups (forms, names) stay."""
        if not self.kept:
            return None
        with evaluating(student):
            columns = [self._read[name].to(student.device).split(1) for name in READ]
            states = [taught_hidden(student, *row) for row in zip(*columns, strict=True)]
        states_ND = torch.cat(states).float()
        value_D, vector_DD = torch.linalg.eigh(states_ND.T @ states_ND)
        value_D, vector_DD = value_D.flip(0), vector_DD.flip(1)  # the principal ones first
        output_VD = token_embeddings(student)[-1].float()
        rows = [output_VD[tokens_N] for tokens_FN in groups for tokens_N in tokens_FN]
        differ_ND = torch.cat([rows_ND - rows_ND.mean(0) for rows_ND in rows])
        share_D, read_D = (
            part_D.cumsum(0) / part_D.sum()
            for part_D in ((differ_ND @ vector_DD).square().sum(0), value_D)
        )
        num_kept = int((share_D <= self.kept).sum())
        if num_kept:
            differ, read = float(share_D[num_kept - 1]), float(read_D[num_kept - 1])
            console.print(
                f"fresh_names: they stay along {num_kept} directions: {differ:.1%} of how they differ,"
                f" {read:.0%} of the last hidden states"
            )
        return vector_DD[:, :num_kept]

    @torch.no_grad()
    def edit_gradients(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Drop all gradients but those of names, if only these are trained."""
        if self.strength == 0 or not self.only_names:
            return
        tables = token_embeddings(student)
        for weight in student.parameters():
            if weight.grad is None:
                continue
            if not any(weight is table for table in tables):
                weight.grad = None
                continue
            others_V = torch.ones(len(weight), dtype=torch.bool, device=weight.device)
            others_V[self._tokens] = False
            weight.grad[others_V] = 0


def name_tokens(
    tokenizer: PreTrainedTokenizerBase, used: TokenNames, *, letters: bool = False
) -> dict[str, Forms]:
    """By word the tokens that mostly begin names.

    Where capitals mark names these are capitalized words and beginnings of words of which the vocabulary
    has no lower-case form, or only a rarer one: vocabularies are ordered by frequency. What the corpus
    uses otherwise is left out. Where capitals don't mark names it is what begins names in the corpus, and
    so it is with `letters` for single ones.
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
        if used.kind == "free" or num_used or len(word) == 1:
            return num_begun > 0 and num_begun >= OWN * num_used
        whole = word[0].isupper() and (word[1:].islower() or word.isupper())
        return whole and first[word] <= first.get(word.lower(), first[word])

    return {
        word: forms for word, forms in words.items() if (letters or len(word) > 1) and is_name(word)
    }


def clusters(
    names: Mapping[str, Forms], known_VD: Tensor, cluster_size: int, seed: int
) -> Iterator[list[Forms]]:
    """Names of the same case and forms whose embeddings point the same way, `FEWEST` or more together."""
    alike: dict[tuple[str, tuple[bool, ...]], list[Forms]] = defaultdict(list)
    for word, forms in names.items():
        alike[shape_of(word), tuple(sorted(forms))].append(forms)
    for own in alike.values():
        rest: list[Forms] = []
        for cluster in _grouped(own, known_VD, cluster_size, seed):
            if len(cluster) >= FEWEST:
                yield cluster
            else:
                rest += cluster
        if len(rest) >= FEWEST:
            yield rest


def _grouped(
    names: Sequence[Forms], known_VD: Tensor, cluster_size: int, seed: int
) -> list[list[Forms]]:
    mean_ND = torch.stack([known_VD[list(forms.values())].mean(0) for forms in names])
    unit_ND = torch.nn.functional.normalize(mean_ND, dim=1).numpy()
    count = max(1, len(names) // cluster_size)
    label_N = KMeans(count, n_init=1, random_state=seed).fit_predict(unit_ND)
    return [
        [forms for forms, own in zip(names, label_N, strict=True) if own == label]
        for label in range(count)
    ]


def random_rotation(size: int, generator: torch.Generator) -> Tensor:
    """An orthogonal matrix (N, N) drawn evenly from all of them (Mezzadri, math-ph/0609050)."""
    q_NN, r_NN = torch.linalg.qr(torch.randn(size, size, generator=generator))
    return q_NN * r_NN.diagonal().sign()
