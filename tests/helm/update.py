"""Writes what is made from other files: the README's table, the schema's texts, alerts and dashboards, the goldens."""

from __future__ import annotations

import json
import shutil

import rendering
import values_document as document


def main() -> None:
    values = document.read_values(document.VALUES.read_text())
    schema = json.loads(document.SCHEMA.read_text())
    new = document.schema_with_texts(schema, values, document.CONFIGURATION.read_text())
    document.SCHEMA.write_text(document.schema_text(new))
    document.README.write_text(document.replace_table(document.README.read_text(), document.table(values)))
    shutil.copy(document.RULES, document.CHART / "files")
    for dashboard in document.DASHBOARDS.glob("*.json"):
        shutil.copy(dashboard, document.CHART / "files/dashboards")
    for value_set in rendering.value_sets():
        rendering.golden_of(value_set).write_text(rendering.golden_text(rendering.helm("3"), value_set))


if __name__ == "__main__":
    main()
