"""Spatial attention, the unit that lets generator and discriminators look at the corrupted pixels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class SpatialAttention(nn.Module):
    """Rescale each pixel by how salient it is (DA-GAN, section 2.2).

    (N, C, H, W) -> (N, C, H, W). The heat map is one 1 x 1 convolution over the channel mean and the channel
    maximum; the residual keeps the signal where the map is dark.

    `inplace`: rescale the features themselves where no gradient is asked for.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.compress, self.inplace = nn.Conv2d(2, 1, kernel_size=1), inplace

    def forward(self, features: Tensor) -> Tensor:
        if self.inplace and not torch.is_grad_enabled():
            return features.mul_(1 + heat_map(features, self.compress.weight, self.compress.bias)[-1])
        return Attention.apply(features, self.compress.weight, self.compress.bias)


def heat_map(features: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and maximum of the channels, and sigmoid(a · mean + b · max + c) of them, each (N, 1, H, W)."""
    average, maximum = features.mean(1, keepdim=True), features.amax(1, keepdim=True)
    to_average, to_maximum = weight.flatten()
    return average, maximum, torch.sigmoid(to_average * average + to_maximum * maximum + bias[0])


class Attention(torch.autograd.Function):
    """v + v·H, H = sigmoid(a · mean(v) + b · max(v) + c), with its gradient written out.

    Features (N, C, H, W), weight (1, 2, 1, 1), bias (1,) -> (N, C, H, W). There is little to compute but many large
    tensors to walk through: what torch derives from the formula walks through three times as many, some of them in
    another memory format, and takes twice as long (measured in Testing/Benchmarks).
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        average, maximum, heat = heat_map(features, weight, bias)
        ctx.save_for_backward(features, weight, average, maximum, heat)
        return features * (1 + heat)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features, weight, average, maximum, heat = ctx.saved_tensors
        to_average, to_maximum = weight.flatten()
        # of the sigmoid's argument, (N, 1, H, W)
        inner = (gradient * features).sum(1, keepdim=True) * heat * (1 - heat)
        of_weight = torch.stack([(inner * average).sum(), (inner * maximum).sum()]).view_as(weight)
        # the mean passes an equal share to every channel, the maximum to those that reach it
        largest = features == maximum
        share = inner * (to_average / features.shape[1])
        share_of_largest = share + inner * to_maximum / largest.sum(1, keepdim=True)
        of_features = torch.where(largest, share_of_largest, share).addcmul_(gradient, 1 + heat)
        return of_features, of_weight, inner.sum().view(1)


def spatial_attention(present: bool, inplace: bool = False) -> nn.Module:
    """A spatial attention unit, or the identity for the ablation "without SA" (Table 1)."""
    return SpatialAttention(inplace) if present else nn.Identity()
