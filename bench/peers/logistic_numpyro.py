"""Logistic regression with a mean-field guide in NumPyro, its loop in one scan: x and y (.npy), draws, steps."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoNormal

from timing import quantiles, report

x, y = jnp.asarray(np.load(sys.argv[1])), jnp.asarray(np.load(sys.argv[2]))
draws, steps = int(sys.argv[3]), int(sys.argv[4])


def regression():
    w = numpyro.sample("w", dist.Normal(0, 1).expand([x.shape[1]]).to_event(1))
    b = numpyro.sample("b", dist.Normal(0, 10))
    numpyro.sample("y", dist.Bernoulli(logits=x @ w + b).to_event(1), obs=y)


guide = AutoNormal(regression)
svi = SVI(regression, guide, numpyro.optim.Adam(0.01), Trace_ELBO(draws))
state = svi.init(jax.random.PRNGKey(0))
loop = jax.jit(lambda state: jax.lax.scan(lambda s, _: svi.update(s), state, None, length=steps))
compiled = loop.lower(state).compile()
us = quantiles(lambda: jax.block_until_ready(compiled(state)))
fitted = svi.get_params(svi.run(jax.random.PRNGKey(0), 5_000, progress_bar=False).state)
loss = np.mean([Trace_ELBO(1_000).loss(jax.random.PRNGKey(k), fitted, regression, guide) for k in range(5)])
report(us, -loss, steps)
