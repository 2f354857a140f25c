"""Counting arithmetic."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import conv_flop_count, flop_registry


class Flops(TorchDispatchMode):
    """Within, `total` counts the floating-point operations of convolutions and products, forward and backward.

    PyTorch's FlopCounterMode also asks which module each belongs to, and fails where R1 differentiates by its photos.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        if function._overloadpacket in flop_registry:
            self.total += flop_registry[function._overloadpacket](*args, **(kwargs or {}), out_val=out)
        elif function.namespace == "mkldnn":
            pointwise = torch.ops.mkldnn._convolution_pointwise
            if function in (pointwise.default, pointwise.binary):
                weight = args[1 if function is pointwise.default else 2]
                self.total += conv_flop_count(args[0].shape, weight.shape, out.shape)
        return out
