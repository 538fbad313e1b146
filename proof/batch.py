"""The theorems about datagrams one after another in one buffer, and about the data that fits in one."""

from claripy import BVS, BVV, ULE, ULT

import spec
from engine import OUT, VALUE, WORDS, Run, encodes, equal
from notation import first, words
from strings import Pieces, Region
from theorems import ENDPOINTS, any_value, decodes, is_valid, theorem, value_words

length = BVS("length", 64)


def max_data(kind):
    @theorem(f"udp_max_data, {ENDPOINTS[kind]}", "udp_max_data")
    def prove(project):
        value = any_value()
        run = Run(project, "udp_max_data", [BVV(VALUE, 64), BVV(WORDS, 64), length], [value.first, value.second],
                  value=value_words(value, kind))
        header = Pieces(*spec.sent("udp_header", kind, value))
        run.require(equal(first((is_valid("udp_header", kind, value), spec.max_data(header, length)), words())))
        return len(run.paths)


def last_of(count, n):
    """What is left of `n` bytes for the last of `count` datagrams, and that there is something before it."""
    before = (count - 1) * length
    return n - before, [length != 0] if count == 1 else [ULT(length, n), ULT(before, n)]


def runs(count):
    def few(m):
        last, is_last = last_of(count, m.n)
        return [*is_last, ULE(last, length)]

    decodes("udp_runs", lambda m: spec.udp_run(m, length, count), length, name=f"udp_runs, {count}", assume=few)


def prepend_each(count, kind):
    @theorem(f"udp_prepend_each, {count}, {ENDPOINTS[kind]}", "udp_prepend_each")
    def prove(project):
        value, out = any_value(), Region("out", OUT)
        last, is_last = last_of(count, value.second.n)
        pieces = Pieces(*spec.prepended_to_each(spec.sent("udp_header", kind, value), value.second, length, count))
        paths = 0
        for is_short in [ULT(last, length), last == length]:  # two quotients
            run = Run(project, "udp_prepend_each", [BVV(VALUE, 64), BVV(WORDS, 64), BVV(OUT, 64), out.n, length],
                      [value.first, value.second], out=out, value=value_words(value, kind), assume=[*is_last, is_short])
            run.require(encodes(pieces, is_valid("udp_header", kind, value), out.n))
            paths += len(run.paths)
        return paths


for kind in ENDPOINTS:
    max_data(kind)
for count in [1, 2, 3]:
    runs(count)
    for kind in ENDPOINTS:
        prepend_each(count, kind)
