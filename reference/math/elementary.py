"""Writes elementary.txt: exact values of exp, ln, sin, cos, sin x/x and its derivative.

Each line: function, bits of x, bits of the nearest double y, bits of the remainder
(exact value minus y, as a double), so that errors far below one ulp can be measured.
Run with Python 3 and mpmath 1.3: python elementary.py > elementary.txt
"""

import math
import random
import struct

from mpmath import mp, mpf, cos, exp, ln, sin

mp.dps = 60


def bits(x):
    return struct.pack(">d", x).hex()


def line(name, f, x):
    exact = f(mpf(x))
    y = float(exact)
    print(name, bits(x), bits(y), bits(float(exact - mpf(y))))


def sinc(x):
    return sin(x) / x


def slope(x):
    return (cos(x) - sin(x) / x) / x


random.seed(20261120)
for _ in range(400):
    line("exp", exp, random.uniform(-699.0, 699.0))
    line("exp", exp, random.uniform(-40.0, 0.0))
    line("exp", exp, -(10.0 ** random.uniform(-12.0, 0.0)))
    sign = random.choice([-1.0, 1.0])
    near = round(random.uniform(1.0, 6e4)) * math.pi / 2
    for x in [
        sign * 10.0 ** random.uniform(-8.0, 5.0),
        random.uniform(-8.0, 8.0),
        near,
        sign * near + random.uniform(-1e-6, 1e-6),
    ]:
        line("sin", sin, x)
        line("cos", cos, x)
    for x in [sign * 10.0 ** random.uniform(-9.0, 0.0), random.uniform(0.9, 1.1),
              sign * 10.0 ** random.uniform(0.0, 5.0)]:
        line("sinc", sinc, x)
        line("slope", slope, x)

for _ in range(400):
    line("ln", ln, 10.0 ** random.uniform(-300.0, 300.0))
    line("ln", ln, random.uniform(0.3, 3.0))
    line("ln", ln, 1.0 + random.choice([-1.0, 1.0]) * 10.0 ** random.uniform(-9.0, -1.0))
