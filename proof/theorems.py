"""The theorems: for each a name, the function of the image, and a claim about all of its paths."""

from types import SimpleNamespace

import claripy
from claripy import And, BVS, BVV, If, Not, Or, ULE, ULT

import spec
from engine import FIRST, INPUT, LONGEST, OUT, SECOND, VALUE, WORDS, Pieces, Refuted, Region, Run, View, encodes, equal

THEOREMS = {}


def theorem(name, function):
    def add(prove):
        THEOREMS[name] = function, prove
        return prove

    return add


def decodes(function, want, *more, name=None, assume=lambda m: ()):
    """The words of a function of one input are those of the specification."""
    @theorem(name or function, function)
    def prove(project):
        m = Region("input", INPUT)
        run = Run(project, function, [BVV(INPUT, 64), m.n, BVV(WORDS, 64), *more], [m], assume=assume(m))
        run.require(equal(want(m)))
        return len(run.paths)


at = BVS("at", 64)
decodes("decode_method_selection", spec.method_selection)
decodes("decode_user_pass_status", spec.user_pass_status)
decodes("peek_reply_code", spec.reply_code)
decodes("decode_method_offer", lambda m: spec.method_offer(m, at), at)
decodes("decode_user_pass", spec.user_pass)
decodes("decode_endpoint", lambda m: spec.endpoint(m, 0))
decodes("decode_request", spec.request)
decodes("decode_reply", spec.reply)
decodes("split_udp_header", spec.udp_header)
decodes("decode_gssapi_message", spec.gssapi_message)

# states

decodes("server_user_pass", spec.server_user_pass)
decodes("server_request", spec.server_request)
decodes("client_no_authentication", lambda m: spec.selected(m, (m[1] == 0, [])))
decodes("client_status", spec.client_status)
decodes("client_reply", spec.client_reply)
decodes("client_listening", spec.client_reply)
for name in ["client_answers", "client_answers_to_bind"]:
    for credentials in [0, 1]:
        decodes(name, lambda m, credentials=credentials: spec.client_answers(m, credentials), BVV(credentials, 64),
                name=f"{name}, {'with' if credentials else 'without'} credentials")
decodes("gssapi_selection", lambda m: spec.selected(m, (m[1] == 1, [])))
for side in ["client", "server"]:
    decodes(f"gssapi_{side}_token", lambda m: spec.gssapi(m, 1))
    decodes(f"gssapi_{side}_level", lambda m: spec.gssapi(m, 2))

decodes("socks4_decode_reply", spec.socks4_reply)
decodes("socks4_client_reply", spec.socks4_client_reply)
decodes("socks4_client_listening", spec.socks4_client_reply)

# encoders

ENDPOINTS = {1: "IPv4", 3: "name", 4: "IPv6"}
ENCODERS = {"method_offer": (0,), "method_selection": (0,), "user_pass": (0,), "user_pass_status": (0,), "gssapi_message": (1, 2, 3, 0xFF),
            "endpoint": ENDPOINTS, "request": ENDPOINTS, "reply": ENDPOINTS, "udp_header": ENDPOINTS}


def variant(message, kind):
    return f", type {kind}" if message == "gssapi_message" else f", {ENDPOINTS[kind]}" if kind else ""


def any_value():
    strings = [Region("first", FIRST), Region("second", SECOND)]
    address = [BVS(name, 64) for name in ("high", "low", "port")]
    return SimpleNamespace(code=BVS("code", 64), address=address, first=strings[0], second=strings[1])


def is_valid(message, kind, value):
    """The lengths that the constructors accept."""
    longest = 65_535 if message == "gssapi_message" else 255
    named = message in ("endpoint", "request", "reply", "udp_header") and kind == 3
    has_string = named or message in ("method_offer", "user_pass", "gssapi_message")
    return And(*([ULE(value.first.n, longest)] if has_string else []), *([value.first.n != 0] if named else []),
               *([ULE(value.second.n, 255)] if message == "user_pass" else []), BVV(0, 1) == 0)


def encoder(function, message, kind, at_the_end=False):
    @theorem(f"{function}{variant(message, kind)}", function)
    def prove(project):
        value, out = any_value(), Region("out", OUT)
        words = [value.code, BVV(kind, 64), *value.address, BVV(FIRST, 64), value.first.n, BVV(SECOND, 64), value.second.n]
        run = Run(project, function, [BVV(VALUE, 64), BVV(WORDS, 64), BVV(OUT, 64), out.n], [value.first, value.second],
                  out=out, value=words)
        pieces = Pieces(*spec.sent(message, kind, value))
        run.require(encodes(pieces, is_valid(message, kind, value), out.n, at_the_end))
        return len(run.paths)


for message, kinds in ENCODERS.items():
    for kind in kinds:
        encoder(f"encode_{message}", message, kind)
encoder("socks4_encode_reply", "socks4_reply", 0)
for kind in ENDPOINTS:
    encoder("prepend_udp_header", "udp_header", kind, at_the_end=True)


# Consequences. The functions equal the specification, for all inputs; so what holds of the specification holds of them.

def consequence(name):
    return theorem(name, None)


def always(*claims, facts=()):
    solver = claripy.Solver()
    solver.add(list(facts))
    solver.add(Not(And(*claims)))
    if solver.satisfiable():
        raise Refuted("not a consequence")


def decoded_value(message, kind, value):
    """The words of the value that was sent."""
    high, low, port = value.address
    code, pair = value.code[7:], [value.first.n, value.second.n]
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
        "gssapi_message": lambda: [kind] if kind == 0xFF else [kind, 4, pair[0]],
    }[message](), position


def round_trip(message, kind):
    decode = {"method_offer": spec.method_offer, "method_selection": spec.method_selection, "user_pass": spec.user_pass,
              "user_pass_status": spec.user_pass_status, "request": spec.request, "reply": spec.reply, "udp_header": spec.udp_header,
              "endpoint": lambda m: spec.endpoint(m, 0), "gssapi_message": spec.gssapi_message}[message]

    @consequence(f"what is encoded decodes to itself: {message}{variant(message, kind)}")
    def prove(_):
        value = any_value()
        pieces = Pieces(*spec.sent(message, kind, value))
        values, position = decoded_value(message, kind, value)
        want = spec.words(0, pieces.n, 0, *values) if message == "udp_header" else spec.value(pieces.n, *values)
        got = decode(pieces, position) if message == "method_offer" else decode(pieces)
        facts = [*value.first.facts, *value.second.facts]
        always(Or(Not(is_valid(message, kind, value)), And(*(a == b for a, b in zip(got, want)))), facts=facts)


for message, kinds in ENCODERS.items():
    for kind in kinds:
        round_trip(message, kind)

STATES = {
    "server_offer": spec.server_offer, "server_user_pass": spec.server_user_pass, "server_request": spec.server_request,
    "client_no_authentication": lambda m: spec.selected(m, (m[1] == 0, [])), "client_status": spec.client_status,
    "client_reply": spec.client_reply,
    "client_answers, with credentials": lambda m: spec.client_answers(m, 1),
    "client_answers, without credentials": lambda m: spec.client_answers(m, 0),
    "socks4_client_reply": spec.socks4_client_reply,
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
        """With all of it the same result; with less no error, and no more is missing than there is."""
        m, n = Region("input", INPUT), BVS("prefix", 64)
        whole, part = state(m), state(View(m, 0, n))
        accepted, used = And(whole[0] == 0, whole[1] == 0), whole[2]
        same = And(*(a == b for a, b in zip(whole, part)))
        waits = And(ended(part), part[0] != 0, ULE(part[0], used - n))
        always(Or(Not(accepted), If(ULE(used, n), same, waits)), facts=[*m.facts, ULE(m.n, LONGEST), ULE(n, m.n)])


for name, state in STATES.items():
    prefixes(name, state)


# Methods. Their loops have a path for each length: the longest offer is bounded.

method = BVS("method", 8)
few = lambda m: [Or(ULE(m.n, 1), ULE(m[1], spec.LONGEST_OFFER))]
decodes("server_offer", spec.server_offer, assume=few)
fewer = lambda m: [Or(ULE(m.n, 1), ULE(m[1], 4))]
decodes("offer_contains", lambda m: spec.offer_contains(m, method), method.zero_extend(56), assume=few)
for call, move in enumerate(["no_authentication", "user_pass", "sub_negotiate", "gssapi", "login with credentials alone",
                             "login, credentials preferred", "login, anonymous preferred", "refuse"]):
    decodes("server_choose_method", lambda m, call=call: spec.choice(m, method, call), method.zero_extend(56), BVV(call, 64),
            assume=fewer if move == "sub_negotiate" else few, name=f"server_choose_method: {move}")


def selects(function, name, arguments, regions, assume, *allowed):
    @theorem(name, function)
    def prove(project):
        m = Region("input", INPUT)
        run = Run(project, function, [BVV(INPUT, 64), m.n, BVV(WORDS, 64), *arguments], [m, *regions], assume=assume)
        run.require(equal(spec.selected(m, *((condition(m), next(m)) for condition, next in allowed))))
        return len(run.paths)


username, offer = Region("username", FIRST), Region("offer", FIRST)
no_authentication = lambda m: m[1] == 0, lambda m: [0]
with_username = lambda m: m[1] == 2, lambda m: [1, 0, username.n]
selects("client_selection", "client_selection without credentials", [BVV(0, 64), BVV(FIRST, 64), username.n], [username], [], no_authentication)
selects("client_selection", "client_selection with credentials", [BVV(1, 64), BVV(FIRST, 64), username.n], [username],
        [ULE(username.n, 255)], no_authentication, with_username)


def is_offered(m):
    return And(m[1] != 0xFF, Or(*(And(ULT(k, offer.n), offer[k] == m[1]) for k in range(4))))


selects("client_method", "client_method", [BVV(FIRST, 64), offer.n], [offer], [ULE(offer.n, 4)],
        (lambda m: And(is_offered(m), m[1] == 0), lambda m: [0]),
        (lambda m: And(is_offered(m), m[1] == 2), lambda m: [1]),
        (is_offered, lambda m: [2, m[1]]))
decodes("socks4_decode_request", spec.socks4_request, assume=lambda m: [ULE(m.n, 12)])
decodes("socks4_server_request", spec.socks4_server_request, assume=lambda m: [ULE(m.n, 11)])
