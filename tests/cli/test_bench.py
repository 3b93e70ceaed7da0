from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocrsvc.cli.drawn import dense_page, invoice_page
from ocrsvc.cli.measure import STAGES, BudgetRate, Spread, best_budget
from ocrsvc.detection.contours import ContourDetector
from ocrsvc.imaging.decode import DecodeLimits, decode_image
from tests.api.fakes import picture
from tests.cli.conftest import Run
from tests.fakes import FakeRecogniser


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch, stages: FakeRecogniser) -> FakeRecogniser:
    monkeypatch.setattr("ocrsvc.cli.bench.invoice_page", lambda font: picture(64))
    monkeypatch.setattr("ocrsvc.cli.bench.dense_page", lambda font: picture(96))
    return stages


def test_all_figures_are_printed_and_written(run: Run, tmp_path: Path, small_pages: FakeRecogniser) -> None:
    path = tmp_path / "figures.json"
    result = run("bench", "--seconds", 0.01, "--json", path)
    assert result.exit_code == 0
    assert all(stage in result.stdout for stage in STAGES)
    figures = json.loads(path.read_text(encoding="utf-8"))
    assert [page["page"] for page in figures["pages"]] == ["invoice", "dense"]
    assert all(page["rounds"] >= 5 for page in figures["pages"])
    assert [(rate["threads"], rate["batch"]) for rate in figures["lines"]] == [
        (threads, batch) for threads in (1, 2) for batch in (1, 8, 32)
    ]
    assert figures["machine"]["onnxruntime"]
    assert figures["model"] == "fake"


def test_recogniser_is_timed_with_full_batches_of_one_bucket(run: Run, small_pages: FakeRecogniser) -> None:
    run("bench", "--seconds", 0.01)
    assert [320] * 32 in small_pages.batches


def test_tuning_prints_the_setting_to_use(run: Run, tmp_path: Path, small_pages: FakeRecogniser) -> None:
    path = tmp_path / "tune.json"
    result = run("bench", "--tune", "--seconds", 0.01, "--json", path)
    best = json.loads(path.read_text(encoding="utf-8"))["best_batch_max_columns"]
    assert f"OCRSVC_BATCH_MAX_COLUMNS={best}" in result.stdout


def test_file_that_cannot_be_written_is_told(run: Run, tmp_path: Path, small_pages: FakeRecogniser) -> None:
    result = run("bench", "--seconds", 0.01, "--json", tmp_path / "absent" / "figures.json")
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


def test_missing_model_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    result = run("bench", "--model-dir", tmp_path)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_smallest_of_the_fastest_budgets_is_best() -> None:
    rates = [BudgetRate(columns, speed, Spread(1.0, 1.0)) for columns, speed in ((640, 8.0), (1280, 9.8), (2560, 10.0))]
    assert best_budget(rates) == 1280


def test_p95_is_the_nearest_rank() -> None:
    assert Spread.of([n / 1000 for n in range(1, 101)]) == Spread(50.5, 95.0)
    assert Spread.of([0.002]) == Spread(2.0, 2.0)


@pytest.mark.parametrize(("data", "least"), [(invoice_page(None), 40), (dense_page(None), 90)])
def test_drawn_pages_hold_many_lines(data: bytes, least: int) -> None:
    page = decode_image(data, DecodeLimits(10_000_000))
    assert len(ContourDetector().detect(page)) >= least


def test_drawn_pages_are_the_same_each_time() -> None:
    assert invoice_page(None) == invoice_page(None)
