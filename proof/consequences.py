"""Consequences of the theorems. The functions equal the specification, for all inputs: what holds of it holds of them."""

from claripy import And, BVS, If, Not, Or, ULE, ULT

import spec
from engine import INPUT, LONGEST
from strings import Pieces, Refuted, Region, View, satisfiable
from theorems import ENCODERS, any_value, is_valid, theorem, variant


def consequence(name):
    return theorem(name, None)


def always(*claims, facts=()):
    if satisfiable([*facts, Not(And(*claims))]):
        raise Refuted("not a consequence")


def decoded_value(message, kind, value, length):
    """The words of the value that was sent."""
    high, low, port = value.address
    code, pair, data = value.code[7:], [value.first.n, value.second.n], [length - value.second.n, value.second.n]
    endpoint = lambda at: {1: [1, low[31:], port[15:]], 4: [4, high, low, port[15:]], 3: [3, at + 2, value.first.n, port[15:]]}[kind]
    position = BVS("at", 64)
    return {
        "method_selection": lambda: [code],
        "method_offer": lambda: [pair[0], If(ULT(position, pair[0]), spec.word(value.first[position]), spec.word(256))],
        "user_pass": lambda: [2, pair[0], 3 + pair[0], pair[1]],
        "user_pass_status": lambda: [code, If(code == 0, spec.word(1), spec.word(0))],
        "request": lambda: [code, *endpoint(3)],
        "reply": lambda: [code, *endpoint(3)],
        "udp_header": lambda: [code, *endpoint(3)],
        "endpoint": lambda: endpoint(0),
        "hev_datagram": lambda: [*data, *endpoint(3)],
        "gost_datagram": lambda: [*data, 0xFF, *endpoint(3)],
        "uot_request": lambda: [If(code == 0, spec.word(0), spec.word(1)), *endpoint(1)],
        "uot_datagram": lambda: [*data, *endpoint(0)],
        "uot_connect_datagram": lambda: data,
        "gssapi_message": lambda: [kind] if kind == 0xFF else [kind, 4, pair[0]],
    }[message](), position


def round_trip(message, kind):
    decode = (lambda m: spec.endpoint(m, 0)) if message == "endpoint" else getattr(spec, message)

    @consequence(f"what is encoded decodes to itself: {message}{variant(message, kind)}")
    def prove(_):
        value = any_value()
        pieces = Pieces(*spec.sent(message, kind, value))
        values, position = decoded_value(message, kind, value, pieces.n)
        expected = spec.words(0, pieces.n, 0, *values) if message == "udp_header" else spec.value(pieces.n, *values)
        got = decode(pieces, position) if message == "method_offer" else decode(pieces)
        facts = [*value.first.facts, *value.second.facts]
        always(Or(Not(is_valid(message, kind, value)), And(*(a == b for a, b in zip(got, expected)))), facts=facts)


for message, kinds in ENCODERS.items():
    for kind in kinds:
        round_trip(message, kind)

STATES = {
    "server_offer": spec.server_offer, "server_user_pass": spec.server_user_pass, "server_request": spec.server_request,
    "client_no_authentication": lambda m: spec.selected(m, (m[1] == 0, [])), "client_status": spec.client_status,
    "client_reply": spec.client_reply,
    "client_answers, with credentials": lambda m: spec.client_answers(m, 1),
    "client_answers, without credentials": lambda m: spec.client_answers(m, 0),
    "socks4_server_request": spec.socks4_server_request, "socks4_client_reply": spec.socks4_client_reply,
    "gssapi token": lambda m: spec.gssapi(m, 1), "gssapi level": lambda m: spec.gssapi(m, 2),
}


def ended(words):
    return And(words[1] == 1, Or(*(words[5] == kind for kind in (spec.SILENT, spec.CLOSED, spec.TRUNCATED))))


def prefixes(name, state):
    @consequence(f"never truncated unless missing: {name}")
    def _(_):
        m = Region("input", INPUT)
        words = state(m)
        always(Or(ended(words) == (words[0] != 0)), facts=[*m.facts, ULE(m.n, LONGEST)])

    @consequence(f"prefixes of what is accepted: {name}")
    def _(_):
        """With all of the accepted message, the same result; with less, no error, and no more is missing than the message has."""
        m, n = Region("input", INPUT), BVS("prefix", 64)
        whole, part = state(m), state(View(m, 0, n))
        accepted, used = And(whole[0] == 0, whole[1] == 0), whole[2]
        same = And(*(a == b for a, b in zip(whole, part)))
        waits = And(ended(part), part[0] != 0, ULE(part[0], used - n))
        always(Or(Not(accepted), If(ULE(used, n), same, waits)), facts=[*m.facts, ULE(m.n, LONGEST), ULE(n, m.n)])


for name, state in STATES.items():
    prefixes(name, state)
