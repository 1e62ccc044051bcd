"""The gradient of the elbo of a 784-200-10-200-784 VAE in PyTorch: images (.npy), `eager` or `compile`."""

import sys

import numpy as np
import torch
import torch.nn.functional as F

from timing import quantiles, report

x = torch.from_numpy(np.load(sys.argv[1]).astype("float32"))


def layer(n_in, n_out):
    own = torch.nn.Linear(n_in, n_out)
    wave = 0.1 * np.sin(np.arange(n_in * n_out, dtype=float)).reshape(n_in, n_out)
    with torch.no_grad():
        own.weight.copy_(torch.from_numpy(wave.T.copy()))
        own.bias.zero_()
    return own


class Vae(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.mean, self.scale = layer(784, 200), layer(200, 10), layer(200, 10)
        self.second, self.last = layer(10, 200), layer(200, 784)

    def forward(self, noise):
        hidden = F.leaky_relu(self.first(x))
        mean, scale = self.mean(hidden), F.softplus(self.scale(hidden))
        z = mean + scale * noise
        logits = self.last(F.leaky_relu(self.second(z)))
        likelihood = (x * logits - F.softplus(logits)).sum()
        return likelihood + (0.5 * noise**2 - 0.5 * z**2 + scale.log()).sum()


vae = Vae()
params = list(vae.parameters())
elbo = torch.compile(vae) if sys.argv[2] == "compile" else vae
us = quantiles(lambda: torch.autograd.grad(elbo(torch.randn(len(x), 10)), params))
with torch.no_grad():
    values = [vae(torch.randn(len(x), 10)).item() for _ in range(100)]
report(us, np.mean(values))
