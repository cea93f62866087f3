"""Data in a folder: what is missing or wrong is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyday.lab.folder import BadData, table


def test_rows_keep_the_columns_asked_for_and_know_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('x,y,z\n1,"2,3",4\n5\n', encoding="utf-8")
    rows = table(tmp_path, "a.csv", ("y", "x"))
    assert [row.cells for row in rows] == [{"y": "2,3", "x": "1"}, {"y": "", "x": "5"}]
    assert rows[1].where.endswith("line 3")


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"x\n1\n", "lacks the columns y"), (b"", "lacks the columns x, y"), (b"x,y\n\xff,1\n", "is not UTF-8")],
)
def test_a_file_that_will_not_do_is_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(BadData, match=said):
        table(tmp_path, "a.csv", ("x", "y"))


def test_a_cell_longer_than_can_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n" + "1" * 200_000 + "\n", encoding="utf-8")
    with pytest.raises(BadData, match=r"a\.csv"):
        table(tmp_path, "a.csv", ("x",))


def test_cells_are_read_or_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y,z\n2031-02-29,1,\n2031-02-28,2,\n", encoding="utf-8")
    first, second = table(tmp_path, "a.csv", ("x", "y", "z"))
    with pytest.raises(BadData, match=r"line 2.*2031-02-29.*x"):
        first.day("x")
    with pytest.raises(BadData, match=r"line 3.*0 or 1"):
        second.flag("y")
    assert first.flag("y")
    assert first.day("z") is None
