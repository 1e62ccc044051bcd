"""What the scripts of peers share: times of blocks of calls, and one line of JSON."""

import json
import time

import numpy as np

BLOCKS = 20


def quantiles(call, seconds=2.0):
    """Microseconds of one call over blocks of calls that fill the time; the first calls warm up."""
    for _ in range(3):
        call()
    began = time.perf_counter()
    call()
    once = time.perf_counter() - began
    block = max(1, int(seconds / BLOCKS / once))
    times = []
    for _ in range(BLOCKS):
        began = time.perf_counter()
        for _ in range(block):
            call()
        times.append((time.perf_counter() - began) * 1e6 / block)
    median, p10, p90 = (float(np.percentile(times, q)) for q in (50, 10, 90))
    return {"median": median, "p10": p10, "p90": p90}


def report(us, objective, steps_per_call=1):
    """Prints times of a step and the objective that was measured."""
    us = {name: value / steps_per_call for name, value in us.items()}
    print(json.dumps({"us": us, "objective": float(objective)}))
