"""The elbo of the cone written by hand in JAX, its whole loop in one scan: draws, bits, or `process` to fit and end."""

import sys

import jax
import jax.numpy as jnp

from timing import quantiles, report

draws, bits = int(sys.argv[1]), sys.argv[2]
jax.config.update("jax_enable_x64", bits == "64")
STEPS = 5000


def normal(x, mean, sd):
    return -0.5 * ((x - mean) / sd) ** 2 - jnp.log(sd) - 0.5 * jnp.log(2 * jnp.pi)


def elbo(params, noise):
    mean, sd = params[:2], jnp.exp(params[2:])
    at = mean[:, None] + sd[:, None] * noise
    radius = (at**2).sum(0)
    model = normal(at, 0.0, 10.0).sum(0) + normal(5.0, radius, 0.1 + radius / 100)
    guide = normal(at, mean[:, None], sd[:, None]).sum(0)
    return (model - guide).mean()


def fit(key, params):
    def step(carry, _):
        key, params = carry
        key, own = jax.random.split(key)
        value, gradient = jax.value_and_grad(elbo)(params, jax.random.normal(own, (2, draws)))
        return (key, params + 1e-3 * gradient), value

    return jax.lax.scan(step, (key, params), None, length=STEPS)


start = jnp.array([2.0, 0.0, -1.0, -1.0])
key = jax.random.PRNGKey(0)
compiled = jax.jit(fit).lower(key, start).compile()
if "process" in sys.argv:
    jax.block_until_ready(compiled(key, start))
    sys.exit()
us = quantiles(lambda: jax.block_until_ready(compiled(key, start)))
many = jax.random.normal(key, (2, 400_000))
report(us, jax.jit(elbo)(start, many), STEPS)
