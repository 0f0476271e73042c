#!/usr/bin/env python3
"""Writes docs/api.md from the comments of the contract.

Reads a file descriptor set with source information as JSON (`buf build -o contract.json`) and prints Markdown: services
first, then messages and enums of each file in the order of the source. Needs nothing but the standard library.

A name without a comment is an error: the contract is its own documentation.
"""

import json
import sys
from pathlib import PurePosixPath
from typing import Any

Json = dict[str, Any]

# Field numbers of FileDescriptorProto, DescriptorProto and the like, of which source locations are made.
FILE_MESSAGE, FILE_ENUM, FILE_SERVICE, FILE_SYNTAX = 4, 5, 6, 12
MESSAGE_FIELD, MESSAGE_ONEOF, ENUM_VALUE, SERVICE_METHOD = 2, 8, 2, 2

FIRST_FILES = ("bayespfl/inspection/v1/inspection.proto", "bayespfl/inspection/v1/picture.proto")

HEADER = """\
# The API, field by field

Made from the comments in [proto/bayespfl](../proto/bayespfl) by `make contract`; edit those. How to use it, with examples
and limits: [calls.md](calls.md). What a verdict promises: [verdicts.md](verdicts.md).
"""


class UndocumentedError(Exception):
    """Names of the contract that have no comment."""


def shown(full_name: str) -> str:
    """The name as headings have it: those of the inspection API alone, others with what tells them apart."""
    return full_name.lstrip(".").removeprefix("bayespfl.inspection.v1.").removeprefix("bayespfl.")


def link(full_name: str) -> str:
    name = shown(full_name)
    return f"[{name}](#{name.lower().replace('.', '')})"


class File:
    def __init__(self, descriptor: Json) -> None:
        self.descriptor = descriptor
        self.package: str = descriptor["package"]
        self.undocumented: list[str] = []
        self._comments = {
            tuple(location.get("path", [])): location.get("leadingComments") or location.get("trailingComments") or ""
            for location in descriptor["sourceCodeInfo"]["location"]
        }

    def text(self, *path: int) -> str:
        """The comment of a place, in one line; empty where there is none."""
        return " ".join(line.strip() for line in self._comments.get(path, "").splitlines()).strip()

    def comment(self, name: str, *path: int) -> str:
        """The same; a place without one is noted under `name`."""
        text = self.text(*path)
        if not text:
            self.undocumented.append(name)
        return text

    def paragraphs(self, name: str, *path: int) -> str:
        """comment() with its line breaks."""
        lines = [line.strip() for line in self._comments.get(path, "").splitlines()]
        if not any(lines):
            self.undocumented.append(name)
        return "\n".join(lines).strip()


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def type_text(field: Json) -> str:
    if "typeName" in field:
        full = field["typeName"].lstrip(".")
        name = link(full) if full.startswith("bayespfl.") else f"`{full}`"
    else:
        name = "`" + field["type"].removeprefix("TYPE_").lower() + "`"
    if field.get("label") == "LABEL_REPEATED":
        return f"repeated {name}"
    return f"optional {name}" if field.get("proto3Optional") else name


def message_section(file: File, message: Json, index: int) -> list[str]:
    name = shown(f"{file.package}.{message['name']}")
    lines = [f"### {name}", ""]
    if not message.get("field"):  # an empty request needs no words
        return [*lines, file.text(FILE_MESSAGE, index) or "No fields.", ""]
    lines += [file.paragraphs(name, FILE_MESSAGE, index), ""]
    lines += ["| field | number | type | meaning |", "|---|---|---|---|"]
    shown_oneofs: set[int] = set()
    for number, field in enumerate(message["field"]):
        text = file.comment(f"{name}.{field['name']}", FILE_MESSAGE, index, MESSAGE_FIELD, number)
        if "oneofIndex" in field and not field.get("proto3Optional"):
            oneof_index = field["oneofIndex"]
            oneof = message["oneofDecl"][oneof_index]["name"]
            about_oneof = ""
            if oneof_index not in shown_oneofs:
                shown_oneofs.add(oneof_index)
                about_oneof = file.text(FILE_MESSAGE, index, MESSAGE_ONEOF, oneof_index)
            text = " ".join(part for part in (f"One of `{oneof}`.", about_oneof, text) if part)
        lines.append(f"| `{field['name']}` | {field['number']} | {type_text(field)} | {cell(text)} |")
    return [*lines, ""]


def enum_section(file: File, enum: Json, index: int) -> list[str]:
    name = shown(f"{file.package}.{enum['name']}")
    lines = [f"### {name}", "", file.paragraphs(name, FILE_ENUM, index), ""]
    lines += ["| value | number | meaning |", "|---|---|---|"]
    for number, value in enumerate(enum["value"]):
        text = file.comment(f"{name}.{value['name']}", FILE_ENUM, index, ENUM_VALUE, number)
        lines.append(f"| `{value['name']}` | {value.get('number', 0)} | {cell(text)} |")
    return [*lines, ""]


def service_section(file: File, service: Json, index: int) -> list[str]:
    full_name = f"{file.package}.{service['name']}"
    lines = [f"## {full_name}", "", file.paragraphs(full_name, FILE_SERVICE, index), ""]
    lines += ["| call | request | reply | what it does |", "|---|---|---|---|"]
    for number, method in enumerate(service["method"]):
        ends = []
        for key, streaming in (("inputType", "clientStreaming"), ("outputType", "serverStreaming")):
            ends.append(("stream of " if method.get(streaming) else "") + link(method[key]))
        text = file.comment(f"{service['name']}.{method['name']}", FILE_SERVICE, index, SERVICE_METHOD, number)
        lines.append(f"| `{method['name']}` | {ends[0]} | {ends[1]} | {cell(text)} |")
    return [*lines, ""]


def file_sections(file: File) -> list[str]:
    lines: list[str] = []
    for kind, index in in_source_order(file.descriptor):
        if kind == FILE_MESSAGE:
            lines += message_section(file, file.descriptor["messageType"][index], index)
        elif kind == FILE_ENUM:
            lines += enum_section(file, file.descriptor["enumType"][index], index)
    return lines


def in_source_order(descriptor: Json) -> list[tuple[int, int]]:
    places = {}
    for location in descriptor["sourceCodeInfo"]["location"]:
        path = location.get("path", [])
        if len(path) == 2 and path[0] in (FILE_MESSAGE, FILE_ENUM):
            places[(path[0], path[1])] = location["span"][0]
    return sorted(places, key=lambda key: places[key])


def render(descriptor_set: Json) -> str:
    files = [File(descriptor) for descriptor in descriptor_set["file"] if "bayespfl" in descriptor["package"]]

    def rank(file: File) -> tuple[bool, int, str]:
        name = file.descriptor["name"]
        return ("admin" in name, FIRST_FILES.index(name) if name in FIRST_FILES else len(FIRST_FILES), name)

    files.sort(key=rank)
    lines = [HEADER]
    for file in files:
        for index, service in enumerate(file.descriptor.get("service", [])):
            lines += service_section(file, service, index)
        title = PurePosixPath(file.descriptor["name"])
        lines += [f"## {title}", "", file.paragraphs(str(title), FILE_SYNTAX), ""]
        lines += file_sections(file)
    missing = [name for file in files for name in file.undocumented]
    if missing:
        raise UndocumentedError("without a comment in the contract: " + ", ".join(missing))
    return "\n".join(lines).rstrip("\n") + "\n"


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: api_reference.py CONTRACT.json", file=sys.stderr)
        return 2
    with open(sys.argv[1], encoding="utf-8") as source:
        descriptor_set = json.load(source)
    try:
        sys.stdout.write(render(descriptor_set))
    except UndocumentedError as error:
        print(f"api_reference: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
