"""Eight schools with a mean-field guide in NumPyro, its loop in one scan: draws, steps, or `process` to fit and end."""

import sys

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoNormal

from timing import quantiles, report

draws, steps = int(sys.argv[1]), int(sys.argv[2])
y = jnp.array([28.0, 8, -3, 7, -1, 1, 18, 12])
sigma = jnp.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def schools():
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    with numpyro.plate("J", 8):
        eta = numpyro.sample("eta", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(mu + tau * eta, sigma), obs=y)


guide = AutoNormal(schools)
svi = SVI(schools, guide, numpyro.optim.Adam(0.01), Trace_ELBO(draws))
if "process" in sys.argv:
    svi.run(jax.random.PRNGKey(0), steps, progress_bar=False)
    sys.exit()
state = svi.init(jax.random.PRNGKey(0))
loop = jax.jit(lambda state: jax.lax.scan(lambda s, _: svi.update(s), state, None, length=steps))
compiled = loop.lower(state).compile()
us = quantiles(lambda: jax.block_until_ready(compiled(state)))
fitted = svi.get_params(svi.run(jax.random.PRNGKey(0), 10_000, progress_bar=False).state)
loss = Trace_ELBO(20_000).loss(jax.random.PRNGKey(1), fitted, schools, guide)
report(us, -loss, steps)
