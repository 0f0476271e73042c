"""Detections of the embedded model, computed once more without any of this project's code.

    detection.py write FILE.json    computes CASES
    detection.py check FILE.json    computes them again; fails where FILE says something else

Written from the paper's equations (arXiv 2503.10080) and docs/concepts.md: NumPy in double precision and Pillow's resize, and
a loop over samples, prompts and layers where the program has one product for all. `detect_golden_test` holds
`Detector::Detect` against FILE.

FILE, for each case: what was asked for; score, score_std and map_score; the smoothed map and its deviation (S x S, not
smoothed) at every STEP-th pixel of every STEP-th row. Under "steps", what lies between, for `parity_test`: token ids, the
class token's feature, every TOKEN_STEP-th patch token of the last layer, z_K of the three distributions, the unit-length
texts, the image's embedding, the score as of stage 1, and the raw map like the smoothed one.
"""

from __future__ import annotations

import gzip
import itertools
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

DEMO = Path(__file__).parents[3] / "assets" / "demo"
MODEL = DEMO / "model"
# Picture, object, seed, samples. The second seed does not fit into 32 bits.
CASES = (
    ("leather/scratch_0.jpg", "leather", 42, 3),
    ("woven_fabric/good_0.jpg", "Woven Fabric", 2**40 + 7, 2),
)
STEP = 8
TOKEN_STEP = 40
HOTTEST = 0.0075
EPSILON = 1e-5
Array = np.ndarray[Any, np.dtype[np.float64]]
Weights = dict[str, Array]

erf = np.vectorize(math.erf, otypes=[np.float64])


def read_safetensors(path: Path) -> Weights:
    content = path.read_bytes()
    header_size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + header_size])
    header.pop("__metadata__", None)
    kinds = {"F16": np.float16, "F32": np.float32}
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = content[8 + header_size + begin : 8 + header_size + end]
        tensors[name] = np.frombuffer(raw, kinds[entry["dtype"]]).astype(np.float64).reshape(entry["shape"])
    return tensors


def unit(x: Array) -> Array:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softplus(x: Array) -> Array:
    return np.logaddexp(0, x)


def linear(x: Array, w: Weights, name: str) -> Array:
    bias = w.get(name + ".bias")
    y = x @ w[name + ".weight"].T
    return y if bias is None else y + bias


def layer_norm(x: Array, w: Weights, name: str) -> Array:
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + EPSILON)
    return (x - x.mean(axis=-1, keepdims=True)) / deviation * w[name + ".weight"] + w[name + ".bias"]


def attention(x: Array, w: Weights, name: str, heads: int, causal: bool) -> Array:
    length, width = x.shape
    q, k, v = np.split(x @ w[name + ".in_proj_weight"].T + w[name + ".in_proj_bias"], 3, axis=-1)
    out = np.empty_like(x)
    for head in range(heads):
        part = slice(head * width // heads, (head + 1) * width // heads)
        scores = q[:, part] @ k[:, part].T / math.sqrt(width // heads)
        if causal:
            scores[np.triu_indices(length, 1)] = -np.inf
        out[:, part] = softmax(scores) @ v[:, part]
    return linear(out, w, name + ".out_proj")


def block(x: Array, w: Weights, name: str, heads: int, causal: bool) -> Array:
    x = x + attention(layer_norm(x, w, name + ".ln_1"), w, name + ".attn", heads, causal)
    hidden = linear(layer_norm(x, w, name + ".ln_2"), w, name + ".mlp.c_fc")
    return x + linear(hidden * 0.5 * (1 + erf(hidden / math.sqrt(2))), w, name + ".mlp.c_proj")


def cubic_weights(length: int, target: int) -> Array:
    """[target, length]: cubic convolution, a = -0.5, taps outside left out."""

    def kernel(x: float) -> float:
        x = abs(x)
        if x < 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    weights = np.zeros((target, length))
    for o in range(target):
        centre = (o + 0.5) * length / target - 0.5
        weights[o] = [kernel(i - centre) for i in range(length)]
    return weights / weights.sum(axis=1, keepdims=True)


def network_input(picture: Path, config: dict[str, Any]) -> Array:
    """[S, S, 3], normalised."""
    side = config["input"]["image_size"]
    image = Image.open(picture).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    pixels = np.asarray(image, np.float64) / 255
    return np.asarray((pixels - config["input"]["mean"]) / config["input"]["std"])


def encode_image(image: Array, clip: Weights, config: dict[str, Any]) -> tuple[Array, list[Array]]:
    """The class token's feature [E], and the tapped layers' patch tokens, four of [L, D_v]."""
    vision = config["architecture"]["vision"]
    patch, grid = vision["patch_size"], image.shape[0] // vision["patch_size"]
    kernel = clip["visual.conv1.weight"]  # [D_v, 3, p, p]
    tokens = [
        np.einsum("dcyx,yxc->d", kernel, image[y * patch : (y + 1) * patch, x * patch : (x + 1) * patch])
        for y in range(grid)
        for x in range(grid)
    ]
    stored = clip["visual.positional_embedding"]
    side = round(math.sqrt(len(stored) - 1))
    enlarge = cubic_weights(side, grid)
    positions = np.einsum("yi,xj,ijd->yxd", enlarge, enlarge, stored[1:].reshape(side, side, -1))
    x = np.vstack([clip["visual.class_embedding"], *tokens])
    x = x + np.vstack([stored[:1], positions.reshape(grid * grid, -1)])
    x = layer_norm(x, clip, "visual.ln_pre")
    tapped = []
    for layer in range(vision["layers"]):
        x = block(x, clip, f"visual.transformer.resblocks.{layer}", vision["heads"], causal=False)
        if layer + 1 in vision["tapped_layers"]:
            tapped.append(x[1:])
    return layer_norm(x[0], clip, "visual.ln_post") @ clip["visual.proj"], tapped


def token_ids(text: str) -> list[int]:
    """CLIP's byte-pair encoding of lower-case words of plain letters."""
    merges = gzip.decompress((MODEL / "bpe_simple_vocab_16e6.txt.gz").read_bytes()).decode().split("\n")[1:48895]
    alphabet = [chr(c) for c in (*range(33, 127), *range(161, 173), *range(174, 256))]
    alphabet += [chr(256 + i) for i in range(256 - len(alphabet))]
    symbols = alphabet + [c + "</w>" for c in alphabet] + ["".join(merge.split()) for merge in merges]
    number = {symbol: i for i, symbol in enumerate(symbols)}
    rank = {tuple(merge.split()): i for i, merge in enumerate(merges)}
    ids = [49406]
    for word in text.lower().split():
        assert word.isascii() and word.isalpha(), word
        parts = [*word[:-1], word[-1] + "</w>"]
        while pairs := [pair for pair in itertools.pairwise(parts) if pair in rank]:
            best = min(pairs, key=rank.__getitem__)
            at = list(itertools.pairwise(parts)).index(best)
            parts[at : at + 2] = ["".join(best)]
        ids += [number[part] for part in parts]
    return [*ids, 49407]


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox4x32-10 (Salmon et al., SC 2011)."""
    word = 0xFFFFFFFF
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [second >> 32 ^ counter[1] ^ key[0], second & word, first >> 32 ^ counter[3] ^ key[1], first & word]
        key = [key[0] + 0x9E3779B9 & word, key[1] + 0xBB67AE85 & word]
    return counter


def noise(seed: int, distribution: int, sample: int, width: int) -> Array:
    """Standard-normal draws [E] (docs/concepts.md): distribution 0 context, 1 normal, 2 abnormal."""
    draws: list[float] = []
    while len(draws) < width:
        bits = philox([len(draws) // 4, sample, distribution, 0], [seed & 0xFFFFFFFF, seed >> 32])
        for one, other in (bits[:2], bits[2:]):
            radius = math.sqrt(-2 * math.log((one + 1) / 2**32))
            angle = 2 * math.pi * other / 2**32
            draws += [radius * math.cos(angle), radius * math.sin(angle)]
    return np.asarray(draws[:width], np.float64)


def encoded(x: Array, w: Weights, name: str) -> Array:
    for layer in (0, 2):
        x = softplus(linear(x, w, f"{name}.module.{layer}"))
    return linear(x, w, f"{name}.module.4")


def draw(x: Array, eps: Array, w: Weights, encoder: str, flow: tuple[Array, Array, Array]) -> Array:
    """One sample z_K [E]: mean and variance from the encoder, then the planar flow's steps."""
    mean, log_variance = encoded(x, w, encoder + ".weight_mean"), encoded(x, w, encoder + ".weight_log_variance")
    z = mean + np.sqrt(np.exp(log_variance / 2)) * eps
    for u, v, b in zip(*flow, strict=True):
        z = z + u * np.tanh(v @ z + b)
    return np.asarray(z)


def samples_of(
    feature: Array, w: Weights, seed: int, samples: int, steps: int
) -> tuple[list[Array], list[Array], list[Array]]:
    """z_K of the context, normal and abnormal distribution, each [R] of [E]."""
    width = len(feature)
    amortised = (
        linear(feature, w, "PFL_context.amor_u").reshape(steps, width),
        linear(feature, w, "PFL_context.amor_w").reshape(steps, width),
        linear(feature, w, "PFL_context.amor_b"),
    )
    context = [draw(feature, noise(seed, 0, r, width), w, "context_encoder", amortised) for r in range(samples)]
    states = []
    for stream, name in ((1, "PFL_normal"), (2, "PFL_abnormal")):
        flow = (
            w[name + ".amor_u"].reshape(steps, width),
            w[name + ".amor_w"].reshape(steps, width),
            w[name + ".amor_b"].reshape(steps),
        )
        state = w[name + ".state"][0]
        states.append([draw(state, noise(seed, stream, r, width), w, "state_encoder", flow) for r in range(samples)])
    return context, states[0], states[1]


def encode_prompt(rows: Array, ids: list[int], clip: Weights, config: dict[str, Any]) -> Array:
    """[E]: the ids, whose second one gives way to the learned rows, through the text tower."""
    text = config["architecture"]["text"]
    tokens = clip["token_embedding.weight"][ids]
    x = np.vstack([tokens[:1], rows, tokens[2:]])
    x = x + clip["positional_embedding"][: len(x)]
    for layer in range(text["layers"]):
        x = block(x, clip, f"transformer.resblocks.{layer}", text["heads"], causal=True)
    return np.asarray(layer_norm(x[-1], clip, "ln_final") @ clip["text_projection"])


def encode_prompts(
    context: list[Array],
    state: list[Array],
    bank: str,
    ids: list[int],
    clip: Weights,
    w: Weights,
    config: dict[str, Any],
) -> Array:
    """[R, B, E], unit length."""
    texts = [
        [
            encode_prompt(np.vstack([own + z_context, words + z_state]), ids, clip, config)
            for own, words in zip(w["prompt_context"], w[bank], strict=True)
        ]
        for z_context, z_state in zip(context, state, strict=True)
    ]
    return unit(np.asarray(texts))


def image_embedding(feature: Array, tapped: list[Array], w: Weights) -> Array:
    """Stage 2: the class token's feature and what the tapped layers say, fused."""
    hidden = linear(np.concatenate(tapped, axis=-1), w, "fuse.fuse_modules")
    weight = softmax(linear(hidden, w, "fuse.compress")[:, 0])
    return unit(linear(feature + linear(weight @ hidden, w, "fuse.post_process"), w, "image_mapping"))


def refine(text: Array, patches: Array, w: Weights, heads: int) -> Array:
    """Residual cross-attention of one text embedding [D_t] over one layer's patches [L, D_t]."""
    width = len(text)
    query = w["RCA.q_proj_pre.weight"][:, :, 0] @ text + w["RCA.q_proj_pre.bias"]
    seen = np.empty(width)
    for head in range(heads):
        part = slice(head * width // heads, (head + 1) * width // heads)
        seen[part] = softmax(patches[:, part] @ query[part] / math.sqrt(width)) @ patches[:, part]
    return unit(seen + text)


def bilinear_weights(length: int, target: int) -> Array:
    """[target, length], corners on corners."""
    weights = np.zeros((target, length))
    for o in range(target):
        source = o * (length - 1) / (target - 1)
        low = min(int(source), length - 2)
        weights[o, low], weights[o, low + 1] = low + 1 - source, source - low
    return weights


def anomaly_maps(normal: Array, abnormal: Array, tapped: list[Array], w: Weights, config: dict[str, Any]) -> Array:
    """[R, S, S]: for each sample the mean over layers and prompts of the abnormal text's probability."""
    side, heads = config["input"]["image_size"], config["architecture"]["rca_heads"]
    samples, prompts, _ = normal.shape
    grid = round(math.sqrt(len(tapped[0])))
    enlarge = bilinear_weights(grid, side)
    temperature = math.exp(w["temperature_pixel"])
    maps = np.zeros((samples, side, side))
    for layer, tokens in enumerate(tapped):
        patches = unit(tokens @ w[f"RCA.linear_proj.{layer}.weight"].T)
        for r in range(samples):
            for b in range(prompts):
                logits = [
                    enlarge
                    @ (temperature * patches @ refine(text[r, b], patches, w, heads)).reshape(grid, grid)
                    @ enlarge.T
                    for text in (normal, abnormal)
                ]
                maps[r] += sigmoid(logits[1] - logits[0]) / (len(tapped) * prompts)
    return maps


def smoothed(image: Array, sigma: float) -> Array:
    """A Gaussian of radius 4 sigma, the borders mirrored with their last pixel."""
    radius = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        padded = np.pad(image, [(radius, radius) if a == axis else (0, 0) for a in (0, 1)], mode="symmetric")
        image = np.apply_along_axis(lambda line: np.convolve(line, kernel, mode="valid"), axis, padded)
    return image


def abnormal_probability(normal: Array, abnormal: Array, image: Array, w: Weights) -> Array:
    """[R, B]: of texts [R, B, E] and one image [E], all of unit length."""
    return sigmoid(math.exp(w["temperature_image"]) * ((abnormal - normal) @ image))


def listed(values: Array | list[Array]) -> list[float]:
    return list(np.ravel(values).tolist())


def detect(picture: str, words: str, seed: int, samples: int) -> dict[str, Any]:
    config = json.loads((MODEL / "config.json").read_text())
    clip = read_safetensors(MODEL / "clip.safetensors")
    w = read_safetensors(MODEL / "bayespfl.safetensors")
    assert config["stage"] == 2 and config["sampling"]["iad_sampling"] == "request"

    feature, tapped = encode_image(network_input(DEMO / "images" / picture, config), clip, config)
    context, z_normal, z_abnormal = samples_of(feature, w, seed, samples, config["architecture"]["flow_steps"])
    ids = token_ids("x " + words)
    normal = encode_prompts(context, z_normal, "prompt_state_normal", ids, clip, w, config)
    abnormal = encode_prompts(context, z_abnormal, "prompt_state_abnormal", ids, clip, w, config)

    own = image_embedding(feature, tapped, w)
    mapped = [unit(linear(text, w, "class_mapping")) for text in (normal, abnormal)]
    scores = abnormal_probability(mapped[0], mapped[1], own, w).mean(axis=1)  # [R]
    stage_1 = abnormal_probability(mapped[0], mapped[1], unit(feature), w)
    maps = anomaly_maps(normal, abnormal, tapped, w, config)
    mean = maps.mean(axis=0)
    hottest = max(1, round(HOTTEST * mean.size))
    every = (slice(None, None, STEP), slice(None, None, STEP))
    return {
        "picture": picture,
        "object": words,
        "seed": seed,
        "samples": samples,
        "step": STEP,
        "side": len(mean),
        "score": scores.mean(),
        "score_std": scores.std(),
        "map_score": np.sort(mean, axis=None)[-hottest:].mean(),
        "map": listed(smoothed(mean, config["map_smoothing_sigma"])[every]),
        "map_std": listed(maps.std(axis=0)[every]),
        "steps": {
            "token_step": TOKEN_STEP,
            "token_ids": ids,
            "class_feature": listed(feature),
            "last_patches": listed(tapped[-1][::TOKEN_STEP]),
            "context": listed(context),
            "normal_state": listed(z_normal),
            "abnormal_state": listed(z_abnormal),
            "normal_texts": listed(normal),
            "abnormal_texts": listed(abnormal),
            "image_embedding": listed(own),
            "score_stage_1": stage_1.mean(),
            "raw_map": listed(mean[every]),
        },
    }


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return np.round(value, 7).tolist() if isinstance(value, (float, list)) else value


def expect_same(stored: dict[str, Any], computed: dict[str, Any], where: str) -> None:
    assert stored.keys() == computed.keys(), where
    for key, value in computed.items():
        if isinstance(value, dict):
            expect_same(stored[key], value, f"{where}, {key}")
        elif isinstance(value, (float, list)):
            np.testing.assert_allclose(stored[key], value, rtol=0, atol=1e-6, err_msg=f"{where}: {key}")
        else:
            assert stored[key] == value, f"{where}: {key}"


def main() -> None:
    what, file = sys.argv[1:]
    cases = [rounded(detect(*case)) for case in CASES]
    if what == "write":
        Path(file).write_text(json.dumps(cases) + "\n")
        return
    for stored, case in zip(json.loads(Path(file).read_text()), cases, strict=True):
        expect_same(stored, case, case["picture"])


if __name__ == "__main__":
    main()
