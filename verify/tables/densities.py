"""Log densities of the standard library to forty digits, and their derivatives by every real parameter.

Writes densities.json, rows of {dist, call, args, x, log_density, slopes}; a slope is null where the argument is
an int or an end of the support.
Every formula is the textbook's, evaluated with sixty digits. Run with mpmath 1.3: python3 verify/tables/densities.py
"""

import itertools
import json
from pathlib import Path

from mpmath import mp, mpf, matrix, besseli, cos, erfc, exp, inf, log, log1p, loggamma, pi, sin, sqrt, tanh

mp.dps = 60
half = mpf(1) / 2


def lbeta(a, b):
    return loggamma(a) + loggamma(b) - loggamma(a + b)


def choose(n, k):
    return loggamma(n + 1) - loggamma(k + 1) - loggamma(n - k + 1)


def log_phi(x):
    return log(erfc(-x / sqrt(2)) / 2)


def softplus(x):
    return log1p(exp(x))


def normal(x, mu, sigma):
    return -((x - mu) / sigma) ** 2 / 2 - log(sigma) - log(2 * pi) / 2


def gamma(x, a, b):
    return a * log(b) - loggamma(a) + (a - 1) * log(x) - b * x


def inv_gamma(x, a, b):
    return a * log(b) - loggamma(a) - (a + 1) * log(x) - b / x


def beta(x, a, b):
    return (a - 1) * log(x) + (b - 1) * log(1 - x) - lbeta(a, b)


def student_t(x, nu, mu, sigma):
    z = (x - mu) / sigma
    return loggamma((nu + 1) / 2) - loggamma(nu / 2) - log(nu * pi) / 2 - log(sigma) - (nu + 1) / 2 * log(1 + z * z / nu)


def neg_binomial(x, r, p):
    """p the probability of a failure."""
    return loggamma(x + r) - loggamma(r) - loggamma(x + 1) + r * log(1 - p) + x * log(p)


def bits(x, p):
    return log(p) if x else log(1 - p)


def dets(m):
    return log(mp.det(matrix(m)))


def quadratic(m, v):
    v = matrix(v)
    return (v.T * mp.lu_solve(matrix(m), v))[0]


def minus(x, y):
    return [a - b for a, b in zip(x, y)]


def multi_normal(x, mu, cov):
    return -quadratic(cov, minus(x, mu)) / 2 - dets(cov) / 2 - len(x) * log(2 * pi) / 2


def times_transpose(l):
    return [[sum(a * b for a, b in zip(r, s)) for s in l] for r in l]


def low_rank(factor, d):
    m = times_transpose(factor)
    return [[m[i][j] + (d[i] if i == j else 0) for j in range(len(d))] for i in range(len(d))]


def multi_student_t(x, nu, mu, s):
    k = len(x)
    q = quadratic(s, minus(x, mu))
    return loggamma((nu + k) / 2) - loggamma(nu / 2) - k * log(nu * pi) / 2 - dets(s) / 2 - (nu + k) / 2 * log(1 + q / nu)


def ordered_logistic(x, eta, c):
    above = lambda cut: 1 / (1 + exp(cut - eta))
    ends = [mpf(1)] + [above(cut) for cut in c] + [mpf(0)]
    return log(ends[x] - ends[x + 1])


def exp_modified_normal(x, mu, s, l):
    return log(l) + l * (mu + l * s * s / 2 - x) + log_phi((x - mu) / s - l * s)


def dirichlet_multinomial(x, n, alpha):
    total = sum(alpha)
    rest = loggamma(n + 1) + loggamma(total) - loggamma(n + total)
    return rest + sum(loggamma(k + a) - loggamma(a) - loggamma(k + 1) for k, a in zip(x, alpha))


def random_walk(x, n, sigma, mu):
    before = [mpf(0)] + list(x[:-1])
    return sum(normal(a, b + mu, sigma) for a, b in zip(x, before))


def lkj_cholesky(x, k, eta):
    # The density of a correlation matrix's determinant (Lewandowski, Kurowicka and Joe 2009, eq. 16) carried to the factor.
    c = sum((2 * eta - 2 + k - i) * (k - i) for i in range(1, k)) * log(mpf(2))
    c += sum((k - i) * lbeta(eta + mpf(k - i - 1) / 2, eta + mpf(k - i - 1) / 2) for i in range(1, k))
    return -c + (eta - 1) * 2 * sum(log(x[i][i]) for i in range(k)) + sum((k - 1 - i) * log(x[i][i]) for i in range(1, k))


def multigamma(k, a):
    return mpf(k * (k - 1)) / 4 * log(pi) + sum(loggamma(a - mpf(j) / 2) for j in range(k))


def factor_jacobian(x):
    return len(x) * log(mpf(2)) + sum((len(x) - i) * log(x[i][i]) for i in range(len(x)))


def trace(m):
    return sum(m[i, i] for i in range(m.rows))


def wishart_cholesky(x, nu, l):
    k, w, s = len(l), matrix(times_transpose(x)), matrix(times_transpose(l))
    rest = nu * k / 2 * log(2) + nu / 2 * log(mp.det(s)) + multigamma(k, nu / 2)
    return (nu - k - 1) / 2 * log(mp.det(w)) - trace(mp.inverse(s) * w) / 2 - rest + factor_jacobian(x)


def inv_wishart_cholesky(x, nu, l):
    k, w, s = len(l), matrix(times_transpose(x)), matrix(times_transpose(l))
    rest = nu * k / 2 * log(2) - nu / 2 * log(mp.det(s)) + multigamma(k, nu / 2)
    return -(nu + k + 1) / 2 * log(mp.det(w)) - trace(s * mp.inverse(w)) / 2 - rest + factor_jacobian(x)


def relaxed_bernoulli(x, t, l):
    z = t * log(x / (1 - x)) - l
    return log(t) - z - 2 * softplus(-z) - log(x * (1 - x))


def relaxed_categorical(x, t, l):
    k = len(l)
    total = log(sum(exp(a) * y**-t for a, y in zip(l, x)))
    return loggamma(mpf(k)) + (k - 1) * log(t) + sum(a - (t + 1) * log(y) for a, y in zip(l, x)) - k * total


def ar(x, n, phi, sigma):
    past = [sum(phi[j] * x[i - 1 - j] for j in range(len(phi)) if j < i) for i in range(n)]
    return sum(normal(a, b, sigma) for a, b in zip(x, past))


def hmm(x, n, initial, transition, emission):
    k = len(initial)
    total = mpf(0)
    for path in itertools.product(range(k), repeat=n):
        p = initial[path[0]]
        for t in range(n):
            p *= emission[path[t]][x[t]] * (transition[path[t - 1]][path[t]] if t else 1)
        total += p
    return log(total)


sym = [[2.0, 0.5], [0.5, 1.0]]
three = [[2.0, 0.5, -0.25], [0.5, 1.0, 0.125], [-0.25, 0.125, 0.5]]
tri = [[1.5, 0.0, 0.0], [0.25, 0.75, 0.0], [-0.5, 1.0, 0.125]]
near = [[1.0, 0.999], [0.999, 1.0]]

CASES = {
    "normal": (normal, [([0.3, 1.7], x) for x in [-2.0, 0.4, 1e8]] + [([0.0, 1e-8], 1.0), ([-1e6, 1e5], 3.0)]),
    "cauchy": (lambda x, m, s: -log(pi * s * (1 + ((x - m) / s) ** 2)), [([0.3, 1.7], x) for x in [-2.0, 0.4, 1e8]] + [([0.0, 1e-8], 1.0)]),
    "laplace": (lambda x, m, b: -log(2 * b) - abs(x - m) / b, [([0.3, 1.7], x) for x in [-2.0, 0.4, 1e8]] + [([0.0, 1e-8], 1.0)]),
    "student_t": (student_t, [([nu, 0.3, 1.7], x) for nu in [0.1, 3.0, 250.0, 1e7] for x in [-2.0, 0.4, 50.0, 1e6]]),
    "lognormal": (lambda x, m, s: normal(log(x), m, s) - log(x), [([0.3, 1.7], x) for x in [1e-200, 0.4, 1e200]]),
    "exponential": (lambda x, b: log(b) - b * x, [([b], x) for b in [1e-9, 1.5, 1e9] for x in [1e-9, 2.0, 1e3]]),
    "half_normal": (lambda x, s: log(2) + normal(x, 0, s), [([1.5], x) for x in [1e-9, 0.4, 1e5]]),
    "half_cauchy": (lambda x, s: log(2 / pi / s) - log(1 + (x / s) ** 2), [([1.5], x) for x in [1e-9, 0.4, 1e9]]),
    "gamma": (gamma, [([a, b], x) for a in [1e-3, 0.7, 30.0, 2000.0] for b in [0.02, 3.0] for x in [1e-12, 0.4, 20.0]]),
    "inv_gamma": (inv_gamma, [([a, b], x) for a in [1e-3, 0.7, 30.0, 2000.0] for b in [0.02, 3.0] for x in [1e-2, 0.4, 1e6]]),
    "beta": (beta, [([a, b], x) for a in [1e-3, 0.7, 30.0, 1e5] for b in [0.02, 3.0, 1e5] for x in [1e-12, 0.4, 0.999]]),
    "uniform": (lambda x, a, b: -log(b - a), [([-1.5, 2.0], 0.3), ([0.0, 1e-9], 5e-10)]),
    "interval_normal": (
        lambda x, m, s, a, b: normal(log((x - a) / (b - x)), m, s) + log((b - a) / (x - a) / (b - x)),
        [([0.3, 1.7, -1.0, 2.0], x) for x in [-0.75, 0.4, 1.9375]],
    ),
    "flip": (bits, [([p], x) for p in [1e-9, 0.3, 0.875] for x in [0, 1]]),
    "bernoulli": (bits, [([p], x) for p in [1e-9, 0.3, 0.875] for x in [0, 1]]),
    "bernoulli_logits": (lambda x, l: -softplus(-l if x else l), [([l], x) for l in [-800.0, -700.0, -1.3, 0.2, 40.0, 1e5] for x in [0, 1]]),
    "categorical": (lambda x, p: log(p[x]), [([[0.5, 0.125, 0.375]], x) for x in range(3)]),
    "categorical_logits": (lambda x, l: l[x] - log(sum(exp(a) for a in l)), [([l], x) for l in [[0.3, -2.0, 1.0], [500.0, -500.0, 0.0]] for x in range(3)]),
    "binomial": (
        lambda x, n, p: choose(mpf(n), x) + x * log(p) + (n - x) * log(1 - p),
        [([10, p], x) for p in [1e-9, 0.3, 0.96875] for x in [0, 3, 10]] + [([10**6, 1e-5], 12), ([10**6, 0.5], 499000)],
    ),
    "binomial_logit": (
        lambda x, n, l: choose(mpf(n), x) - x * softplus(-l) - (n - x) * softplus(l),
        [([10, l], x) for l in [-800.0, -30.0, 0.3, 5.0, 1e5] for x in [0, 3, 10]] + [([10**6, 0.001], 499000)],
    ),
    "poisson": (lambda x, r: x * log(r) - r - loggamma(x + 1), [([r], x) for r in [1e-9, 0.7, 40.0] for x in [0, 3, 70]] + [([1000.0], 1020)]),
    "poisson_log": (lambda x, e: x * e - exp(e) - loggamma(x + 1), [([e], x) for e in [-20.0, 0.7, 4.0] for x in [0, 3, 70]]),
    "logistic": (lambda x, m, s: -(x - m) / s - 2 * softplus(-(x - m) / s) - log(s), [([0.3, 1.7], x) for x in [-2e3, -2.0, 0.4, 5e4]]),
    "geometric": (lambda x, p: log(p) + x * log(1 - p), [([p], x) for p in [1e-9, 0.3, 0.96875] for x in [0, 3, 100]] + [([1e-9], 10**8)]),
    "neg_binomial": (lambda x, a, b: neg_binomial(x, a, 1 / (1 + b)), [([a, b], x) for a in [1e-3, 2.5, 1e6] for b in [1e-4, 0.7, 1e5] for x in [0, 3, 70]]),
    "neg_binomial_2": (lambda x, m, f: neg_binomial(x, f, m / (m + f)), [([m, f], x) for m in [1e-3, 2.5, 1e3] for f in [1e-4, 0.7, 1e5, 1e9] for x in [0, 3, 70]]),
    "neg_binomial_2_log": (lambda x, e, f: neg_binomial(x, f, exp(e) / (exp(e) + f)), [([e, f], x) for e in [-20.0, 0.7, 9.0] for f in [1e-4, 0.7, 1e9] for x in [0, 3, 70]]),
    "weibull": (
        lambda x, a, s: log(a / s) + (a - 1) * log(x / s) - (x / s) ** a,
        [([a, s], x) for a in [0.1, 1.5, 9.0] for s in [0.3, 20.0] for x in [1e-6, 0.7, 30.0] if a * log(x / s) < 15],
    ),
    "gumbel": (lambda x, m, b: -(x - m) / b - exp(-(x - m) / b) - log(b), [([0.3, 1.7], x) for x in [-20.0, 0.4, 1e3]]),
    "pareto": (lambda x, m, a: log(a) + a * log(m) - (a + 1) * log(x), [([0.7, a], x) for a in [0.1, 2.0, 100.0] for x in [0.75, 3.0, 1e9]]),
    "rayleigh": (lambda x, s: log(x) - 2 * log(s) - (x / s) ** 2 / 2, [([s], x) for s in [1e-5, 1.5, 1e5] for x in [1e-6, 0.7]]),
    "chi_squared": (lambda x, n: gamma(x, n / 2, half), [([n], x) for n in [0.01, 3.0, 400.0] for x in [1e-9, 2.0, 350.0]]),
    "inv_chi_squared": (lambda x, n: inv_gamma(x, n / 2, half), [([n], x) for n in [0.01, 3.0, 400.0] for x in [1e-3, 2.0, 350.0]]),
    "scaled_inv_chi_squared": (lambda x, n, s: inv_gamma(x, n / 2, n * s * s / 2), [([n, s], x) for n in [0.01, 3.0, 400.0] for s in [0.1, 4.0] for x in [1e-2, 2.0, 350.0]]),
    "exp_modified_normal": (
        exp_modified_normal,
        [([0.3, 1.25, l], x) for l in [1e-3, 0.7, 20.0, 1e3] for x in [-30.0, -1.0, 0.4, 25.0]],
    ),
    "skew_normal": (lambda x, m, s, a: log(2) + normal(x, m, s) + log_phi(a * (x - m) / s), [([0.3, 1.25, a], x) for a in [-7.0, 0.0, 2.0, 500.0] for x in [-9.0, 0.4, 3.0]]),
    "von_mises": (lambda x, m, k: k * cos(x - m) - log(2 * pi * besseli(0, k)), [([0.5, k], x) for k in [1e-6, 0.7, 30.0, 900.0] for x in [-3.0, 0.4, 3.0]]),
    "kumaraswamy": (lambda x, a, b: log(a * b) + (a - 1) * log(x) + (b - 1) * log(1 - x**a), [([a, b], x) for a in [0.1, 2.0, 40.0] for b in [0.3, 7.0] for x in [1e-6, 0.4, 0.999]]),
    "logit_normal": (lambda x, m, s: normal(log(x / (1 - x)), m, s) - log(x * (1 - x)), [([0.3, 1.7], x) for x in [1e-200, 0.4, 0.999]]),
    "beta_binomial": (
        lambda x, n, a, b: choose(mpf(n), x) + lbeta(x + a, n - x + b) - lbeta(a, b),
        [([10, a, b], x) for a in [1e-3, 2.5, 1e7] for b in [0.3, 1e4] for x in [0, 3, 10]],
    ),
    "beta_proportion": (lambda x, m, k: beta(x, m * k, (1 - m) * k), [([m, k], x) for m in [0.01, 0.625] for k in [0.1, 4.0, 1e4] for x in [1e-6, 0.4, 0.999]]),
    "ordered_logistic": (ordered_logistic, [([e, [-1.0, 0.5, 0.5625]], x) for e in [-40.0, 0.3, 60.0] for x in range(4)]),
    "dirichlet": (
        lambda x, a: loggamma(sum(a)) - sum(loggamma(b) for b in a) + sum((b - 1) * log(y) for b, y in zip(a, x)),
        [([a], x) for a in [[1.0, 2.0, 0.5], [1e-3, 40.0, 7.0]] for x in [[0.25, 0.25, 0.5], [1e-9, 0.5, 0.5 - 1e-9]]],
    ),
    "multi_normal_diag": (lambda x, m, s: sum(normal(a, b, c) for a, b, c in zip(x, m, s)), [([[0.3, -1.0], [1.5, s]], [2.0, 1.0]) for s in [1e-6, 0.7]]),
    "multi_normal": (multi_normal, [([[0.5, -1.0], s], [2.0, 1.0]) for s in [sym, near]] + [([[0.5, -1.0, 0.0], three], [2.0, 1.0, -40.0])]),
    "multi_normal_cholesky": (lambda x, m, l: multi_normal(x, m, times_transpose(l)), [([[0.5, -1.0, 0.0], tri], x) for x in [[2.0, 1.0, -1.0], [1e5, 1.0, 0.0]]]),
    "multi_normal_prec": (
        lambda x, m, o: -(matrix(minus(x, m)).T * matrix(o) * matrix(minus(x, m)))[0] / 2 + dets(o) / 2 - len(x) * log(2 * pi) / 2,
        [([[0.5, -1.0], s], [2.0, 1.0]) for s in [sym, near]],
    ),
    "multi_normal_low_rank": (
        lambda x, m, f, d: multi_normal(x, m, low_rank(f, d)),
        [([[0.5, -1.0, 0.0], [[0.5, 1.0], [-0.25, 2.0], [1.0, 0.0]], d], [2.0, 1.0, -1.0]) for d in [[1.0, 2.0, 0.5], [1e-3, 2.0, 100.0]]],
    ),
    "multi_student_t": (multi_student_t, [([nu, [0.5, -1.0], sym], x) for nu in [0.5, 4.0, 1e5] for x in [[2.0, 1.0], [1e4, 0.0]]]),
    "multinomial": (
        lambda x, n, p: loggamma(mpf(n) + 1) + sum(k * log(q) - loggamma(k + 1) for k, q in zip(x, p)),
        [([10, p], x) for p in [[0.25, 0.25, 0.5], [1e-6, 0.5, 0.499999]] for x in [[2, 3, 5], [0, 0, 10]]],
    ),
    "dirichlet_multinomial": (dirichlet_multinomial, [([10, a], x) for a in [[1.0, 2.0, 0.5], [1e-3, 40.0, 7e3]] for x in [[2, 3, 5], [0, 0, 10]]]),
    "lkj_cholesky": (
        lkj_cholesky,
        [([2, eta], [[1.0, 0.0], [0.6, 0.8]]) for eta in [0.1, 1.0, 1e3]] + [([3, eta], [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.28, 0.96]]) for eta in [0.5, 1.0, 4.0]],
    ),
    "wishart_cholesky": (wishart_cholesky, [([nu, tri], x) for nu in [2.5, 7.0, 1e3] for x in [[[1.0, 0.0, 0.0], [0.5, 0.75, 0.0], [0.25, 0.5, 2.0]]]]),
    "inv_wishart_cholesky": (inv_wishart_cholesky, [([nu, tri], x) for nu in [2.5, 7.0, 1e3] for x in [[[1.0, 0.0, 0.0], [0.5, 0.75, 0.0], [0.25, 0.5, 2.0]]]]),
    "hypergeometric": (lambda x, n, a, b: choose(mpf(a), x) + choose(mpf(b), n - x) - choose(mpf(a + b), n), [([4, 5, 6], x) for x in range(5)] + [([1000, 10**6, 10**6], 490)]),
    "uniform_index": (lambda x, n: -log(mpf(n)), [([n], 3) for n in [4, 1000]]),
    "relaxed_bernoulli": (relaxed_bernoulli, [([t, l], x) for t in [0.01, 0.5, 10.0] for l in [-3.0, 0.3] for x in [1e-30, 0.4, 0.999]]),
    "relaxed_categorical": (relaxed_categorical, [([t, [0.3, -2.0, 1.0]], x) for t in [0.01, 0.5, 10.0] for x in [[0.25, 0.25, 0.5], [1e-30, 0.5, 0.5]]]),
    "ar": (ar, [([5, phi, 0.75], [0.5, -1.0, 2.0, 1e3, 0.25]) for phi in [[0.5], [0.5, -0.25, 0.125]]]),
    "gaussian_process": (lambda x, s, m: multi_normal(x, [m] * len(x), s), [([s, 0.25], [2.0, 1.0]) for s in [sym, near]]),
    "hmm": (hmm, [([4, [0.25, 0.75], [[0.875, 0.125], [0.25, 0.75]], [[0.5, 0.25, 0.25], [0.125, 0.25, 0.625]]], x) for x in [[0, 1, 2, 2], [0, 0, 0, 0]]]),
    "gaussian_random_walk": (random_walk, [([4, s, m], [0.5, -1.0, 2.0, 2.5]) for s in [1e-4, 0.7] for m in [0.0, 0.3]]),
}


def phi(x):
    return erfc(-x / sqrt(2)) / 2


def truncated(x, mu, sigma, a, b):
    # By the tail with less mass, which needs no more digits than there are.
    mass = phi((b - mu) / sigma) - phi((a - mu) / sigma)
    if a > mu:
        mass = phi((mu - a) / sigma) - phi((mu - b) / sigma)
    return normal(x, mu, sigma) - log(mass)


def censored(x, mu, sigma):
    if x <= -1:
        return log_phi((-1 - mu) / sigma)
    return log_phi((mu - 2) / sigma) if x >= 2 else normal(x, mu, sigma)


def poisson(x, r):
    return x * log(r) - r - loggamma(mpf(x) + 1)


# Wrappers, by their calls: {k} stands for argument k.
WRAPPED = {
    "truncated(normal({0}, {1}), lower = {2}, upper = {3})": (
        truncated,
        [([0.3, 1.25, -1.0, 2.0], x) for x in [-0.75, 1.5]] + [([0.0, 1.0, a, b], x) for a, b, x in [(20.0, 21.0, 20.5), (-31.0, -30.0, -30.25), (-50.0, 60.0, 1.0), (9.0, 9.0009765625, 9.0)]],
    ),
    "truncated(normal({0}, {1}), lower = {2})": (lambda x, m, s, a: normal(x, m, s) - log_phi((m - a) / s), [([0.3, 1.25, a], a + 0.5) for a in [-30.0, 0.0, 40.0]]),
    "truncated(exponential({0}), upper = {1})": (lambda x, b, u: log(b) - b * x - log(1 - exp(-b * u)), [([b, 2.0], 0.5) for b in [1e-3, 0.7, 300.0]]),
    "truncated(weibull({0}, {1}), lower = {2}, upper = {3})": (
        lambda x, a, s, l, u: log(a / s) + (a - 1) * log(x / s) - (x / s) ** a - log(exp(-((l / s) ** a)) - exp(-((u / s) ** a))),
        [([a, 1.25, 0.5, 3.0], 1.5) for a in [0.3, 2.0, 5.0]],
    ),
    "censored(normal({0}, {1}), lower = -1, upper = 2)": (censored, [([m, 1.25], x) for m in [-30.0, 0.3, 40.0] for x in [-1.0, 0.5, 2.0]]),
    "zero_inflated(poisson({0}), {1})": (
        lambda x, r, p: log((1 - p) * exp(poisson(x, r)) + (p if x == 0 else 0)),
        [([r, p], x) for r in [1e-9, 2.5, 800.0] for p in [1e-9, 0.3] for x in [0, 4]],
    ),
    "hurdle(poisson({0}), {1})": (
        lambda x, r, p: log(p) if x == 0 else log(1 - p) + poisson(x, r) - log(1 - exp(-r)),
        [([r, p], x) for r in [1e-9, 2.5, 800.0] for p in [1e-9, 0.3] for x in [0, 4]],
    ),
    "hurdle(lognormal({0}, {1}), {2})": (
        lambda x, m, s, p: log(p) if x == 0 else log(1 - p) + normal(log(x), m, s) - log(x),
        [([0.3, 1.25, p], x) for p in [1e-9, 0.3] for x in [0.0, 0.5]],
    ),
    "mixture({0}, normal({1}, 1), normal({2}, 2.5))": (
        lambda x, w, m, n: log(w[0] * exp(normal(x, m, mpf(1))) + w[1] * exp(normal(x, n, mpf(5) / 2))),
        [([[0.25, 0.75], -1.0, n], x) for n in [0.5, 300.0] for x in [-2.0, 1.0, 40.0]],
    ),
}


def exact(value):
    """The double itself, ints as they are."""
    if isinstance(value, list):
        return [exact(each) for each in value]
    return value if isinstance(value, int) else mpf(value)


def moved(value, at, h):
    if not at:
        return value + h
    return [moved(each, at[1:], h) if k == at[0] else each for k, each in enumerate(value)]


def slope(f, x, args, arg, at):
    value = args[arg]
    for k in at:
        value = value[k]
    h = (abs(value) if value else 1) * mpf(10) ** -20
    there = lambda k: f(x, *[moved(a, at, k * h) if i == arg else a for i, a in enumerate(args)])
    return float((8 * (there(1) - there(-1)) - (there(2) - there(-2))) / (12 * h))


def slopes(f, x, args, arg):
    def walk(value, at):
        if isinstance(value, list):
            return [walk(each, at + [k]) for k, each in enumerate(value)]
        return slope(f, x, args, arg, at)

    return walk(args[arg], [])


# Arguments that are not differentiated beside ints, and matrices of which only the lower triangle counts.
MOVING = {"uniform": [0, 1], "interval_normal": [2, 3], "pareto": [0]}
LOWER = {"multi_normal_cholesky": [1], "lkj_cholesky": [], "wishart_cholesky": [1], "inv_wishart_cholesky": [1]}


def lower(rows):
    return [[d if j <= i else 0.0 for j, d in enumerate(row)] for i, row in enumerate(rows)]


def main():
    rows = []
    for name, (f, cases) in [*CASES.items(), *WRAPPED.items()]:
        for args, x in cases:
            exact_args, exact_x = [exact(a) for a in args], exact(x)
            value = float(f(exact_x, *exact_args))
            assert abs(value) < float("inf"), (name, args, x)
            derivatives = []
            for k, arg in enumerate(args):
                if isinstance(arg, int) or k in MOVING.get(name, []) or f"er = {{{k}}}" in name:
                    derivatives.append(None)
                else:
                    by = slopes(f, exact_x, exact_args, k)
                    derivatives.append(lower(by) if k in LOWER.get(name, []) else by)
            rows.append({"dist": name.split("(")[0], "call": name if "(" in name else None, "args": args, "x": x, "log_density": value, "slopes": derivatives})
    text = ",\n".join(json.dumps(row) for row in rows)
    Path(__file__).with_suffix(".json").write_text("[\n" + text + "\n]\n")
    print(len(rows), "rows")


if __name__ == "__main__":
    main()
