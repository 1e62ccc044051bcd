"""The gradient of the elbo of a 784-200-10-200-784 VAE in JAX: images (.npy)."""

import sys

import jax
import jax.numpy as jnp
import numpy as np

from timing import quantiles, report

x = jnp.asarray(np.load(sys.argv[1]), jnp.float32)


def wave(n_in, n_out):
    return jnp.asarray(0.1 * np.sin(np.arange(n_in * n_out, dtype=float)).reshape(n_in, n_out), jnp.float32)


def layer(n_in, n_out):
    return wave(n_in, n_out), jnp.zeros(n_out)


params = [layer(784, 200), layer(200, 10), layer(200, 10), layer(10, 200), layer(200, 784)]


def dense(layer, x):
    return x @ layer[0] + layer[1]


def elbo(params, noise):
    first, mean, scale, second, last = params
    hidden = jax.nn.leaky_relu(dense(first, x))
    mean, scale = dense(mean, hidden), jax.nn.softplus(dense(scale, hidden))
    z = mean + scale * noise
    logits = dense(last, jax.nn.leaky_relu(dense(second, z)))
    likelihood = (x * logits - jax.nn.softplus(logits)).sum()
    return likelihood + (0.5 * noise**2 - 0.5 * z**2 + jnp.log(scale)).sum()


@jax.jit
def gradient(key, params):
    return jax.value_and_grad(elbo)(params, jax.random.normal(key, (len(x), 10)))


key = jax.random.PRNGKey(0)
us = quantiles(lambda: jax.block_until_ready(gradient(key, params)))
values = [gradient(jax.random.PRNGKey(k), params)[0] for k in range(100)]
report(us, np.mean(values))
