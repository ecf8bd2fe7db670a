"""A byte-level BPE tokenizer trained on the corpus."""

import re
from collections.abc import Iterable
from itertools import chain, islice

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

EOS, PAD = "<|endoftext|>", "<|pad|>"
NO_SPACES = re.compile("[\u3400-\u9fff]")  # characters of a script without spaces
NUM_LOOKED_AT = 1000  # texts


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Train on `texts`; any text can be encoded, for all 256 bytes are in the vocabulary.

    Words are split at spaces, so that "prompt" and " answer" tokenize apart as they do together. If some of
    the first texts are in Chinese characters, each of these is a word for the same reason.
    """
    rest = iter(texts)
    first = list(islice(rest, NUM_LOOKED_AT))
    bytes_of_words = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = bytes_of_words
    if any(map(NO_SPACES.search, first)):
        apart = pre_tokenizers.Split(Regex(NO_SPACES.pattern), "isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([apart, bytes_of_words])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(chain(first, rest), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=EOS, pad_token=PAD, clean_up_tokenization_spaces=False
    )
