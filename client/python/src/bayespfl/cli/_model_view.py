"""Models, for people and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayespfl._json import json_text, shortest
from bayespfl._result_line import thresholds_to_json
from bayespfl._text import columns, one_line, pad
from bayespfl.results import CalibratedCategory, Model, Thresholds


def model_to_json(model: Model) -> dict[str, Any]:
    """Without its categories."""
    names = (
        "name", "is_default", "package_name", "version", "digest", "computation_digest", "kind", "device", "precision", "kernels", "stage",
        "image_size", "default_samples", "max_samples", "map_smoothing_sigma", "iad_sampling", "default_thresholds",
        "categories_total",
    )  # fmt: skip
    fields = {name: getattr(model, name) for name in names}
    fields["map_smoothing_sigma"] = shortest(model.map_smoothing_sigma)
    fields["default_thresholds"] = thresholds_to_json(model.default_thresholds)
    return fields


def _category_to_json(category: CalibratedCategory) -> dict[str, Any]:
    names = (
        "category", "object", "thresholds", "seed", "samples", "good_pictures", "fail_rate", "review_rate", "confidence",
        "significant_bits", "apply_orientation",
    )  # fmt: skip
    return {name: getattr(category, name) for name in names} | {"thresholds": thresholds_to_json(category.thresholds)}


def model_with_categories_to_json(model: Model) -> dict[str, Any]:
    """With its categories."""
    return model_to_json(model) | {"categories": [_category_to_json(category) for category in model.categories]}


def _words(value: Any) -> str:
    if value is None:
        return "none"
    return one_line(value if isinstance(value, str) else json_text(value))


def print_fields(fields: Mapping[str, Any]) -> None:
    """A line for each field."""
    width = max(map(len, fields))
    for name, value in fields.items():
        print(f"{pad(name, width)}  {_words(value)}")


def _thresholds_text(thresholds: Thresholds) -> str:
    text = f"mask {shortest(thresholds.mask):g}"
    for line in thresholds.lines:
        text += f", {line.rule} review {shortest(line.review):g} fail {shortest(line.fail):g}"
    return text


def print_models(models: tuple[Model, ...]) -> None:
    """A table."""
    if not models:
        print("no model serves")
        return
    rows = [("name", "default", "version", "device", "precision", "categories")]
    for model in models:
        cells = (model.name, "yes" if model.is_default else "", model.version, model.device, model.precision)
        rows.append((*map(one_line, cells), str(model.categories_total)))  # type: ignore[arg-type]
    widths = [max(columns(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("".join(pad(cell, width + 2) for cell, width in zip(row[:-1], widths, strict=False)) + row[-1])


def print_model(model: Model) -> None:
    """Its fields, and a line for each category."""
    fields = model_to_json(model)
    fields["default_thresholds"] = _thresholds_text(model.default_thresholds)
    fields["categories"] = fields.pop("categories_total")
    print_fields(fields)
    for category in model.categories:
        of = f" ({one_line(category.object)})" if category.object != category.category else ""
        print(
            f"  {one_line(category.category)}{of}: {_thresholds_text(category.thresholds)}; seed {category.seed}, "
            f"{category.samples} samples, {category.good_pictures} good pictures"
        )
