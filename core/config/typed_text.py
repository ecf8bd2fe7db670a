"""Text that is typed for an option, spelled in the grammar of Hydra's overrides so that it is read as it is.

Hydra reads `1.10` as a number, `a,b` as a sweep and `é#` not at all. An option that takes text takes what the
shell gives it; what the user has quoted for Hydra, or escaped with backslashes, stays.
"""

import re
from typing import TYPE_CHECKING

from core.config.options import may_be_null
from core.errors import UserError

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


def text_as_typed(line: str, read: "Override | None", *, multirun: bool) -> str:
    """The line `key=text`, spelled so that the text is read as it is typed.

    `read` is how Hydra reads it, if it can. With `multirun`, commas part several texts.
    """
    from hydra.core.override_parser.types import ChoiceSweep, QuotedString

    key, _, raw = line.partition("=")
    value = read._value if read is not None else None
    nullable = may_be_null(key.lstrip("+"))
    if isinstance(value, QuotedString | list | dict) or (isinstance(value, str) and "\\" in raw):
        return line
    if value == raw or (nullable and raw == "null"):
        return line
    if multirun and read is not None and read.is_sweep_override():
        # Of the other sweeps, such as choice() and range(), Hydra's reading stands.
        if not (isinstance(value, ChoiceSweep) and value.simple_form) or re.search(
            r"['\"\[({]", raw
        ):
            return line
        return f"{key}={','.join(_quoted(item.strip(), nullable) for item in raw.split(','))}"
    if multirun and "," in raw:
        return f"{key}={','.join(_quoted(item, nullable) for item in raw.split(','))}"
    return f"{key}={_quoted(raw)}"


def texts_as_typed(line: str) -> str:
    """The line `key=[text,text]`, spelled so that each is read as it is typed."""
    key, _, raw = line.partition("=")
    listed = raw.strip()
    if not (listed.startswith("[") and listed.endswith("]")):
        return line
    # Parted at commas outside quotes and brackets, with what is in these.
    items = re.findall(
        r"""((?:'(?:\\.|[^'])*'|"(?:\\.|[^"])*"|\[[^\]]*\]|\{[^}]*\}|[^,])*)(?:,|$)""", listed[1:-1]
    )
    items = [item.strip() for item in items]
    if not any(items):
        return line
    if items[-1] == "":
        items.pop()  # where the last comma is
    return f"{key}=[{','.join(_quoted(item) if _is_bare(item) else item for item in items)}]"


def _is_bare(item: str) -> bool:
    return not item.startswith(("'", '"', "[", "{", "${")) and "\\" not in item


def _quoted(text: str, nullable: bool = False) -> str:
    from hydra.core.override_parser.types import Quote, QuotedString

    if nullable and text == "null":
        return text
    if "${" in text and not _is_interpolation(text):
        text = text.replace("${", r"\${")
    return QuotedString(text, Quote.single).with_quotes()


def _is_interpolation(text: str) -> bool:
    """Whether OmegaConf can read what is in braces behind a dollar sign."""
    from omegaconf.errors import GrammarParseError
    from omegaconf.grammar_parser import parse

    try:
        parse(text)
    except GrammarParseError:
        return False
    return True


def check_encoding(lines: "list[str]") -> None:
    """Raise UserError for an argument in another encoding, such as the name of a file from long ago."""
    for line in lines:
        try:
            line.encode()
        except UnicodeEncodeError:
            shown = line.encode(errors="surrogateescape").decode(errors="replace")
            raise UserError(f"'{shown}' isn't UTF-8: rename the file, or link to it") from None
