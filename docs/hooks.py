"""What mkdocs runs while it builds the site: doctest examples are shown as code."""  # noqa: INP001 - no package

from __future__ import annotations

from typing import Any


class Examples:
    """A Markdown preprocessor: without a fence, `>>>` would be read as a quotation."""

    def run(self, lines: list[str]) -> list[str]:
        """Return the lines with a fence around each doctest that has none.

        >>> Examples().run(["Adds.", "", ">>> 1 + 1", "2"])
        ['Adds.', '', '```pycon', '>>> 1 + 1', '2', '```']
        """
        fenced: list[str] = []
        theirs = ours = False
        for line in lines:
            if line.lstrip().startswith("```"):
                theirs = not theirs
            elif not theirs and not ours and line.startswith(">>> "):
                ours = True
                fenced.append("```pycon")
            elif ours and not line.strip():
                ours = False
                fenced.append("```")
            fenced.append(line)
        return [*fenced, "```"] if ours else fenced


def on_config(config: Any) -> Any:
    """Add the preprocessor to mkdocs' Markdown."""
    from markdown.extensions import Extension  # noqa: PLC0415 - pytest imports this without mkdocs

    class ExamplesExtension(Extension):
        def extendMarkdown(self, md: Any) -> None:  # noqa: N802 - Markdown's name for it
            md.preprocessors.register(Examples(), "examples", 100)

    config.markdown_extensions.append(ExamplesExtension())
    return config
