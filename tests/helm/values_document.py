"""values.yaml as its readers see it: each value with its comment and its default, and what is made of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "helm" / "bayespfl-inspector"
VALUES = CHART / "values.yaml"
SCHEMA = CHART / "values.schema.json"
README = CHART / "README.md"
CONFIGURATION = REPOSITORY / "docs" / "configuration.md"
DASHBOARDS = REPOSITORY / "deploy" / "grafana"
RULES = REPOSITORY / "deploy" / "prometheus" / "rules.yaml"

TABLE_BEGIN = (
    "<!-- Made from values.yaml's comments by `scripts/chart.sh update`; `scripts/chart.sh check` compares. -->\n"
)
TABLE_END = "<!-- End of the table. -->\n"

# Settings of the server that follow from other values of the chart, and so are not in `config`.
MANAGED_SETTINGS = frozenset(
    """
    admin_host admin_port default_model drain_delay_seconds drain_timeout_seconds host http_host http_port model
    model_root models port result_log tls_certificate tls_client_ca tls_key tokens_file
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Value:
    """A key of values.yaml. A section has documented keys below it; a leaf has a default."""

    path: tuple[str, ...]
    comment: str  # one line; empty: nobody wrote one
    default: Any
    is_section: bool

    @property
    def name(self) -> str:
        return ".".join(self.path)


def _comment_above(lines: list[str], line: int) -> str:
    """The block of comment lines that ends right above `line` (from 0)."""
    block: list[str] = []
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        block.append(lines[line].strip().removeprefix("#").strip())
    return " ".join(reversed(block))


def _walk(node: yaml.MappingNode, path: tuple[str, ...], lines: list[str]) -> list[Value]:
    values: list[Value] = []
    for key, child in node.value:
        here = (*path, str(key.value))
        below: list[Value] = []
        if isinstance(child, yaml.MappingNode) and not child.flow_style:
            below = _walk(child, here, lines)
        # A mapping that nobody documents key by key is one value: its default is shown as a whole.
        is_section = any(value.comment for value in below)
        default = yaml.safe_load(yaml.serialize(child))
        values.append(Value(here, _comment_above(lines, key.start_mark.line), default, is_section))
        if is_section:
            values += below
    return values


def read_values(text: str) -> list[Value]:
    """All documented values in the file's order, sections before what is in them."""
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    return _walk(root, (), text.split("\n"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def table(values: list[Value]) -> str:
    """The README's table, with its marks."""
    rows = ["| value | default | meaning |", "|---|---|---|"]
    for value in values:
        if value.is_section:
            rows.append(f"| **`{value.name}`** | | {_cell(value.comment)} |")
        else:
            default = json.dumps(value.default, ensure_ascii=False)
            rows.append(f"| `{value.name}` | `{_cell(default)}` | {_cell(value.comment)} |")
    return TABLE_BEGIN + "\n" + "\n".join(rows) + "\n\n" + TABLE_END


def replace_table(readme: str, new: str) -> str:
    before, mark, rest = readme.partition(TABLE_BEGIN)
    _, end, after = rest.partition(TABLE_END)
    if not mark or not end:
        raise ValueError(f"{README.name} has lost the marks around its table")
    return before + new + after


def _setting_schema(values: str, meaning: str) -> dict[str, Any]:
    """The JSON schema of a setting, from the columns `value` and `meaning` of docs/configuration.md."""
    schema: dict[str, Any]
    if match := re.fullmatch(r"(-?\d+) to (\d+)", values):
        schema = {"type": "integer", "minimum": int(match[1]), "maximum": int(match[2])}
    elif match := re.fullmatch(r"number, (\S+) to (\S+)", values):
        schema = {"type": "number", "minimum": float(match[1]), "maximum": float(match[2])}
    elif values == "`true`, `false`":
        schema = {"type": "boolean"}
    elif re.fullmatch(r"`[^`]+`(, `[^`]+`)*", values):
        schema = {"type": "string", "enum": re.findall(r"`([^`]+)`", values)}
    elif values.split(";")[0] in ("text", "file", "folder"):
        schema = {"type": "string"}
    else:
        raise ValueError(f"docs/configuration.md has a kind of value that is not known here: {values}")
    return schema | {"description": meaning}


def settings_schema(configuration: str) -> dict[str, Any]:
    """The JSON schema of `config`: every setting of the server that the chart does not manage."""
    properties: dict[str, Any] = {}
    known: set[str] = set()
    for key, values, _, meaning in re.findall(
        r"^\| `([a-z_]+)` \| (.*?) \| (.*?) \| (.*) \|$", configuration, re.MULTILINE
    ):
        known.add(key)
        if key not in MANAGED_SETTINGS:
            properties[key] = _setting_schema(values, meaning)
    if missing := MANAGED_SETTINGS - known:
        raise ValueError(f"docs/configuration.md does not know {', '.join(sorted(missing))}, which the chart sets")
    return properties


def _node(schema: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    for key in path:
        properties = schema.get("properties", {})
        if key not in properties:
            return None
        schema = properties[key]
    return schema


def schema_with_texts(schema: dict[str, Any], values: list[Value], configuration: str) -> dict[str, Any]:
    """The schema with `config` made from docs/configuration.md and each description from values.yaml's comment."""
    new: dict[str, Any] = json.loads(json.dumps(schema))
    new["properties"]["config"]["properties"] = settings_schema(configuration)
    for value in values:
        node = _node(new, value.path)
        if node is not None and value.path[0] != "config":
            node["description"] = value.comment
    new["properties"]["config"]["description"] = next(v.comment for v in values if v.name == "config")
    return new


def schema_text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def undocumented(schema: dict[str, Any], values: list[Value]) -> list[str]:
    """What the schema knows and values.yaml does not, or the other way round. Of `config` only the latter."""
    wrong = [f"{v.name} is not in the schema" for v in values if _node(schema, v.path) is None]
    names = {value.path for value in values}
    sections = {value.path for value in values if value.is_section} | {()}
    for section in sections - {("config",)}:
        node = _node(schema, section)
        if node is None:
            continue
        if node.get("additionalProperties") is not False:
            wrong.append(f"the schema lets {'.'.join(section) or 'the root'} have keys that are not known")
        wrong += [
            f"{'.'.join((*section, key))} is in the schema and not in values.yaml"
            for key in node.get("properties", {})
            if (*section, key) not in names and key != "global"  # Helm's own
        ]
    return wrong
