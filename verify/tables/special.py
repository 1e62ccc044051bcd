"""Special functions to forty digits: writes special.json, rows of [function, operands, value].

Run with mpmath 1.3: python3 verify/tables/special.py
"""

import json
from pathlib import Path

from mpmath import mp, mpf, gamma, gammainc, betainc, besseli, cos, diff, erf, erfc, exp, log, loggamma, psi, quad, pi, sqrt, findroot

mp.dps = 60


def num(x):
    return mpf(x)  # the double itself: operands are exact


def phi_log(x):
    return log(erfc(-x / sqrt(2)) / 2)


def gamma_p_log(a, x):
    # The series has positive terms only; mpmath's own loses all digits where the result is tiny.
    term, total, n = mpf(1), mpf(1), 0
    while term > total * mpf(10) ** -50:
        n += 1
        term *= x / (a + n)
        total += term
    return a * log(x) - x - loggamma(a + 1) + log(total)


def log1m(x):
    return log(-mp.expm1(x)) if x > -50 else -exp(x) - exp(2 * x) / 2 - exp(3 * x) / 3


def gamma_q_log(a, x):
    if x < a + 1:
        return log1m(gamma_p_log(a, x))
    # Lentz's method on the continued fraction.
    b, c = x + 1 - a, mpf(10) ** 300
    d = 1 / b
    h = d
    i = 0
    while True:
        i += 1
        an = -i * (i - a)
        b += 2
        d = 1 / (an * d + b)
        c = b + an / c
        h *= d * c
        if abs(d * c - 1) < mpf(10) ** -50:
            return a * log(x) - x - loggamma(a) + log(h)


def gamma_p_full(a, x):
    return gamma_p_log(a, x) if x < a + 1 else log1m(gamma_q_log(a, x))


def beta_fraction(a, b, x):
    c, d = mpf(1), 1 / (1 - (a + b) * x / (a + 1))
    h, m = d, 0
    while True:
        m += 1
        e = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1 / (1 + e * d), 1 + e / c
        h *= d * c
        e = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1 / (1 + e * d), 1 + e / c
        h *= d * c
        if abs(d * c - 1) < mpf(10) ** -50:
            lb = loggamma(a) + loggamma(b) - loggamma(a + b)
            return a * log(x) + b * log(1 - x) - log(a) - lb + log(h)


def beta_log(a, b, x):
    if x < (a + 1) / (a + b + 2):
        return beta_fraction(a, b, x)
    return log1m(beta_fraction(b, a, 1 - x))


def slope(f, at, args):
    h = abs(args[at]) * mpf(10) ** -20
    moved = lambda k: f(*[a + k * h if i == at else a for i, a in enumerate(args)])
    return (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * h)


def bessel_log(v, x):
    term, total, k = mpf(1), mpf(1), 0
    while term > total * mpf(10) ** -50:
        k += 1
        term *= x * x / 4 / (k * (v + k))
        total += term
    return v * log(x / 2) - loggamma(v + 1) + log(total)


def quantile(p):
    p = num(p)
    tail = min(p, 1 - p)
    start = -sqrt(-2 * log(tail)) * mpf("0.95") + mpf("0.3") if tail < mpf("0.3") else mpf(0)
    x = findroot(lambda x: phi_log(x) - log(tail), start, tol=mpf(10) ** -80)
    return x if p < mpf("0.5") else -x


rows = []


def add(name, f, *args):
    value = f(*[num(a) for a in args])
    rows.append([name, [float(a) for a in args], float(value)])


for x in [-1e6, -300.0, -38.5, -20.0, -6.1, -5.0, -4.9, -1.3, -1e-3, 0.0, 0.4, 1.7, 5.0, 8.2, 37.0]:
    add("log_phi", phi_log, x)
    add("inverse_mills", lambda x: exp(-x * x / 2) / sqrt(2 * pi) / exp(phi_log(x)), x)
for x in [-3.0, -0.4, 0.0, 1e-9, 0.3, 1.0, 2.5, 6.0, 20.0, 26.0]:
    add("erf", erf, x)
    add("erfc", erfc, x)
for p in [1e-300, 1e-100, 1e-17, 1e-9, 0.001, 0.07, 0.075, 0.2, 0.4, 0.6, 0.93, 0.999, 0.9999999]:
    add("inv_phi", quantile, p)
for x in [-1e-300, -1e-17, -1e-5, -0.3, -0.69, -0.7, -2.0, -30.0, -700.0]:
    add("log1m_exp", log1m, x)
for a in [1e-10, 1e-3, 0.3, 1.0, 2.5, 9.9, 10.1, 77.0, 1e4, 1e8]:
    for b in [1e-5, 0.5, 3.0, 12.0, 1e3, 1e9]:
        add("lbeta", lambda a, b: loggamma(a) + loggamma(b) - loggamma(a + b), a, b)
shapes = [1e-8, 1e-3, 0.09, 0.11, 0.5, 1.0, 2.7, 9.5, 10.5, 60.0, 1e3, 1e5]
for a in shapes:
    for r in [1e-6, 0.01, 0.3, 0.9, 0.99, 1.0, 1.01, 1.1, 2.0, 5.0, 30.0]:
        x = a * r if a >= 0.5 else r * 2.0
        if a > 1e4 and not 0.5 < r < 2.5:
            continue
        add("log_gamma_p", gamma_p_full, a, x)
        add("log_gamma_q", gamma_q_log, a, x)
        for operand, by in enumerate("ax"):
            add(f"log_gamma_p_by_{by}", lambda a, x: slope(gamma_p_full, operand, [a, x]), a, x)
            add(f"log_gamma_q_by_{by}", lambda a, x: slope(gamma_q_log, operand, [a, x]), a, x)
for a in [1e-3, 0.3, 1.0, 4.0, 25.0, 1e3, 1e5]:
    for b in [1e-2, 0.5, 1.0, 7.0, 300.0, 1e4]:
        mean = a / (a + b)
        for x in [1e-9, 0.02, 0.5 * mean, mean, 1 - 0.5 * (1 - mean), 0.9, 0.999]:
            if not 0.0 < x < 1.0:
                continue
            add("log_inc_beta", beta_log, a, b, x)
            for operand, by in enumerate("abx"):
                add(f"log_inc_beta_by_{by}", lambda a, b, x: slope(beta_log, operand, [a, b, x]), a, b, x)
for v in [0.0, 0.5, 1.0, 2.0, 3.7, 20.0, 500.0]:
    for x in [1e-8, 0.1, 1.0, 7.5, 30.0, 41.0, 300.0, 800.0, 5e3]:
        add("log_bessel_i", bessel_log, v, x)
for v in [0.0, 1.0]:
    add("log_bessel_i", lambda v, x: x - log(2 * pi * x) / 2 + log(mp.hyp2f0(v + mpf(1) / 2, mpf(1) / 2 - v, 1 / (2 * x))), v, 1e7)
for h in [-2.0, 0.0, 0.3, 1.0, 3.0, 7.0]:
    for a in [-4.0, 0.0, 0.2, 0.9, 1.0, 5.0, 80.0]:
        add("owens_t", lambda h, a: quad(lambda t: exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a / 4, a / 2, a]) / (2 * pi), h, a)


def von_mises(x, k, weight):
    # Over whole turns it is a multiple; the rest is split where the density is.
    turns = mp.nint(x / (2 * pi))
    rest = x - 2 * pi * turns
    step = min(pi, 12 / sqrt(k))
    ends = [0] + [mp.sign(rest) * j * step / 4 for j in range(1, 5) if j * step / 4 < abs(rest)] + [rest]
    density = lambda t: exp(k * (cos(t) - 1)) / (2 * pi * exp(-k) * besseli(0, k))
    whole = turns if weight is None else 0
    return whole + quad(lambda t: density(t) * (1 if weight is None else weight(t)), ends)


for k in [1e-6, 0.01, 0.3, 1.0, 4.0, 30.0, 600.0, 1e5]:
    ratio = besseli(1, num(k)) / besseli(0, num(k))
    for x in sorted({1e-7, 0.1, 0.8, 1.6, 2.5, 3.1, 3.5, -1.2, 10.0} | {r / k**0.5 for r in [0.3, 1.0, 4.0] if r / k**0.5 < 3}):
        add("von_mises_cdf", lambda x, k: von_mises(x, k, None), x, k)
        add("von_mises_cdf_by_kappa", lambda x, k: von_mises(x, k, lambda t: cos(t) - ratio), x, k)
for x in [1e-12, 1e-3, 0.5, 1.0, 1.5, 2.0, 10.0, 171.5, 1e6, 1e15]:
    add("lgamma", loggamma, x)
    add("digamma", lambda x: psi(0, x), x)
    add("trigamma", lambda x: psi(1, x), x)

lines = ",\n".join(json.dumps(row) for row in rows)
Path(__file__).with_suffix(".json").write_text("[\n" + lines + "\n]\n")
print(len(rows), "rows")
