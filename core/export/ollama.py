"""What `ollama create` takes: a GGUF file and a Modelfile."""

from collections.abc import Iterator
from pathlib import Path

from core.errors import nearest
from core.export.format import ExportReader
from core.export.gguf import TYPES, Gguf, file_name, gguf_readers
from core.export.prompts import Prompt
from core.export.source import Source
from core.models.loading import context_of
from core.models.tokens import ends_of


class Ollama:
    """A folder for `ollama create NAME -f Modelfile`, with weights of `type` (see `Gguf`)."""

    libraries = Gguf.libraries

    def __init__(self, *, type: str = "Q8_0"):
        self.type = type
        self.gguf = Gguf(types=[type])

    def problems(self, source: Source, prompts: list[Prompt]) -> Iterator[str]:
        """Those of its GGUF file."""
        if self.type not in TYPES:
            yield f"no type '{self.type}'{nearest(self.type, TYPES)}; choose {', '.join(TYPES)}"
            return
        yield from self.gguf.problems(source, prompts)

    def size(self, source: Source) -> int:
        """Bytes of its GGUF file."""
        return self.gguf.size(source)

    def write(self, source: Source, prompts: list[Prompt], folder: Path) -> None:
        """Write the GGUF file and the Modelfile."""
        self.gguf.write(source, prompts, folder)
        text = modelfile(source, file_name(source.name, self.type))
        (folder / "Modelfile").write_text(text, encoding="utf-8")

    def readers(self, folder: Path) -> Iterator[ExportReader]:
        """Those of its GGUF file."""
        for path in folder.glob("*.gguf"):
            yield from gguf_readers(path)

    def not_read_by(self) -> list[str]:
        """Those of its GGUF file, and Ollama itself, which isn't a Python package."""
        return [*self.gguf.not_read_by(), "ollama (a server of its own, which isn't asked)"]


def modelfile(source: Source, file: str) -> str:
    """Greedy decoding up to the end of the text; the prompt as it is, unless the model was taught to chat."""
    lines = [f"FROM ./{file}", "PARAMETER temperature 0"]
    lines.append(f"PARAMETER num_ctx {context_of(source.model)}")
    for token in sorted(ends_of(source.model, source.tokenizer)):
        lines.append(f"PARAMETER stop {quoted(str(source.tokenizer.decode([token])))}")
    if not source.tokenizer.chat_template:  # Ollama takes that from the GGUF file
        lines.append('TEMPLATE """{{ .Prompt }}"""')
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """A value of a Modelfile, in which nothing is escaped.

    Where it has a quote or a line break, it stands between three quotes.
    """
    marks = '"' * (3 if any(character in text for character in '"\n\r') else 1)
    return f"{marks}{text}{marks}"
