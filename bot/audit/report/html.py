"""HTML that can't be broken by what stands in it: every text is escaped, unless it was made here. Pure."""

import html

from bot.cleaning import clean


class Html(str):
    """Markup that was made by `tag`."""

    __slots__ = ()


def tag(name: str, *content: str, **attributes: str) -> Html:
    """An element. A text in it is escaped, with its control characters shown. class_ stands for class."""
    named = "".join(f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{named}>{''.join(map(escaped, content))}</{name}>")


def escaped(text: str) -> str:
    """Many lines stay many lines."""
    if isinstance(text, Html):
        return text
    return html.escape("\n".join(clean(line) for line in text.split("\n")))


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Html:
    """Nothing without rows."""
    if not rows:
        return Html()
    top = tag("thead", tag("tr", *(tag("th", cell) for cell in head)))
    return tag("table", top, tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in rows)))
