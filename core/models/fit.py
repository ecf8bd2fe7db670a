"""Whether a model can be taught from with the corpus at hand; what can't be is refused at the start."""

from transformers import PretrainedConfig, PreTrainedTokenizerBase

from core.errors import UserError
from core.models.loading import check_ids, context_in

WHO = "the teacher"


def check_fits(
    config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, sequence_length: int
) -> None:
    """Raise UserError for quantized weights, a vocabulary without some of the tokenizer's
    tokens, or a context shorter than the corpus's sequences.

    More rows than tokens are fine: many models have their vocabulary padded.
    """
    quantization = getattr(config, "quantization_config", None)
    if quantization is not None:
        method = dict(quantization).get("quant_method", "in some way")
        raise UserError(
            f"{WHO}'s weights are quantized ({method}), and a student's are float32: take the model as it "
            "was before, or a GGUF file of it with teacher=gguf"
        )
    inner = config.get_text_config()
    rows = inner.vocab_size
    check_ids(tokenizer, rows, f"{WHO} has a vocabulary of {rows}")
    if tokenizer.eos_token_id is not None and tokenizer.eos_token_id >= rows:
        raise UserError(
            f"{WHO} has a vocabulary of {rows}, and the token that ends its texts, '{tokenizer.eos_token}', "
            f"is {tokenizer.eos_token_id}: set eos_token to one that it has"
        )
    context = context_in(config)
    if context is not None and sequence_length > context:
        raise UserError(
            f"packing.sequence_length={sequence_length} is more than {WHO}'s context of {context} tokens: "
            f"choose {context} or fewer"
        )
