"""The discriminator: does this patch come from the clean (or the corrupted) domain?"""

from collections.abc import Sequence

from torch import Tensor, nn

from .attention import spatial_attention


class Discriminator(nn.Module):
    """Tell patches of one domain from imitations (DA-GAN, section 2.3): (N, 1, H, W) -> logits (N,).

    Three stages of stride 2, each with spatial attention, then the average over the patch: structured noise lies
    anywhere in a patch, so its place carries no information.
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256), attention: bool = True) -> None:
        super().__init__()
        self.widths = tuple(widths)
        stages = []
        for before, width in zip((1, *self.widths), self.widths, strict=False):
            stages += [
                nn.Conv2d(before, width, 3, stride=2, padding=1),
                nn.LeakyReLU(0.2, inplace=True),
                spatial_attention(attention),
            ]
        self.stages = nn.Sequential(*stages)
        self.logit = nn.Linear(self.widths[-1], 1)

    def forward(self, patches: Tensor) -> Tensor:
        return self.logit(self.stages(patches).mean((2, 3))).squeeze(1)
