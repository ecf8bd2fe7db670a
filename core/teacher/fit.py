"""Whether a model can be taught from with the corpus at hand; what can't be is refused at the start."""

import torch
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from core.errors import UserError
from core.taught import refuse_scaled_logits

WHO = "the teacher"


def check_fits(
    config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, sequence_length: int
) -> None:
    """Raise UserError for quantized weights, scaled logits, a vocabulary without some of the tokenizer's
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
    refuse_scaled_logits(inner, WHO)
    if len(tokenizer) > inner.vocab_size:
        raise UserError(
            f"{WHO} has a vocabulary of {inner.vocab_size} but the tokenizer has {len(tokenizer)} tokens: "
            "they don't belong together"
        )
    context = getattr(inner, "max_position_embeddings", None)
    if context is not None and sequence_length > context:
        raise UserError(
            f"packing.sequence_length={sequence_length} is more than {WHO}'s context of {context} tokens: "
            f"choose {context} or fewer"
        )


@torch.no_grad()
def check_rows_apart(model: PreTrainedModel) -> None:
    """Raise UserError for a model in which the rows of a packed sequence see each other.

    What comes first in a sequence is changed, and what is said of the rest, a row of its own by its
    positions, has to stay as it was: so it is where the mask is made from the positions, and not in
    recurrent models.
    """
    first, second = torch.tensor([[2, 3, 4, 5], [6, 7, 8, 9]]), torch.tensor([[3, 5, 7, 9]])
    ids = torch.cat([first, second.expand(2, 4)], dim=1).to(model.device)
    vocab_size = model.get_input_embeddings().weight.shape[0]  # type: ignore[index, union-attr]
    positions = torch.arange(4, device=model.device).repeat(2, 2)
    was_training = model.training
    said = model.eval()(input_ids=ids % vocab_size, position_ids=positions, use_cache=False).logits
    model.train(was_training)
    one, other = said[:, 4:]
    if not torch.allclose(one, other, rtol=1e-3, atol=1e-4):
        raise UserError(
            f"{WHO} ({type(model).__name__}) lets the texts packed into a sequence see each other, for it "
            "doesn't read positions as their borders: it can't be used here"
        )
