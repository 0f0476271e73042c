"""The table `cases.json`: groups of frames that go to one server, and what must come of each frame.

A group may say, beside `name`, `about` and `cases`:

| key | meaning |
|---|---|
| `server` | settings of its server, beside those of server_process.py |
| `client` | options of the clients, as in a job |
| `tokens` | roles; the server gets a file with one token for each, and none else |
| `token` | the role whose token the clients send |
| `token_each` | true: each driver has a token of its own, unary and as a stream, because the server counts what one client does |
| `attempts_over` | some frame must have been sent more often than this |
| `end` | what a stream ends with; without it, every stream ends well |
| `refused` | the error that the client's creation ends with: there is no outcome |

and an `expect` the keys of the class Expect; what it does not say is not looked at, but for what every outcome must keep:
one attempt, the frame's own id, the SHA-256 of the frame's own picture.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "cases.json"


@dataclass(frozen=True)
class Expect:
    # Errors.
    code: int | None = None
    reason: str | None = None
    field: str | None = None  # as a unary call names it; a stream puts "frame." in front
    message_has: tuple[str, ...] = ()
    limit: int | None = None  # the message names it, and the frame's own size, which is more
    retry_delay: bool | None = None
    # Both.
    attempts: int | None = 1  # null: any
    attempts_at_most: int | None = None
    # Results.
    verdict: str | None = None
    decided_by: str | None = None
    category: str | None = None
    object: str | None = None
    samples: int | None = None
    seed: int | None = None
    random_seed: bool = False  # seeds differ from call to call
    score_std: str | None = None
    mixed_score: bool | None = None
    frame: tuple[int, int] | None = None  # width, height
    mask: tuple[int, int] | None = None
    mask_area: int | None = None
    mask_filled: bool | None = None  # neither empty nor full
    anomaly_map: tuple[int, int] | bool | None = None  # false: none
    deviation_map: tuple[int, int] | bool | None = None
    inspected_picture: bool | None = None
    regions: int | None = None
    regions_at_least: int | None = None
    regions_asked: bool | None = None
    contour_points_at_most: int | None = None
    same_as: str | None = None  # another case's: the same numbers, masks, maps, regions, pictures
    differs_from: tuple[str, ...] = ()  # other cases': another score, or another picture as inspected

    @property
    def is_error(self) -> bool:
        return self.code is not None


@dataclass(frozen=True)
class Case:
    name: str
    picture: dict[str, Any]
    category: str
    expect: Expect
    options: dict[str, Any] = field(default_factory=dict)
    frame_id: str = ""

    @property
    def id(self) -> str:
        """Its frame's."""
        return self.frame_id or self.name


@dataclass(frozen=True)
class Group:
    name: str
    about: str
    cases: tuple[Case, ...]
    server: dict[str, Any] = field(default_factory=dict)
    client: dict[str, Any] = field(default_factory=dict)
    tokens: tuple[str, ...] = ()
    token: str = ""
    token_each: bool = False
    attempts_over: int = 0
    end: Expect | None = None
    refused: Expect | None = None

    def case(self, name: str) -> Case:
        return next(case for case in self.cases if case.name == name)


def _expect(values: dict[str, Any]) -> Expect:
    return Expect(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})


def _case(values: dict[str, Any]) -> Case:
    return Case(**values | {"expect": _expect(values["expect"])})


def _group(values: dict[str, Any]) -> Group:
    fields = values | {"cases": tuple(_case(case) for case in values["cases"])}
    if "tokens" in fields:
        fields["tokens"] = tuple(fields["tokens"])
    for key in ("end", "refused"):
        if key in fields:
            fields[key] = _expect(fields[key])
    group = Group(**fields)
    ids = [case.id for case in group.cases]
    assert len(ids) == len(set(ids)), f"group {group.name}: two frames have one id"
    for case in group.cases:
        others = [*case.expect.differs_from, *([case.expect.same_as] if case.expect.same_as else [])]
        for other in others:
            assert other in {each.name for each in group.cases}, f"{case.name}: there is no case {other!r}"
    return group


def load(path: Path = TABLE) -> list[Group]:
    """Unknown keys are errors: a misspelt expectation would expect nothing."""
    return [_group(values) for values in json.loads(path.read_text())["groups"]]
