"""The networks have the published sizes, and compute what their sources say."""

import pytest
import torch
from monai.networks.blocks.feature_pyramid_network import FeaturePyramidNetwork
from monai.networks.nets.resnet import ResNet as MonaiResNet
from monai.networks.nets.resnet import ResNetBlock, ResNetBottleneck
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from DAGANSpineLib.networks import FPN, Discriminator, Generator, PanopticFPN, ResNet, SpatialAttention
from DAGANSpineLib.vpi import normalise

MONAI_LAYOUTS = {18: (ResNetBlock, [2, 2, 2, 2]), 34: (ResNetBlock, [3, 4, 6, 3]), 50: (ResNetBottleneck, [3, 4, 6, 3])}


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def with_lively_statistics(network: nn.Module) -> nn.Module:
    """Batch statistics and affine weights unlike their defaults, so that a swapped layer shows."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values, low, high in (
                (module.weight, 0.5, 1.0),
                (module.bias, -0.2, 0.2),
                (module.running_mean, -0.2, 0.2),
                (module.running_var, 0.5, 2.0),
            ):
                nn.init.uniform_(values, low, high)
    return network.eval()


def test_the_generator_of_the_authors_later_code_has_1_68_million_parameters():
    assert round(parameters(Generator((64, 128, 256), upsampling="transposed")) / 1e6, 2) == 1.68


@pytest.mark.parametrize(("depth", "millions"), [(18, 15.4), (34, 25.5), (50, 28.5)])
def test_the_segmenter_is_as_large_as_mmsegmentations(depth, millions):
    assert parameters(PanopticFPN(depth=depth)) / 1e6 == pytest.approx(millions, rel=0.01)


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_the_residual_stages_compute_what_monais_compute(depth):
    torch.manual_seed(depth)
    ours = with_lively_statistics(ResNet(depth, width=16))
    block, counts = MONAI_LAYOUTS[depth]
    options = {"spatial_dims": 2, "n_input_channels": 1, "shortcut_type": "B", "bias_downsample": False}
    theirs = MonaiResNet(block, counts, [16, 32, 64, 128], **options).eval()
    # our stem is version 1c's: the comparison begins behind it
    for stage, other in zip(ours.stages, (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4), strict=True):
        assert [weight.shape for weight in stage.state_dict().values()] == [
            weight.shape for weight in other.state_dict().values()
        ]
        other.load_state_dict(dict(zip(other.state_dict(), stage.state_dict().values(), strict=True)))
    image = torch.randn(2, 1, 96, 64)
    with torch.no_grad():
        features = ours.stem(image)
        for output, other in zip(
            ours(image), (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4), strict=True
        ):
            features = other(features)
            torch.testing.assert_close(output, features, atol=1e-5, rtol=1e-5)


def test_the_feature_pyramid_computes_what_monais_computes():
    torch.manual_seed(0)
    widths = (8, 16, 24, 32)
    ours, theirs = FPN(widths, 12), FeaturePyramidNetwork(2, list(widths), 12)
    for mine, other in (
        *zip(ours.laterals, theirs.inner_blocks, strict=True),
        *zip(ours.outputs, theirs.layer_blocks, strict=True),
    ):
        other.load_state_dict(mine.state_dict())
    features = [torch.randn(2, width, 64 // 2**level, 32 // 2**level) for level, width in enumerate(widths)]
    with torch.no_grad():
        expected = theirs({str(level): values for level, values in enumerate(features)})
        for mine, other in zip(ours(features), expected.values(), strict=True):
            torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-5)


def test_the_backbone_gives_strides_4_to_32():
    shapes = [tuple(features.shape[1:]) for features in ResNet(50, width=16)(torch.zeros(1, 1, 128, 64))]
    assert shapes == [(64, 32, 16), (128, 16, 8), (256, 8, 4), (512, 4, 2)]


def test_the_head_takes_1_1_2_3_convolutions():
    heads = PanopticFPN(depth=18, width=16).scale_heads
    assert [sum(isinstance(layer, nn.Conv2d) for layer in head) for head in heads] == [1, 1, 2, 3]
    assert [sum(isinstance(layer, nn.Upsample) for layer in head) for head in heads] == [0, 1, 2, 3]


def test_spatial_attention_is_the_formula_of_section_2_2():
    torch.manual_seed(1)
    unit, features = SpatialAttention(), torch.randn(2, 5, 7, 9)
    to_average, to_maximum = unit.compress.weight.flatten().tolist()
    heat = to_average * features.mean(1) + to_maximum * features.max(1).values + unit.compress.bias
    expected = features + features / (1 + torch.exp(-heat))[:, None]
    torch.testing.assert_close(unit(features), expected)


def test_the_gradient_of_spatial_attention_is_the_formulas():
    torch.manual_seed(2)
    features = torch.randn(2, 5, 4, 3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(SpatialAttention().double(), features)
    with torch.no_grad():
        features[:, 1] = features[:, 3] = features.amax(1) + 1  # two channels share the maximum
    unit = SpatialAttention().double()
    unit(features).square().sum().backward()
    ours = [features.grad, unit.compress.weight.grad, unit.compress.bias.grad]
    summary = torch.cat([features.mean(1, keepdim=True), features.amax(1, keepdim=True)], 1)
    output = features + features * torch.sigmoid(unit.compress(summary))
    theirs = torch.autograd.grad(output.square().sum(), [features, unit.compress.weight, unit.compress.bias])
    torch.testing.assert_close(ours, list(theirs))


def test_spatial_attention_in_place_computes_the_same_and_leaves_what_a_gradient_needs():
    torch.manual_seed(3)
    unit, features = SpatialAttention(), torch.randn(2, 5, 7, 9)
    within = SpatialAttention(inplace=True)
    within.load_state_dict(unit.state_dict())
    expected, before = unit(features), features.clone()
    torch.testing.assert_close(within(features), expected, rtol=0, atol=0)
    assert torch.equal(features, before)
    with torch.no_grad():
        output = within(features)
    assert output.data_ptr() == features.data_ptr()
    torch.testing.assert_close(output, expected, rtol=0, atol=0)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_spatial_attention_keeps_the_memory_format_and_the_precision(memory_format):
    unit = SpatialAttention()
    features = torch.randn(2, 5, 7, 9, dtype=torch.bfloat16).to(memory_format=memory_format).requires_grad_()
    output = unit(features)
    output.sum().backward()
    for tensor in (output, features.grad):
        assert tensor.is_contiguous(memory_format=memory_format) and tensor.dtype == torch.bfloat16
    assert unit.compress.weight.grad.dtype == torch.float32


def test_spatial_attention_is_there_only_if_wanted():
    for network in (Generator, Discriminator):
        for wanted in (True, False):
            units = sum(isinstance(module, SpatialAttention) for module in network((4, 8, 16), wanted).modules())
            assert units == {Generator: 5, Discriminator: 3}[network] * wanted


@pytest.mark.parametrize(
    "network",
    [
        Generator((4, 8, 16)),
        Discriminator((4, 8, 16)),
        PanopticFPN(depth=18, width=16, pyramid=8, head=8),
        PanopticFPN(depth=50, width=16, pyramid=8, head=8),
    ],
    ids=lambda network: type(network).__name__,
)
def test_gradients_reach_every_parameter(network):
    torch.manual_seed(2)
    network(torch.randn(2, 1, 96, 96)).square().sum().backward()
    without = [name for name, parameter in network.named_parameters() if not parameter.grad.abs().any()]
    assert without == []


@pytest.mark.parametrize(("rows", "columns"), [(96, 96), (97, 61), (38, 43)])
def test_outputs_have_the_inputs_size_whatever_it_is(rows, columns):
    image = torch.randn(1, 1, rows, columns)
    assert Generator((4, 8, 16))(image).shape == image.shape
    assert PanopticFPN(depth=18, width=16, pyramid=8, head=8).eval()(image).shape == (1, 4, rows, columns)
    assert Discriminator((4, 8, 16))(image).shape == (1,)


@pytest.mark.parametrize("options", [{}, {"unshuffled": True}, {"upsampling": "transposed"}])
def test_the_generator_looks_no_further_than_its_halo(options):
    torch.manual_seed(3)
    generator = Generator((4, 8, 16), **options).eval()
    image = torch.zeros(1, 1, 128, 128, requires_grad=True)
    reach = 0
    for row in range(62, 66):  # every phase of the pooling
        (gradient,) = torch.autograd.grad(generator(image + torch.randn(1, 1, 128, 128))[0, 0, row, 64], image)
        touched = torch.nonzero(gradient[0, 0].abs().sum(1)).flatten()
        reach = max(reach, row - int(touched[0]), int(touched[-1]) - row)
    assert 20 < reach <= generator.halo == (24 if options.get("upsampling") else 28)


@pytest.mark.parametrize("unshuffled", [False, True])
def test_a_masked_generator_is_told_where_no_frame_was(unshuffled):
    """Its own layers being blind to grey, what is unfilled is all that it can tell."""
    torch.manual_seed(4)
    generator = Generator((4, 8, 16), unshuffled=unshuffled, masked=True).eval()
    for layer in (generator.down[0], generator.down[1])[: 1 + unshuffled]:
        first = layer if isinstance(layer, torch.nn.Conv2d) else layer[0]
        with torch.no_grad():  # of unshuffled channels, the first four are of the picture
            first.weight[:, : first.in_channels // 2] = 0
    picture = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        correction = [(generator(greys) - greys) for greys in (picture, picture.flip(2), picture + 0.1)]
        torn = picture.clone()
        torn[..., 30:33, :] = normalise(0.0)
        told = generator(torn) - torn
    assert all(torch.allclose(one, correction[0], atol=1e-6) for one in correction)
    assert not torch.allclose(told, correction[0], atol=1e-4)


def grid(pictures: torch.Tensor) -> float:
    """Power at a period of 2 pixels against that of the neighbouring frequencies, the larger of both directions."""
    window = torch.hann_window(pictures.shape[-1])
    ratios = []
    for values in (pictures, pictures.mT):
        power = torch.fft.rfft(values * window, dim=-1).abs().square().mean((0, 1))
        ratios.append((power[-1] / power[-12:-4].mean()).item())
    return max(ratios)


def test_restoration_leaves_no_grid_of_period_2():
    """Whatever the weights: what is made of an uneven picture has no more of it than the picture itself. Transposed
    convolutions do."""
    pictures = torch.randn(4, 1, 160, 160, generator=torch.Generator().manual_seed(0))
    pictures = nn.functional.avg_pool2d(pictures, 3, stride=1)
    found = {}
    for name, options in (
        ("pooled", {}),
        ("unshuffled", {"unshuffled": True}),
        ("direct", {"residual": False}),
        ("transposed", {"upsampling": "transposed"}),
    ):
        ratios = []
        for seed in range(3):
            torch.manual_seed(seed)
            with torch.no_grad():
                output = Generator((8, 16, 32), **options)(pictures)
            ratios.append(grid((output if name == "direct" else output - pictures)[:, 0, 16:-16, 16:-16]))
        found[name] = max(ratios)
    assert found.pop("transposed") > 10
    assert max(found.values()) < 2


def test_of_an_even_picture_restoration_makes_an_even_one():
    torch.manual_seed(1)
    for options in ({}, {"unshuffled": True}):
        with torch.no_grad():
            output = Generator((8, 16, 32), **options)(torch.full((1, 1, 128, 128), 0.7))
        assert output[..., 32:-32, 32:-32].std() < 1e-6


def test_a_slim_unshuffled_generator_takes_less_than_70_kflop_a_pixel():
    """The bundled one's quality at half its work is the aim; today's takes 156."""
    with torch.device("meta"):
        slim, image = Generator((16, 48, 128), unshuffled=True), torch.zeros(1, 1, 256, 256)
        with FlopCounterMode(display=False) as counter:
            slim(image)
    assert counter.get_total_flops() / 256**2 < 70e3


def test_an_unknown_depth_is_refused_by_name():
    with pytest.raises(ValueError, match="ResNet-20"):
        ResNet(20)


@pytest.mark.parametrize(
    "core",
    [
        (slice(40, 75), slice(33, 61)),
        (slice(0, 9), slice(90, 101)),
        (slice(0, 131), slice(0, 101)),
        (slice(130, 131), slice(50, 51)),
    ],
    ids=["within", "in a corner", "all", "one pixel"],
)
@pytest.mark.parametrize(
    "widths, options",
    [
        ((4, 8, 16), {}),
        ((4, 8), {"unshuffled": True}),
        ((4, 8, 8, 16), {"unshuffled": True, "attention": False}),
        ((4, 8, 16), {"upsampling": "transposed", "residual": False}),
        ((4,), {}),
    ],
    ids=str,
)
def test_a_part_that_is_asked_for_is_that_of_the_whole_picture(widths, options, core):
    torch.manual_seed(0)
    generator, image = Generator(widths, **options), torch.randn(2, 1, 131, 101)
    with torch.inference_mode():
        torch.testing.assert_close(generator(image, core=core), generator(image)[(..., *core)], atol=2e-6, rtol=0)


def test_a_part_alone_costs_less_than_the_margin_that_the_deepest_level_needs():
    generator, image = Generator((4, 8, 16), unshuffled=True), torch.zeros(1, 1, 256, 256)
    with FlopCounterMode(display=False) as all_of_it:
        generator(image)
    with FlopCounterMode(display=False) as part:
        generator(image, core=(slice(28, 228), slice(28, 228)))
    assert part.get_total_flops() < 0.85 * all_of_it.get_total_flops()
