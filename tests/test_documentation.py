"""What the documentation says of the repository is so: links, names, the drawing of the rooms, decisions."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")]
    if path.is_file()
)
DECISIONS = ROOT / "docs" / "adr"

_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
_REFERENCE = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|cpp|h|yaml|toml|txt|md))(?:::([\w.]+))?`")

Arrows = set[tuple[str, str]]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def links(page: Path) -> Iterator[str]:
    yield from (target for target in _LINK.findall(page.read_text()) if not target.startswith("https://"))


def references(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the files that a page names in backticks, each with the name after `::`, or "".

    Not those that stand for others (NAME.yaml), nor those that a run leaves (.hydra/overrides.yaml).
    """
    for path, name in _REFERENCE.findall(page.read_text()):
        if not re.search(r"[A-Z]{4}", path) and not path.startswith(".hydra/"):
            yield path, name


def find(path: str, page: Path) -> Path | None:
    """Return the file of that name from the root on, from src/sigtune on, or beside the page."""
    places = (ROOT, ROOT / "src" / "sigtune", page.parent)
    return next((place / path for place in places if (place / path).is_file()), None)


def defined(file: Path) -> set[str]:
    """Return the classes, functions and methods of a module, a method as Class.method."""
    names = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
    return names


def drawn_arrows() -> Arrows:
    text = (ROOT / "docs" / "architecture.md").read_text()
    [drawing] = re.findall(r"```mermaid\n(.*?)```", text, re.DOTALL)
    lines = re.findall(r"^ +(\w+) --> (.+)$", drawing, re.MULTILINE)
    return {(room, other) for room, others in lines for other in others.split(" & ")}


def allowed() -> dict[str, set[str]]:
    """Return the table of tests/test_architecture.py, without the arrows to `errors`."""
    table: Mapping[str, set[str]] = runpy.run_path(str(ROOT / "tests" / "test_architecture.py"))["ALLOWED"]
    return {room: others - {"errors"} for room, others in table.items()}


def needed_arrows(table: Mapping[str, set[str]]) -> Arrows:
    """Return the arrows of the table that do not follow from two or more others."""

    def reached(room: str) -> set[str]:
        return table[room].union(*(reached(other) for other in table[room]))

    return {
        (room, other)
        for room, others in table.items()
        for other in others
        if not any(other in reached(between) for between in others)
    }


def test_an_arrow_that_follows_from_others_is_not_needed() -> None:
    table: dict[str, set[str]] = {"a": {"b", "c", "d"}, "b": {"c"}, "c": set(), "d": set()}
    assert needed_arrows(table) == {("a", "b"), ("a", "d"), ("b", "c")}


def test_the_drawing_has_the_arrows_of_the_architecture_test() -> None:
    assert drawn_arrows() == needed_arrows(allowed())


def test_every_room_is_described() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == allowed().keys()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert [target for target in links(page) if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", [page for page in PAGES if any(references(page))], ids=name_of)
def test_every_file_and_name_that_a_page_mentions_is_there(page: Path) -> None:
    missing = []
    for path, name in references(page):
        file = find(path, page)
        if file is None or (name and name not in defined(file)):
            missing.append(f"{path}::{name}")
    assert missing == []


def test_the_scan_sees_links_files_and_names(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "[a](b/c.md#d) [e](https://f) `job/stop.py::stop_file` `conf/config.yaml` `plain.py` `conf/NAME.yaml`"
    )
    assert list(links(page)) == ["b/c.md"]
    assert list(references(page)) == [("job/stop.py", "stop_file"), ("conf/config.yaml", "")]
    module = tmp_path / "module.py"
    module.write_text("class A:\n    def b(self): ...\ndef c(): ...\n")
    assert defined(module) == {"A", "A.b", "c"}


def test_decisions_are_numbered_from_one_and_listed() -> None:
    pages = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
    listed = re.findall(
        r"^\| \[(\d{4})\]\((.+?)\) \| (.+) \|$", (DECISIONS / "README.md").read_text(), re.MULTILINE
    )
    assert [file for _, file, _ in listed] == pages
    for number, file, title in listed:
        assert (DECISIONS / file).read_text().startswith(f"# {number}. {title}\n")


@pytest.mark.parametrize("page", sorted(DECISIONS.glob("[0-9]*.md")), ids=lambda page: page.name[:4])
def test_a_decision_has_its_context_and_its_consequences(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences"]
