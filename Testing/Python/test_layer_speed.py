"""The benchmark of layers counts what torch counts."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from DAGANSpineLib.networks import Generator, PanopticFPN
from Testing.Benchmarks.layer_speed import layers_of, operations


def test_the_layers_operations_are_those_that_torch_counts():
    for network in (Generator((4, 8, 16), unshuffled=True), PanopticFPN(depth=18, width=16, pyramid=8, head=8)):
        picture = torch.rand(1, 1, 64, 96)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(picture)
        with torch.no_grad():
            layers = layers_of(network.eval(), lambda network=network, picture=picture: network(picture))
            counted = sum(operations(layer, layer(given)) for _, layer, given in layers)
        assert counted == counter.get_total_flops() > 0
