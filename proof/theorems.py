"""The theorems: for each a name, the function of the image, and a claim about all of its paths."""

from types import SimpleNamespace

from claripy import And, BVS, BVV, Concat, If, LShR, Or, ULE, ULT

import spec
from engine import FIRST, INPUT, LOCAL, LONGEST, OUT, SECOND, VALUE, WORDS, Run, encodes, equal
from image import without_contract
from notation import then, value
from strings import Pieces, Region, View, number

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
for message in ["hev_datagram", "gost_datagram", "uot_request", "uot_datagram", "uot_connect_datagram"]:
    decodes(f"decode_{message}", getattr(spec, message))

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
decodes("client_reply_code", lambda m: spec.passed_on(spec.client_answers(m, 1)))
decodes("gssapi_selection", lambda m: spec.selected(m, (m[1] == 1, [])))
for side in ["client", "server"]:
    decodes(f"gssapi_{side}_token", lambda m: spec.gssapi(m, 1))
    decodes(f"gssapi_{side}_level", lambda m: spec.gssapi(m, 2))

decodes("socks4_decode_request", spec.socks4_request)
decodes("socks4_server_request", spec.socks4_server_request)
decodes("socks4_decode_reply", spec.socks4_reply)
decodes("socks4_client_reply", spec.socks4_client_reply)
decodes("socks4_client_listening", spec.socks4_client_reply)


def either_socks5(m):
    state = spec.server_request(m)
    return spec.either_request(state, state[3], state[4], 5)


def either_socks4(m):
    state = spec.socks4_server_request(m)
    return spec.either_request(state, state[4], state[3], 4)


decodes("either_protocol", spec.either_protocol)
decodes("either_socks5_request", either_socks5)
decodes("either_socks4_request", either_socks4)

# encoders

ENDPOINTS = {1: "IPv4", 3: "name", 4: "IPv6"}
ENCODERS = {"method_offer": (0,), "method_selection": (0,), "user_pass": (0,), "user_pass_status": (0,), "gssapi_message": (1, 2, 3, 0xFF),
            "endpoint": ENDPOINTS, "request": ENDPOINTS, "reply": ENDPOINTS, "udp_header": ENDPOINTS,
            "hev_datagram": ENDPOINTS, "gost_datagram": ENDPOINTS, "uot_request": ENDPOINTS, "uot_datagram": ENDPOINTS,
            "uot_connect_datagram": (0,)}


def variant(message, kind):
    return f", type {kind}" if message == "gssapi_message" else f", {ENDPOINTS[kind]}" if kind else ""


def any_value():
    strings = [Region("first", FIRST), Region("second", SECOND)]
    address = [BVS(name, 64) for name in ("high", "low", "port")]
    return SimpleNamespace(code=BVS("code", 64), address=address, first=strings[0], second=strings[1])


FIRST_LENGTHS = {"method_offer": (0, 255), "user_pass": (0, 255), "gssapi_message": (0, 65_535)}
NAME_LENGTHS = {"hev_datagram": (1, 248)}
SECOND_LENGTHS = {"user_pass": (0, 255), "hev_datagram": (1, 65_535), "gost_datagram": (1, 65_535), "uot_datagram": (0, 65_535),
                  "uot_connect_datagram": (0, 65_535)}


def is_valid(message, kind, value):
    """The lengths that the constructors accept."""
    first = NAME_LENGTHS.get(message, (1, 255)) if kind == 3 and message not in FIRST_LENGTHS else FIRST_LENGTHS.get(message, (0, LONGEST))
    second = SECOND_LENGTHS.get(message, (0, LONGEST))
    return And(*(And(ULE(least, string.n), ULE(string.n, most))
                 for string, (least, most) in [(value.first, first), (value.second, second)]))


def value_words(value, kind):
    """The value in the layout of the harness."""
    return [value.code, BVV(kind, 64), *value.address, BVV(FIRST, 64), value.first.n, BVV(SECOND, 64), value.second.n]


def encoder(function, message, kind, at_the_end=False):
    @theorem(f"{function}{variant(message, kind)}", function)
    def prove(project):
        value, out = any_value(), Region("out", OUT)
        run = Run(project, function, [BVV(VALUE, 64), BVV(WORDS, 64), BVV(OUT, 64), out.n], [value.first, value.second],
                  out=out, value=value_words(value, kind))
        pieces = Pieces(*spec.sent(message, kind, value))
        run.require(encodes(pieces, is_valid(message, kind, value), out.n, at_the_end))
        return len(run.paths)


for message, kinds in ENCODERS.items():
    for kind in kinds:
        encoder(f"encode_{message}", message, kind)
encoder("socks4_encode_reply", "socks4_reply", 0)
for kind in [0, *ENDPOINTS]:
    encoder("encode_either_reply", "either_reply", kind)
for kind in ENDPOINTS:
    encoder("prepend_udp_header", "udp_header", kind, at_the_end=True)


@theorem("socks4_encode_request", "socks4_encode_request")
def _(project):
    """Of every request that can be decoded: there are no others."""
    m, out = Region("input", INPUT), Region("out", OUT)
    run = Run(project, "socks4_encode_request", [BVV(INPUT, 64), m.n, BVV(WORDS, 64), BVV(OUT, 64), out.n], [m], out=out)
    decoded, user = spec.socks4_request(m), View(m, 8, m.nul(8))
    name = View(m, 9 + user.n, m.nul(9 + user.n))
    numeric, named = (encodes(Pieces(*spec.socks4_request_sent(m, user, domain)), decoded[0] == 0, out.n) for domain in (None, name))
    run.require(lambda words, written: If(decoded[5] == 3, named(words, written), numeric(words, written)))
    return len(run.paths)


# Methods. A set of methods is that of the bytes of the offer, by the lemma.

method = BVS("method", 8)
decodes("server_offer", spec.server_offer)
for call, move in enumerate(["no_authentication", "user_pass", "sub_negotiate", "gssapi", "login with credentials alone",
                             "login, credentials preferred", "login, anonymous preferred", "refuse"]):
    decodes("server_choose_method", lambda m, call=call: spec.choice(m, method, call), method.zero_extend(56), BVV(call, 64),
            name=f"server_choose_method: {move}")


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
    return And(m[1] != 0xFF, offer.contains(0, offer.n, m[1]))


selects("client_method", "client_method", [BVV(FIRST, 64), offer.n], [offer], [ULE(offer.n, 255)],
        (lambda m: And(is_offered(m), m[1] == 0), lambda m: [0]),
        (lambda m: And(is_offered(m), m[1] == 2), lambda m: [1]),
        (is_offered, lambda m: [2, m[1], If(m[1] == 1, spec.word(1), spec.word(0))]))


# Lemmas: loops that have a path for each length. A call of one is replaced by what is proved here.

LONGEST_OFFER = 16


def among(bytes, start, length, byte):
    return Or(*(And(ULT(k, length), bytes[start + k] == byte) for k in range(LONGEST_OFFER)))


@theorem("lemma: the first NUL in 256 bytes", "nul")
def _(project):
    m = Region("input", INPUT)
    with without_contract(project, "nul"):
        run = Run(project, "nul", [BVV(INPUT, 64), m.n], [m], decide=False)  # there is nothing to decide

    def is_first(path):
        some, position = map(number, path.returned)
        end = position if some else 256
        found = And(ULT(end, m.n), m[end] == 0) if end < 256 else BVV(0, 1) == 0
        before = And(*(Or(ULE(m.n, k), m[k] != 0) for k in range(end)))
        return And(before, found)

    run.require_of_paths(is_first)
    return len(run.paths)


@theorem("lemma: the set of an offer", "insert")
def _(project):
    set_of_an_offer(project, 1)  # most mutants are refuted by one method, and sooner
    return set_of_an_offer(project, LONGEST_OFFER)


def set_of_an_offer(project, longest):
    m, old = Region("input", INPUT), [BVS(f"old.{k}", 64) for k in range(4)]
    with without_contract(project, "insert"):
        run = Run(project, "insert", [BVV(LOCAL, 64), BVV(INPUT, 64), m.n], [m], assume=[ULE(m.n, longest)], local=old)

    def has(words):
        return LShR(Concat(*reversed(words)), method.zero_extend(248))[0:0] == 1

    def is_union(path):
        return has(path.local) == Or(has(old), among(m, 0, m.n, method))

    run.require_of_paths(is_union)
    return len(run.paths)


@theorem("offer_contains", "offer_contains")
def _(project):
    """The loop is part of this function, so that it has no lemma."""
    m = Region("input", INPUT)
    few = Or(ULE(m.n, 1), ULE(m[1], LONGEST_OFFER))
    run = Run(project, "offer_contains", [BVV(INPUT, 64), m.n, BVV(WORDS, 64), method.zero_extend(56)], [m], assume=[few])
    contains = If(among(m, 2, m[1], method), spec.word(1), spec.word(0))
    run.require(equal(then(spec.method_offer(m, spec.word(0)), lambda used, *_: value(used, contains))))
    return len(run.paths)
