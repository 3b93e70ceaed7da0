"""Async OCR microservice for Chinese invoices and documents."""

from __future__ import annotations

import os

# ONNX Runtime's Linux builds since 1.29 report their use to a server of their maker unless this is set before they are
# imported. Nothing of ours calls out.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
