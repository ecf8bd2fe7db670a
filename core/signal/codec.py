"""Distributions by their likeliest tokens, in as few bytes as they need.

A row is one token's distribution: the K ids in ascending order by Elias and Fano's code (about
log₂(V / K) + 2 bits an id, near the least that a set of K among V can take), for each of them how far its
log-probability is below the largest, in `GAP_BITS` bits, and two float16: the largest such gap and the log of
the mass of all other tokens. Gaps are squares of what is stored, so that they are finest where the
probability is. The largest log-probability follows from the sum, which is 1.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from core.signal.signal import TopK

GAP_BITS = 6
HEADER = 4  # bytes
LOWEST_TAIL = -30.0  # nats; float16 holds it, and it is nothing


@dataclass(frozen=True)
class Codec:
    """Encodes distributions over a vocabulary of V by K entries each."""

    k: int
    vocab_size: int

    @property
    def low_bits(self) -> int:
        """Bits of an id that are stored as they are; the rest is counted in unary."""
        return max(0, int(math.log2(self.vocab_size / self.k)))

    @property
    def _high(self) -> int:
        return self.k + ((self.vocab_size - 1) >> self.low_bits)

    @property
    def row_bytes(self) -> int:
        """Bytes of one token's row."""
        return HEADER + -(-(self.k * (self.low_bits + GAP_BITS) + self._high) // 8)

    def encode(self, kept: TopK) -> np.ndarray:
        """Encode distributions as rows (N, row_bytes) of uint8."""
        indices_NK, order_NK = kept.indices_NK.cpu().sort(-1)
        logprobs_NK = kept.logprobs_NK.cpu().float().gather(1, order_NK).numpy()
        ids_NK = indices_NK.numpy()
        gap_NK = logprobs_NK.max(-1, keepdims=True) - logprobs_NK
        header_N2 = np.stack(
            [gap_NK.max(-1), kept.tail_logprob_N.cpu().float().clamp(min=LOWEST_TAIL).numpy()], -1
        ).astype(np.float16)
        largest_N1 = np.maximum(header_N2[:, :1].astype(np.float32), 1e-6)
        levels = 2**GAP_BITS - 1
        code_NK = np.rint(levels * np.sqrt(gap_NK / largest_N1)).clip(0, levels).astype(np.int64)
        high_NH = np.zeros((len(ids_NK), self._high), dtype=np.uint8)
        np.put_along_axis(high_NH, (ids_NK >> self.low_bits) + np.arange(self.k), 1, axis=1)
        bits = [_bits(ids_NK, self.low_bits), high_NH, _bits(code_NK, GAP_BITS)]
        packed = np.packbits(np.concatenate(bits, axis=1), axis=1)
        return np.concatenate([header_N2.view(np.uint8), packed], axis=1)

    def decode(self, rows: np.ndarray) -> TopK:
        """Undo `encode`; the ids of a row come in ascending order."""
        header_N2 = np.ascontiguousarray(rows[:, :HEADER]).view(np.float16).astype(np.float32)
        bits = np.unpackbits(rows[:, HEADER:], axis=1)
        low = self.k * self.low_bits
        low_NK = _numbers(bits[:, :low], self.k, self.low_bits)
        ones = np.nonzero(bits[:, low : low + self._high])[1].reshape(len(rows), self.k)
        ids_NK = ((ones - np.arange(self.k)) << self.low_bits) + low_NK
        end = low + self._high
        code_NK = _numbers(bits[:, end : end + self.k * GAP_BITS], self.k, GAP_BITS)
        gap_NK = header_N2[:, :1] * (code_NK / np.float32(2**GAP_BITS - 1)) ** 2
        tail_N = torch.from_numpy(header_N2[:, 1].copy())
        logprobs_NK = torch.from_numpy(-gap_NK.astype(np.float32)).log_softmax(-1)
        kept_mass_N = torch.log(-torch.expm1(tail_N.clamp(max=-1e-6)))
        return TopK(torch.from_numpy(ids_NK), logprobs_NK + kept_mass_N[:, None], tail_N)


def _bits(numbers_NK: np.ndarray, width: int) -> np.ndarray:
    """Each number's lowest bits: (N, K · width)."""
    bits = (numbers_NK[..., None] >> np.arange(width)) & 1
    return bits.astype(np.uint8).reshape(len(numbers_NK), numbers_NK.shape[1] * width)


def _numbers(bits: np.ndarray, k: int, width: int) -> np.ndarray:
    """Undo `_bits`: the numbers (N, K)."""
    return bits.reshape(len(bits), k, width).astype(np.int64) @ (1 << np.arange(width))
