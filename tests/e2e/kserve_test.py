#!/usr/bin/env python3
"""The server under NVIDIA's `tritonclient`, on the embedded model; scores compared with InspectionService's.

PROGRAMS_FOLDER=build/bin python tests/e2e/kserve_test.py
"""

from __future__ import annotations

import asyncio
import json
import queue
import re
import struct
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from numpy.typing import NDArray
from server_program import BIN, IMAGES, REPOSITORY, ServerTest
from tritonclient.utils import InferenceServerException

NAME = "bayespfl-demo"
SEED = 7
OPTIONS = {"seed": SEED, "samples": 2}


def bytes_input(name: str, values: list[bytes]) -> triton.InferInput:
    tensor = triton.InferInput(name, [len(values)], "BYTES")
    tensor.set_data_from_numpy(np.array(values, dtype=np.object_))
    return tensor


def inputs_of(pictures: list[bytes], categories: list[str]) -> list[triton.InferInput]:
    return [bytes_input("image", pictures), bytes_input("category", [name.encode() for name in categories])]


def picture(name: str) -> bytes:
    return (IMAGES / name).read_bytes()


def random_pixels(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(SEED).integers(0, 256, (height, width, 3), dtype=np.uint8)


def bmp_of(pixels: NDArray[np.uint8]) -> bytes:
    """A 24-bit BMP: rows from the bottom, BGR, padded to four bytes."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, (width * 3 + 3) // 4 * 4), dtype=np.uint8)
    rows[:, : width * 3] = pixels[::-1, :, ::-1].reshape(height, width * 3)
    header = struct.pack("<2sIHHI", b"BM", 54 + rows.size, 0, 0, 54)
    return header + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, rows.size, 0, 0, 0, 0) + rows.tobytes()


class TritonClientTest(ServerTest):
    def setUp(self) -> None:
        self.client = triton.InferenceServerClient(self.server.address)
        self.addCleanup(self.client.close)

    def inspect(self, name: str, category: str) -> dict[str, float]:
        """What InspectionService says of the picture."""
        command = [BIN / "bayespfl-client", "inspect", "--server", self.server.address, "--json"]
        command += ["--seed", str(SEED), "--samples", str(OPTIONS["samples"])]
        finished = subprocess.run(
            [*command, "--category", category, IMAGES / name], check=True, capture_output=True, text=True
        )
        return json.loads(finished.stdout)

    def infer(self, pictures: list[bytes], categories: list[str], outputs: list[str] | None = None, **parameters):
        wanted = None if outputs is None else [triton.InferRequestedOutput(name) for name in outputs]
        return self.client.infer(NAME, inputs_of(pictures, categories), outputs=wanted, parameters=OPTIONS | parameters)

    def test_server_and_model_are_ready_and_described(self) -> None:
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready(NAME))
        self.assertEqual(self.client.get_server_metadata().name, "bayespfl-server")
        metadata = self.client.get_model_metadata(NAME)
        self.assertEqual([tensor.name for tensor in metadata.inputs], ["image", "category"])
        self.assertIn("anomaly_map", [tensor.name for tensor in metadata.outputs])
        self.assertTrue(self.client.is_model_ready(NAME, metadata.versions[0]))

    def test_the_model_is_configured_as_its_metadata_say(self) -> None:
        metadata = self.client.get_model_metadata(NAME)
        config = self.client.get_model_config(NAME, metadata.versions[0]).config
        self.assertEqual(config.name, NAME)
        self.assertEqual(config.platform, metadata.platform)
        for configured, described in ((config.input, metadata.inputs), (config.output, metadata.outputs)):
            self.assertEqual([tensor.name for tensor in configured], [tensor.name for tensor in described])
            self.assertEqual([list(tensor.dims) for tensor in configured], [list(tensor.shape) for tensor in described])

    def test_statistics_grow_by_what_was_asked(self) -> None:
        before = self.client.get_inference_statistics(NAME).model_stats[0]
        self.infer([picture("leather/hole_0.jpg"), picture("leather/good_0.jpg")], ["leather"])
        after = self.client.get_inference_statistics(NAME).model_stats[0]
        self.assertEqual(after.inference_count - before.inference_count, 2)
        self.assertEqual(after.inference_stats.success.count - before.inference_stats.success.count, 1)
        self.assertGreater(after.inference_stats.compute_infer.ns, before.inference_stats.compute_infer.ns)
        self.assertIn("statistics", self.client.get_server_metadata().extensions)

    def test_the_index_has_the_model(self) -> None:
        models = self.client.get_model_repository_index().models
        self.assertEqual([(model.name, model.state) for model in models], [(NAME, "READY")])
        self.assertEqual(models[0].version, self.client.get_model_metadata(NAME).versions[0])

    def test_what_is_not_served_says_what_to_use_instead(self) -> None:
        calls = {
            "RepositoryModelLoad": lambda: self.client.load_model(NAME),
            "RepositoryModelUnload": lambda: self.client.unload_model(NAME),
            "SystemSharedMemoryStatus": self.client.get_system_shared_memory_status,
            "CudaSharedMemoryStatus": self.client.get_cuda_shared_memory_status,
            "TraceSetting": self.client.get_trace_settings,
            "LogSettings": self.client.get_log_settings,
        }
        for method, call in calls.items():
            with self.assertRaises(InferenceServerException) as refused:
                call()
            self.assertEqual(refused.exception.status(), "StatusCode.UNIMPLEMENTED")
            self.assertTrue(refused.exception.message().startswith(f"{method} is not served here: "), method)

    def test_one_picture_has_the_scores_of_the_inspection_service(self) -> None:
        expected = self.inspect("leather/hole_0.jpg", "leather")
        result = self.infer([picture("leather/hole_0.jpg")], ["leather"])
        for name in ("score", "score_std", "map_score"):
            values = result.as_numpy(name)
            self.assertEqual(values.dtype, np.float32)
            self.assertEqual(values.tolist(), [np.float32(expected[name])], name)
        self.assertEqual(result.as_numpy("seed").tolist(), [SEED])
        self.assertEqual(result.as_numpy("verdict").tolist(), [expected["verdict"].encode()])
        self.assertIsNone(result.as_numpy("anomaly_map"))

    def test_a_batch_has_the_scores_of_its_pictures_alone(self) -> None:
        names = ["leather/good_0.jpg", "wood/hole_0.jpg", "carpet/stain_0.jpg"]
        categories = ["leather", "wood", "carpet"]
        alone = [self.inspect(*pair)["score"] for pair in zip(names, categories, strict=True)]
        result = self.infer([picture(name) for name in names], categories)
        np.testing.assert_allclose(result.as_numpy("score"), alone, rtol=0, atol=1e-5)

    def test_the_mask_is_the_map_at_its_threshold(self) -> None:
        result = self.infer([picture("wood/hole_0.jpg")], ["wood"], ["anomaly_map", "mask"], mask_threshold=0.5)
        anomaly_map = result.as_numpy("anomaly_map")
        mask = result.as_numpy("mask")
        self.assertEqual(anomaly_map.shape, (1, 448, 448))  # the picture's size
        self.assertEqual(mask.dtype, np.uint8)
        np.testing.assert_array_equal(mask, np.where(anomaly_map >= 0.5, 255, 0))
        self.assertGreater(mask.max(), mask.min())

    def test_maps_of_the_models_size_are_sent_when_asked_for(self) -> None:
        result = self.infer([picture("wood/hole_0.jpg")], ["wood"], ["anomaly_map"], resolution="model")
        self.assertEqual(result.as_numpy("anomaly_map").shape, (1, 240, 240))

    def test_pixels_and_the_file_that_holds_them_have_one_score(self) -> None:
        pixels = random_pixels(61, 83)
        tensor = triton.InferInput("image", [1, *pixels.shape], "UINT8")
        tensor.set_data_from_numpy(pixels[np.newaxis])
        inputs = [tensor, bytes_input("category", [b"noise"])]
        outputs = [triton.InferRequestedOutput("score"), triton.InferRequestedOutput("anomaly_map")]
        result = self.client.infer(NAME, inputs, outputs=outputs, parameters=OPTIONS)
        expected = self.infer([bmp_of(pixels)], ["noise"], ["score", "anomaly_map"])
        self.assertEqual(result.as_numpy("anomaly_map").shape, (1, 61, 83))
        for name in ("score", "anomaly_map"):
            np.testing.assert_array_equal(result.as_numpy(name), expected.as_numpy(name), name)

    def test_without_a_seed_the_same_picture_gets_the_same_answer(self) -> None:
        inputs = inputs_of([picture("leather/hole_0.jpg")], ["leather"])
        first = self.client.infer(NAME, inputs, parameters={"samples": 2})
        second = self.client.infer(NAME, inputs, parameters={"samples": 2})
        other = self.client.infer(NAME, inputs, parameters={"samples": 2, "seed": SEED})
        self.assertEqual(first.as_numpy("seed").tolist(), [0])
        self.assertEqual(first.as_numpy("score").tolist(), second.as_numpy("score").tolist())
        self.assertNotEqual(first.as_numpy("score").tolist(), other.as_numpy("score").tolist())

    def test_the_object_is_what_the_prompt_says(self) -> None:
        part = self.infer([picture("leather/hole_0.jpg")], ["PCB-4711 rev C"], object="leather")
        leather = self.infer([picture("leather/hole_0.jpg")], ["leather"])
        self.assertEqual(part.as_numpy("score").tolist(), leather.as_numpy("score").tolist())
        with self.assertRaises(InferenceServerException) as empty:
            self.infer([picture("leather/hole_0.jpg")], ["leather"], object=" ")
        self.assertEqual(empty.exception.status(), "StatusCode.INVALID_ARGUMENT")

    def test_priority_timeout_and_compression_are_taken(self) -> None:
        inputs = inputs_of([picture("leather/hole_0.jpg")], ["leather"])
        result = self.client.infer(NAME, inputs, priority=1, timeout=60_000_000, compression_algorithm="gzip")
        self.assertEqual(result.as_numpy("score").shape, (1,))

    def test_errors_carry_their_status(self) -> None:
        with self.assertRaises(InferenceServerException) as bad_picture:
            self.infer([picture("wood/good_0.jpg"), b"no picture"], ["wood"])
        self.assertEqual(bad_picture.exception.status(), "StatusCode.INVALID_ARGUMENT")
        self.assertIn("image[1]: ", bad_picture.exception.message())
        with self.assertRaises(InferenceServerException) as other_model:
            self.client.infer("resnet", inputs_of([b"x"], ["wood"]))
        self.assertEqual(other_model.exception.status(), "StatusCode.NOT_FOUND")
        with self.assertRaises(InferenceServerException) as other_version:
            self.client.infer(NAME, inputs_of([b"x"], ["wood"]), model_version="2")
        self.assertEqual(other_version.exception.status(), "StatusCode.NOT_FOUND")
        self.assertIn(self.client.get_model_metadata(NAME).versions[0], other_version.exception.message())
        with self.assertRaises(InferenceServerException) as late:
            self.client.infer(NAME, inputs_of([picture("wood/good_0.jpg")], ["wood"]), timeout=1)
        self.assertEqual(late.exception.status(), "StatusCode.DEADLINE_EXCEEDED")

    def test_async_infer_calls_back_with_the_same_scores(self) -> None:
        answers: queue.Queue = queue.Queue()
        names = ["leather/hole_0.jpg", "wood/hole_0.jpg", "granite/crack_0.jpg"]
        for name in names:
            self.client.async_infer(
                NAME,
                inputs_of([picture(name)], [Path(name).parent.name]),
                lambda result, error, name=name: answers.put((name, result, error)),
                parameters=OPTIONS,
            )
        for _ in names:
            name, result, error = answers.get(timeout=60)
            self.assertIsNone(error)
            expected = self.inspect(name, Path(name).parent.name)["score"]
            # They may have shared a batch.
            np.testing.assert_allclose(result.as_numpy("score"), [expected], rtol=0, atol=1e-5)

    def test_a_stream_answers_in_order_and_goes_on_after_an_error(self) -> None:
        answers: queue.Queue = queue.Queue()
        data = picture("leather/hole_0.jpg")
        self.client.start_stream(lambda result, error: answers.put((result, error)))
        for i in range(6):
            inputs = inputs_of([b"no picture" if i == 2 else data], ["leather"])
            self.client.async_stream_infer(
                NAME,
                inputs,
                request_id=str(i),
                enable_empty_final_response=i == 3,
                parameters={"seed": i, "samples": 1},
            )
        for i in range(6):
            result, error = answers.get(timeout=60)
            if i == 2:
                self.assertTrue(error.message().startswith("INVALID_ARGUMENT: "), error)
                continue
            self.assertIsNone(error)
            self.assertEqual(result.get_response().id, str(i))
            self.assertEqual(result.as_numpy("seed").tolist(), [i])
            self.assertTrue(result.get_response().parameters["triton_final_response"].bool_param)
        self.client.stop_stream()
        self.assertTrue(answers.empty())

    def test_a_stream_that_is_cancelled_leaves_the_server_working(self) -> None:
        self.client.start_stream(lambda result, error: None)
        for _ in range(4):
            self.client.async_stream_infer(NAME, inputs_of([picture("leather/hole_0.jpg")], ["leather"]))
        self.client.stop_stream(cancel_requests=True)
        self.assertEqual(self.infer([picture("leather/hole_0.jpg")], ["leather"]).as_numpy("score").shape, (1,))

    def test_the_asyncio_client_works(self) -> None:
        async def ask() -> float:
            async with triton_aio.InferenceServerClient(self.server.address) as client:
                result = await client.infer(
                    NAME, inputs_of([picture("leather/hole_0.jpg")], ["leather"]), parameters=OPTIONS
                )
                return float(result.as_numpy("score")[0])

        expected = self.inspect("leather/hole_0.jpg", "leather")["score"]
        self.assertEqual(np.float32(asyncio.run(ask())), np.float32(expected))

    def test_the_example_of_the_documentation_runs(self) -> None:
        text = (REPOSITORY / "docs" / "kserve.md").read_text()
        examples = re.findall(r"^```python\n(.*?)^```\n\n```\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
        self.assertTrue(examples)
        tags = re.findall(r"^```(.*)\n(?:.*\n)*?```$", text, flags=re.MULTILINE)
        for tag in ("python", ""):
            self.assertEqual(tags.count(tag), len(examples), "a block of the page is no example with its output")
        for example, output in examples:
            self.assertIn("localhost:50051", example)
            program = example.replace("localhost:50051", self.server.address)
            finished = subprocess.run(
                [sys.executable, "-c", program],
                check=False,
                cwd=REPOSITORY,
                capture_output=True,
                text=True,
                timeout=120,
            )
            self.assertEqual(finished.returncode, 0, finished.stderr)
            # Other processors round differently in the last digits.
            number = re.compile(r"\b\d+(?:\.\d+)?\b")
            self.assertEqual(number.sub("#", finished.stdout), number.sub("#", output))
            printed, expected = (np.array(number.findall(text), dtype=float) for text in (finished.stdout, output))
            np.testing.assert_allclose(printed, expected, rtol=0.01, atol=0.002)


if __name__ == "__main__":
    unittest.main()
