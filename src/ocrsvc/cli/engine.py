"""The stages in this process, as the service has them, for commands that need no HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import cv2

from ocrsvc.compute import ComputePool, cores
from ocrsvc.detection.contours import ContourDetector
from ocrsvc.detection.protocol import Detector
from ocrsvc.imaging.decode import DecodeLimits
from ocrsvc.reader import PageReader
from ocrsvc.recognition.batching import BatchLimits, LineBatcher
from ocrsvc.recognition.onnx import OnnxRecogniser, Recogniser
from ocrsvc.recognition.package import find_package
from ocrsvc.settings import Settings


@dataclass(frozen=True, slots=True)
class Engine:
    """Running stages; valid while `open_engine` is entered."""

    reader: PageReader
    pool: ComputePool
    recogniser: Recogniser
    limits: DecodeLimits


def load_recogniser(settings: Settings) -> Recogniser:
    """Load the model that the settings name.

    Raises:
        ModelMismatch: it is missing or broken.
    """
    return OnnxRecogniser(find_package(settings.model, settings.model_dir))


@asynccontextmanager
async def open_engine(
    settings: Settings, recogniser: Recogniser, detector: Detector | None = None
) -> AsyncIterator[Engine]:
    """Start the pool and the batcher; leaving ends both."""
    cv2.setNumThreads(1)  # the compute pool's threads are the cores
    limits = DecodeLimits(settings.max_pixels)
    with ComputePool(settings.threads or cores()) as pool:
        await pool.run(recogniser.warm_up)
        async with LineBatcher(recogniser.infer, pool, BatchLimits(settings.batch_max_columns)) as batcher:
            reader = PageReader(
                detector or ContourDetector(),
                batcher,
                pool,
                model_height_px=recogniser.height_px,
                limits=limits,
                enhancement=settings.enhancement,
            )
            yield Engine(reader, pool, recogniser, limits)
