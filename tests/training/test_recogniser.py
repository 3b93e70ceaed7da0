from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ocrsvc.recognition.line import LineCrop
from ocrsvc.recognition.onnx import OnnxRecogniser
from ocrsvc.recognition.package import ModelPackage
from training.recogniser import train as training
from training.recogniser.batches import Batch, frame_classes, make_batches
from training.recogniser.export import write_package
from training.recogniser.graph import build_graph, largest_difference
from training.recogniser.losses import IGNORED, Targets, line_losses, sampled_classes
from training.recogniser.net import Crnn, NetShape
from training.recogniser.quantise import quantise
from training.recogniser.reading import charset, edit_distance, read_lines, score
from training.recogniser.weights import averaged_net, save_weights, training_facts
from training.synth.atlas import Face
from training.synth.lines import LineSynthesiser

SMALL = {"stem": 16, "low": 16, "mid": 16, "high": 16, "lstm": 8, "bottleneck": 16}


def small_net() -> Crnn:
    """A narrow net whose batch normalisation is not the identity."""
    torch.manual_seed(3)
    net = Crnn(NetShape(classes=charset().classes, **SMALL))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            module.running_mean.normal_()  # type: ignore[union-attr]  # torch types buffers loosely
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]  # as above
    net.head.weight.data.mul_(30)
    return net.eval()


def random_lines(rows: int, width_px: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (rows, 32, width_px), np.uint8)


@pytest.fixture
def batch(chinese: list[Face], latin: list[Face]) -> Batch:
    source = LineSynthesiser(1, chinese, latin)
    return next(make_batches(source, 512, SimpleNamespace(value=0.0), 1))


def test_a_step_is_made_for_every_four_columns() -> None:
    assert small_net()(torch.from_numpy(random_lines(2, 96))).shape == (2, 24, charset().classes)


def test_frames_name_each_character_at_its_centre_and_blank_between() -> None:
    spans = np.array([[0, 24], [24, 48]], np.float32)
    frames = frame_classes(spans, np.array([7, 9]), 14)
    assert frames[3] == 7
    assert frames[9] == 9
    assert frames[6] == frames[12] == frames[13] == 0
    assert frames[2] == frames[4] == IGNORED


def test_characters_that_share_a_step_are_ignored_there() -> None:
    assert frame_classes(np.array([[0, 2], [1, 3]], np.float32), np.array([5, 6]), 4)[0] == IGNORED


def test_ctc_over_all_classes_is_torchs_own() -> None:
    torch.manual_seed(0)
    features, weight, bias = torch.randn(2, 9, 16), torch.randn(50, 16), torch.randn(50)
    targets = Targets(
        torch.tensor([3, 4, 4, 9]), torch.tensor([3, 1]), torch.full((2, 9), IGNORED), torch.tensor([9, 9])
    )
    ctc, frames = line_losses(features, weight, bias, targets, 0, with_frames=False)
    log_probs = F.linear(features, weight, bias).log_softmax(-1).transpose(0, 1)
    expected = F.ctc_loss(log_probs, targets.flat, targets.steps, targets.lengths, reduction="sum") / 4
    assert ctc.item() == pytest.approx(expected.item(), rel=1e-5)
    assert frames.item() == 0


def test_sampled_classes_hold_the_blank_first_and_all_of_the_batch() -> None:
    targets = Targets(torch.tensor([30, 7]), torch.tensor([2]), torch.zeros(1, 4), torch.tensor([4]))
    chosen, place = sampled_classes(targets, 100, 5)
    assert chosen[0] == 0
    assert chosen[place[30]] == 30
    assert chosen[place[7]] == 7
    assert len(chosen) <= 8


def test_batches_hold_one_bucket_and_fitting_labels(batch: Batch) -> None:
    rows, height, width = batch.lines.shape
    assert height == 32
    assert batch.frames.shape == (rows, width // 4)
    assert batch.lengths.sum() == len(batch.flat)
    assert (batch.lengths <= width // 4).all()
    assert batch.flat.min() > 0


def test_the_graph_gives_the_nets_own_three_best_classes() -> None:
    net, lines = small_net(), random_lines(3, 128)
    model = build_graph(net)
    assert largest_difference(net, model, lines) < 1e-4
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString())
    ids, probs = session.run(["ids", "probs"], {"lines": lines})
    expected = net(torch.from_numpy(lines)).softmax(-1).topk(3)
    assert np.allclose(probs, expected.values.detach().numpy(), atol=1e-4)
    clear = (expected.values[..., :2] - expected.values[..., 1:]).min(-1).values > 1e-3
    assert np.array_equal(ids[clear.numpy()], expected.indices[clear].numpy())


def test_int8_reads_nearly_as_float_and_the_same_in_any_batch(tmp_path: Path) -> None:
    net, lines = small_net(), random_lines(4, 96)
    whole = build_graph(net)
    small = quantise(whole, iter([lines]), percentile=None)
    kinds = [n.op_type for n in small.graph.node]
    assert kinds.count("QuantizeLinear") > 8
    assert not [n for n in small.graph.node if n.op_type == "DynamicQuantizeLinear"]
    write_package(tmp_path / "tiny", small, "int8", {})
    recogniser = OnnxRecogniser(ModelPackage.load(tmp_path / "tiny"))
    crops = [LineCrop(row) for row in lines]
    together = recogniser.infer(crops)
    for crop, line in zip(crops, together, strict=True):
        alone = recogniser.infer([crop])[0]
        assert alone.text == line.text
        assert alone.confidence == pytest.approx(line.confidence, abs=1e-4)


def test_training_goes_on_from_its_checkpoint_and_its_weights_can_be_saved(tmp_path: Path, batch: Batch) -> None:
    options = training.Options(tmp_path / "run", 1.0, 512, 1, 1e-3, 200, None, 1)
    trainer = training.Trainer(options)
    losses = [trainer.step(batch)["ctc"] for _ in range(6)]
    assert losses[-1] < losses[0]
    trainer.save()
    again = training.Trainer(options)
    again.resume()
    assert again.progress.steps == 6
    mine, theirs = trainer.average.state_dict(), again.average.state_dict()
    assert all(torch.equal(mine[k], theirs[k]) for k in mine)
    save_weights(trainer.checkpoint, tmp_path / "weights.pt")
    assert training_facts(tmp_path / "weights.pt")["steps"] == 6
    crops = [LineCrop(np.full((32, 40), 200, np.uint8))]
    assert read_lines(averaged_net(tmp_path / "weights.pt"), crops) == read_lines(
        averaged_net(trainer.checkpoint), crops
    )


@pytest.mark.parametrize(("a", "b", "distance"), [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("金额", "全额", 1)])
def test_edit_distance_counts_single_changes(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == distance


def test_scores_leave_white_space_out() -> None:
    found = score(["a b", "cd"], ["ab", "cx"])
    assert (found.line_accuracy, found.lines) == (0.5, 2)
    assert found.cer == pytest.approx(0.25)
