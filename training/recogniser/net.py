"""The CRNN: a small dense CNN, a BiLSTM and a bottleneck before the classes; one step per 4 columns."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

STRIDE_PX = 4


@dataclass(frozen=True, slots=True)
class NetShape:
    """Widths of the net's stages; the defaults cost 0.33 GMAC on a line of 32 x 320 with 7,000 classes."""

    classes: int
    stem: int = 32
    low: int = 64
    mid: int = 128
    high: int = 192
    lstm: int = 96
    bottleneck: int = 96

    def as_dict(self) -> dict[str, int]:
        """For checkpoints and cards."""
        return asdict(self)


class ConvUnit(nn.Module):
    """Convolution, batch normalisation, ReLU; all three fold into one quantised kernel at export."""

    def __init__(
        self, inputs: int, outputs: int, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[N, inputs, h, w] to [N, outputs, h', w']."""
        return torch.relu(self.norm(self.conv(x)))


class Residual(nn.Module):
    """Two convolutions with a way around them; the sum is taken before the last ReLU."""

    def __init__(self, channels: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.first = ConvUnit(channels, channels, kernel, (1, 1), padding)
        self.conv = nn.Conv2d(channels, channels, kernel, 1, padding, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, h, w] to the same."""
        return torch.relu(x + self.norm(self.conv(self.first(x))))


class Crnn(nn.Module):
    """Grey lines to class scores, step by step."""

    def __init__(self, shape: NetShape) -> None:
        super().__init__()
        self.shape = shape
        s = shape
        self.body = nn.Sequential(
            ConvUnit(1, s.stem, (6, 6), (2, 2), (2, 2)),
            ConvUnit(s.stem, s.low, (3, 3), (2, 2), (1, 1)),
            Residual(s.low, (3, 3)),
            ConvUnit(s.low, s.mid, (3, 3), (2, 1), (1, 1)),
            Residual(s.mid, (3, 3)),
            ConvUnit(s.mid, s.high, (3, 3), (2, 1), (1, 1)),
            Residual(s.high, (1, 3)),
            ConvUnit(s.high, s.high, (2, 1), (1, 1), (0, 0)),
        )
        self.lstm = nn.LSTM(s.high, s.lstm, batch_first=True, bidirectional=True)
        self.bottleneck = nn.Linear(2 * s.lstm, s.bottleneck)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(s.bottleneck, s.classes)
        nn.init.normal_(self.head.weight, std=s.bottleneck**-0.5)
        nn.init.zeros_(self.head.bias)
        for module in self.modules():
            if isinstance(module, Residual):
                nn.init.zeros_(module.norm.weight)

    def features(self, lines: Tensor) -> Tensor:
        """uint8 [N, 32, W], W a multiple of 4, to the bottleneck [N, W / 4, bottleneck].

        Pixels become (grey - 255) / 255: white is 0, so that a convolution's padding is paper.
        """
        x = (lines.float() / 255 - 1).unsqueeze(1).contiguous(memory_format=torch.channels_last)
        x = self.body(x).squeeze(2).transpose(1, 2)
        x, _ = self.lstm(x)
        out: Tensor = self.dropout(self.bottleneck(x))
        return out

    def forward(self, lines: Tensor) -> Tensor:
        """uint8 [N, 32, W] to logits [N, W / 4, classes]."""
        out: Tensor = self.head(self.features(lines))
        return out
