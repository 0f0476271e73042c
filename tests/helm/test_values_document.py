"""values.yaml, its schema, the README's table and the versions say the same."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import values_document as document
import yaml


@pytest.fixture(scope="module")
def values() -> list[document.Value]:
    return document.read_values(document.VALUES.read_text())


def test_every_value_has_a_comment(values: list[document.Value]) -> None:
    assert [value.name for value in values if not value.comment] == []


def test_schema_and_values_have_the_same_keys(values: list[document.Value]) -> None:
    assert document.undocumented(json.loads(document.SCHEMA.read_text()), values) == []


def test_schema_is_up_to_date(values: list[document.Value]) -> None:
    text = document.SCHEMA.read_text()
    new = document.schema_with_texts(json.loads(text), values, document.CONFIGURATION.read_text())
    assert text == document.schema_text(new), "run scripts/chart.sh update"


def test_readme_table_is_up_to_date(values: list[document.Value]) -> None:
    readme = document.README.read_text()
    assert readme == document.replace_table(readme, document.table(values)), "run scripts/chart.sh update"


def test_versions_are_those_of_the_project() -> None:
    project = re.search(r"project\(\w+ VERSION ([\d.]+)", (document.REPOSITORY / "CMakeLists.txt").read_text())
    assert project is not None
    chart = yaml.safe_load((document.CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (project[1], project[1])


def test_pictures_are_those_of_the_demo() -> None:
    demo = document.REPOSITORY / "assets" / "demo" / "images" / "leather"
    for ours, theirs in (("good.jpg", "good_0.jpg"), ("scratch.jpg", "scratch_0.jpg")):
        assert (document.CHART / "files" / ours).read_bytes() == (demo / theirs).read_bytes()


# The reading itself.

TEXT = """\
# Of a section.
section:
  # Of a leaf,
  # in two lines.
  leaf: 1
  bare: x
# Of a whole mapping.
whole:
  a: 1
  b: {c: 2}
"""


def test_reads_comments_sections_and_defaults() -> None:
    assert document.read_values(TEXT) == [
        document.Value(("section",), "Of a section.", {"leaf": 1, "bare": "x"}, True),
        document.Value(("section", "leaf"), "Of a leaf, in two lines.", 1, False),
        document.Value(("section", "bare"), "", "x", False),
        document.Value(("whole",), "Of a whole mapping.", {"a": 1, "b": {"c": 2}}, False),
    ]


def test_finds_keys_that_only_one_of_them_has() -> None:
    closed: dict[str, Any] = {"additionalProperties": False}
    section: dict[str, Any] = closed | {"properties": {"leaf": {}, "bare": {}, "other": {}}}
    schema: dict[str, Any] = closed | {"properties": {"section": section}}
    assert document.undocumented(schema, document.read_values(TEXT)) == [
        "whole is not in the schema",
        "section.other is in the schema and not in values.yaml",
    ]


def test_finds_a_schema_that_lets_everything_pass() -> None:
    schema: dict[str, Any] = {"properties": {"section": {"properties": {"leaf": {}, "bare": {}}}, "whole": {}}}
    assert len(document.undocumented(schema, document.read_values(TEXT))) == 2


def test_refuses_a_kind_of_setting_that_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="not known here"):
        document.settings_schema("| `replicas` | a few | `1` | copies |")
