"""The one place where configuration is read: a frozen Settings, prefix OCRSVC_."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ocrsvc.imaging.enhance import Enhancement

MIB = 1024 * 1024

JSON_OVERHEAD = 4 / 3
"""Base64 makes a picture this much larger in a JSON body."""


class DetectorKind(StrEnum):
    """The text-line detectors that can be chosen."""

    CONTOURS = "contours"


def _split_commas(value: Any) -> Any:
    """Turn "a, b" into ("a", "b"); anything but a string passes unchanged."""
    if not isinstance(value, str):
        return value
    return tuple(item for item in (part.strip() for part in value.split(",")) if item)


def _absent_when_empty(value: Any) -> Any:
    """An empty environment variable means: not set."""
    return None if value == "" else value


class Settings(BaseSettings):
    """Every setting of the service. Built once at the entry point; nothing else reads the environment."""

    model_config = SettingsConfigDict(env_prefix="OCRSVC_", frozen=True, extra="forbid", protected_namespaces=())

    host: str = Field(
        default="0.0.0.0",
        description="Address to listen on. 127.0.0.1 keeps the service to this machine.",
    )
    port: int = Field(default=8080, ge=0, le=65535, description="TCP port to listen on; 0 lets the system choose one.")
    root_path: str = Field(
        default="",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="Path prefix that a reverse proxy strips, such as /ocr-service; it shows in the API description.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe log line that is written; info has one line per request."
    )

    api_keys: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split_commas)] = Field(
        default=(), description="Comma list of keys. When set, the POST operations need one of them in X-API-Key."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)] = Field(
        default=(),
        description="Comma list of web origins whose pages may call the service from a browser; * means any.",
    )

    model: Annotated[str | None, BeforeValidator(_absent_when_empty)] = Field(
        default=None,
        description="Name of the recogniser's package in the model folder; unset takes the shipped default.",
    )
    model_dir: Annotated[Path | None, BeforeValidator(_absent_when_empty)] = Field(
        default=None, description="Folder that holds model packages; unset takes the one that came with ocrsvc."
    )
    detector: DetectorKind = Field(default=DetectorKind.CONTOURS, description="How text lines are found on a page.")
    enhancement: Enhancement = Field(
        default=Enhancement.AUTO,
        description="Preprocessing of the grey page before lines are cut out; auto touches only pages that need it.",
    )

    threads: int = Field(
        default=0,
        ge=0,
        le=256,
        description="Threads that decode, detect and recognise; 0 takes the cores of the container.",
    )
    batch_max_columns: int = Field(
        default=2560,
        ge=32,
        le=1_000_000,
        description="Most padded pixel columns in one recognition batch; larger batches answer single lines later.",
    )

    max_upload_bytes: int = Field(
        default=20 * MIB, ge=1024, description="Largest picture, in bytes; more is refused (413)."
    )
    max_batch_bytes: int = Field(
        default=80 * MIB, ge=1024, description="Largest body of POST /ocr/batch, in bytes; more is refused (413)."
    )
    max_batch_images: int = Field(
        default=32, ge=1, le=1000, description="Most pictures in one POST /ocr/batch; more is refused (413)."
    )
    max_pixels: int = Field(
        default=100_000_000,
        ge=1,
        description="Largest picture, width x height in pixels; more is refused before decoding.",
    )
    request_timeout_s: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="Seconds from a request's first byte to its answer; past them it gets 504.",
    )

    door_requests: int = Field(
        default=64, ge=1, le=100_000, description="Pictures worked on or waiting at once; more are refused with 429."
    )
    door_pixels: int = Field(
        default=120_000_000,
        ge=1,
        description="Pixels of all pictures worked on at once, from their headers; more get 429.",
    )
    max_held_bytes: int = Field(
        default=256 * MIB,
        ge=1024,
        description="Bytes of all uploads held in memory at once; more are refused with 429.",
    )

    cache_bytes: int = Field(
        default=64 * MIB,
        ge=0,
        description="Memory for answers to pictures seen before, in bytes; 0 turns the cache off.",
    )
    shutdown_grace_s: float = Field(
        default=35.0,
        ge=0,
        le=3600,
        description="Seconds that requests in progress get to finish when the service stops.",
    )

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        rules = (
            (self.max_pixels <= self.door_pixels, "max_pixels must be <= door_pixels: no such picture could enter"),
            (self.max_upload_bytes <= self.max_batch_bytes, "max_upload_bytes must be <= max_batch_bytes"),
            (self.max_body_bytes <= self.max_held_bytes, "max_held_bytes must hold the largest body of a request"),
            (
                self.shutdown_grace_s >= self.request_timeout_s,
                "shutdown_grace_s must be >= request_timeout_s, or a stop cuts off requests in progress",
            ),
        )
        for holds, message in rules:
            if not holds:
                raise ValueError(message)
        return self

    @property
    def max_json_bytes(self) -> int:
        """Largest JSON body of POST /ocr: the largest picture in base64, and room for the options."""
        return int(self.max_upload_bytes * JSON_OVERHEAD) + 64 * 1024

    @property
    def max_body_bytes(self) -> int:
        """Largest body that any operation takes."""
        return max(self.max_json_bytes, self.max_batch_bytes)


def unknown_variables() -> list[str]:
    """Environment variables with the settings' prefix that no setting has: slips that would do nothing, silently."""
    prefix = Settings.model_config["env_prefix"]
    known = {f"{prefix}{name}".upper() for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.upper().startswith(prefix) and name.upper() not in known)
