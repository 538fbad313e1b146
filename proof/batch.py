"""The theorems about datagrams one after another in one buffer, and about the data that fits in one."""

from claripy import And, BVS, BVV, ULE, ULT

import spec
from engine import VALUE, WORDS, Run, equal
from notation import first, words
from strings import Pieces
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


for kind in ENDPOINTS:
    max_data(kind)


for name, is_few in [("one datagram", lambda n: ULE(n, length)), ("two datagrams", lambda n: And(ULT(length, n), ULE(n - length, length)))]:
    decodes("udp_runs", lambda m: spec.udp_run(m, length), length, name=f"udp_runs, {name}",
            assume=lambda m, is_few=is_few: [length != 0, is_few(m.n)])
