"""The running stages, composed once for the service and for the commands that need no HTTP."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import cv2

from ocrsvc.compute import ComputePool, cores
from ocrsvc.detection.contours import ContourDetector
from ocrsvc.detection.protocol import Detector
from ocrsvc.imaging.decode import DecodeLimits
from ocrsvc.reader import PageReader
from ocrsvc.recognition.batching import BatchLimits, BatchObserver, LineBatcher
from ocrsvc.recognition.onnx import OnnxRecogniser, Recogniser
from ocrsvc.recognition.package import find_package
from ocrsvc.settings import DetectorKind, Settings


@dataclass(frozen=True, slots=True)
class Engine:
    """Running stages; valid while `open_engine` is entered."""

    reader: PageReader
    pool: ComputePool
    batcher: LineBatcher
    recogniser: Recogniser
    detector: Detector
    limits: DecodeLimits

    @property
    def healthy(self) -> bool:
        """Whether every thread and task that answers requests is alive."""
        return self.pool.healthy and self.batcher.healthy


def load_recogniser(settings: Settings) -> Recogniser:
    """Load the model that the settings name.

    Raises:
        ModelMismatch: it is missing or broken.
    """
    return OnnxRecogniser(find_package(settings.model, settings.model_dir))


def make_detector(kind: DetectorKind) -> Detector:
    """The detector that the settings name."""
    match kind:
        case DetectorKind.CONTOURS:
            return ContourDetector()


@asynccontextmanager
async def open_engine(
    settings: Settings,
    recogniser: Recogniser | None = None,
    detector: Detector | None = None,
    observer: BatchObserver | None = None,
) -> AsyncIterator[Engine]:
    """Load, warm up and start the stages; leaving answers what was accepted and stops them.

    Args:
        settings: limits, choices and where the models are.
        recogniser: stands in for the model package that the settings name.
        detector: stands in for the detector that the settings name.
        observer: told of every batch.

    Raises:
        ModelMismatch: the model is missing or broken.
    """
    cv2.setNumThreads(1)  # the compute pool's threads are the cores
    warnings.filterwarnings("ignore", module=r"PIL\.")  # of damaged tags: a client could fill the log with them
    model = recogniser or load_recogniser(settings)
    finder = detector or make_detector(settings.detector)
    limits = DecodeLimits(settings.max_pixels)
    with ComputePool(settings.threads or cores()) as pool:
        await pool.run(model.warm_up)
        batch_limits = BatchLimits(max_columns=settings.batch_max_columns)
        async with LineBatcher(model.infer, pool, batch_limits, observer=observer) as batcher:
            reader = PageReader(
                finder,
                batcher,
                pool,
                model_height_px=model.height_px,
                limits=limits,
                enhancement=settings.enhancement,
            )
            yield Engine(reader, pool, batcher, model, finder, limits)
