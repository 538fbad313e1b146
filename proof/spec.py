"""The messages and the states, from the figures of RFC 1928, RFC 1929 and RFC 1961, the notes on SOCKS4, and the programs that
carry UDP in TCP. To be read beside them.

An input is a length `m.n` and bytes `m[0]`, `m[1]`, ...; `m.nul(at)` is the number of bytes before the first NUL from a position on,
`NONE` if there is none in 256 bytes; `m.contains(at, n, byte)` is whether a byte is one of `n`; `m.same(at, other, n)` is whether `n`
bytes are the same at two positions. Nothing here is taken from the crate: only the numbers that stand for results, which the harness
writes, are common to both.
"""

from claripy import And, BVV, Concat, If, Not, Or, UGE, ULE, ULT

from notation import MALFORMED, MISSING, VALUE, error, first, malformed, missing, received, shorter, then, value, versioned, whole, word, words
from strings import NONE

VERSION, USER_PASS_VERSION, GSSAPI_VERSION, MESSAGE_TYPE, ADDRESS_TYPE, EMPTY_NAME = range(1, 7)
TRUNCATED_DATAGRAM, _, SOCKS4_VERSION, USER_ID_TOO_LONG, NAME_TOO_LONG, HEADER_LENGTH = range(7, 13)


# RFC 1928 section 3: VER NMETHODS METHODS, and VER METHOD

def method_offer(m, at):
    """With the method at a position, 256 if there is none."""
    length = word(m[1])
    method = If(ULT(at, length), word(m[2 + at]), word(256))
    return versioned(m, 5, VERSION, 2, (m.n == 1, missing(m, 2)), whole(m, 2 + length, length, method))


def method_selection(m):
    return versioned(m, 5, VERSION, 2, whole(m, word(2), m[1]))


# RFC 1929 section 2: VER ULEN UNAME PLEN PASSWD, and VER STATUS

def user_pass(m):
    password = 3 + word(m[1])
    total = password + word(m[password - 1])
    return versioned(
        m, 1, USER_PASS_VERSION, 3, (m.n == 1, missing(m, 3)), (ULT(m.n, password), missing(m, password)),
        whole(m, total, 2, m[1], password, m[password - 1]),
    )


def user_pass_status(m):
    """Version 5 is accepted, too."""
    return versioned(m, Or(m[0] == 1, m[0] == 5), USER_PASS_VERSION, 2, whole(m, word(2), m[1], If(m[1] == 0, word(1), word(0))))


# RFC 1928 section 5: ATYP ADDR PORT. The shortest that can follow is a name of no bytes.

def endpoint(m, at, *before, empty_name=None, types=(1, 3, 4), least=4):
    number = lambda start, end: Concat(*(m[k] for k in range(start, end)))
    ipv4, ipv6, name = word(at + 7), word(at + 19), at + 4 + word(m[at + 1])
    port = Concat(m[name - 2], m[name - 1])
    return first(
        (ULT(m.n, at + 1), missing(m, at + least)),
        (m[at] == types[0], whole(m, ipv4, *before, 1, number(at + 1, at + 5), number(at + 5, at + 7))),
        (m[at] == types[2], whole(m, ipv6, *before, 4, number(at + 1, at + 9), number(at + 9, at + 17), number(at + 17, at + 19))),
        (m[at] != types[1], malformed(ADDRESS_TYPE, m[at])),
        (ULT(m.n, at + 2), missing(m, at + 4)),
        (m[at + 1] == 0, empty_name(m, name, port) if empty_name else malformed(EMPTY_NAME)),
        whole(m, name, *before, 3, m.origin + at + 2, m[at + 1], port),
    )


# RFC 1928 section 4: VER CMD RSV and an endpoint; section 6: VER REP RSV and an endpoint

def request(m):
    return versioned(m, 5, VERSION, 7, endpoint(m, 3, m[1]))


def reply(m):
    """An empty name, which some servers send, is 0.0.0.0."""
    unspecified = lambda m, total, port: whole(m, total, m[1], 1, 0, port)
    return versioned(m, 5, VERSION, 7, endpoint(m, 3, m[1], empty_name=unspecified))


def reply_code(m):
    return then(method_selection(m), lambda used, code, *_: value(0, code))


# RFC 1928 section 7: RSV RSV FRAG, an endpoint, and the data. A datagram is never completed.

def udp_header(m):
    header = endpoint(m, 3, m[2])
    split = then(header, lambda used, *values: words(VALUE, used, m.n - used, *values[:-1]))
    return first((header[0] == MISSING, malformed(TRUNCATED_DATAGRAM)), split)


# RFC 1961 sections 3.3, 3.7 and 4.3: VER MTYP LEN TOKEN; section 3.8: an abort is VER MTYP

def gssapi_message(m):
    total = If(m.n == 3, Concat(m[2], BVV(0, 8)), Concat(m[2], m[3])).zero_extend(48) + 4
    return versioned(
        m, 1, GSSAPI_VERSION, 2,
        (m.n == 1, missing(m, 2)),
        (m[1] == 0xFF, value(2, 0xFF)),
        (Not(Or(m[1] == 1, m[1] == 2, m[1] == 3)), malformed(MESSAGE_TYPE, m[1])),
        (m.n == 2, missing(m, 4)),
        whole(m, total, m[1], 4, total - 4),
    )


# SOCKS4: VN CD DSTPORT DSTIP USERID NUL, in 4a a name with its NUL after 0.0.0.x; and VN CD DSTPORT DSTIP

def socks4_request(m):
    ip, port, user = Concat(*(m[k] for k in range(4, 8))), Concat(m[2], m[3]), m.nul(8)
    at, name, named = 9 + user, m.nul(9 + user), And(ip != 0, ULT(ip, 256))

    def unterminated(start, end, too_long, least):
        return (And(end == NONE, UGE(m.n - start, 256)), malformed(too_long)), (end == NONE, words(MISSING, least))

    return versioned(
        m, 4, SOCKS4_VERSION, 9,
        (ULT(m.n, 8), missing(m, 9)),
        *unterminated(8, user, USER_ID_TOO_LONG, If(named, word(2), word(1))),
        (Not(named), value(at, m[1], 8, user, 1, ip, port)),
        *unterminated(at, name, NAME_TOO_LONG, 1),
        (name == 0, malformed(EMPTY_NAME)),
        value(at + name + 1, m[1], 8, user, 3, at, name, port),
    )


def socks4_reply(m):
    """Version 4 is accepted, too."""
    ip, port = Concat(*(m[k] for k in range(4, 8))), Concat(m[2], m[3])
    return versioned(m, Or(m[0] == 0, m[0] == 4), SOCKS4_VERSION, 8, whole(m, word(8), m[1], ip, port))


# UDP in TCP. hev-socks5: LEN HDRLEN and an endpoint; gost: LEN FRAG and an endpoint; UDP over TCP: an endpoint with other types and
# LEN, or LEN alone. Then the data. The request of UDP over TCP: ISCONNECT and an endpoint

def data(m, at, length, values):
    return whole(m, at + length.zero_extend(48), at, length, *values)


def hev_datagram(m):
    """HDRLEN is the length of everything before the data."""
    length = lambda used, values: first((word(m[2]) != used, malformed(HEADER_LENGTH, m[2])), data(m, used, Concat(m[0], m[1]), values))
    return then(endpoint(m, 3), lambda used, *values: length(used, values))


def gost_datagram(m):
    return then(endpoint(m, 3, m[2]), lambda used, *values: data(m, used, Concat(m[0], m[1]), values))


def uot_connect_datagram(m, at=BVV(0, 64), values=()):
    return first((ULT(m.n, at + 2), missing(m, at + 2)), data(m, at + 2, Concat(m[at], m[at + 1]), values))


def uot_datagram(m):
    return then(endpoint(m, 0, types=(0, 2, 1), least=6), lambda used, *values: uot_connect_datagram(m, used, values))


def uot_request(m):
    return endpoint(m, 1, If(m[0] == 0, word(0), word(1)))


# Datagrams one after another in one buffer, `stride` bytes each but the last, which may be shorter. Those of a run have one header

def segments(m, length, count):
    """All of one length but the last, which may be shorter."""
    return [*(m.part(k * length, length) for k in range(count - 1)), m.after((count - 1) * length)]


def udp_run(m, stride, count):
    """The first run of a buffer of `count` datagrams, at most three: where it lies, where the data of each lies, and the header."""
    datagrams = segments(m, stride, count)
    header = udp_header(datagrams[0])
    same, end, data = header[0] == VALUE, word(0), [word(0)] * 6
    for k, datagram in enumerate(datagrams):
        same = And(same, ULE(header[1], datagram.n), m.same(0, datagram.origin, header[1]))
        end = If(same, datagram.origin + datagram.n, end)
        data[2 * k:2 * k + 2] = [If(same, part, word(0)) for part in (datagram.origin + header[1], datagram.n - header[1])]
    return first((m.n == 0, words(1)), (header[0] != VALUE, header), words(VALUE, 0, end, *data, *header[3:8]))


def prepended_to_each(header, data, segment, count):
    """What is sent: the header before each segment."""
    return [piece for part in segments(data, segment, count) for piece in (*header, part)]


def max_data(header, length):
    return first((ULT(length, header.n), words(1)), words(2, length - header.n))


# The errors of the states

OFFER, USER_PASS, REQUEST, CLIENT, GSSAPI, SOCKS4_SERVER, SOCKS4_CLIENT = range(1, 8)
SILENT, CLOSED, TRUNCATED, NO_ACCEPTABLE_METHODS, NOT_OFFERED, REJECTED, REFUSED, OUT_OF_ORDER, ABORTED = range(10, 19)


def state(m, message, kind, accept, closed=CLOSED, closing=lambda reason: [(True, b"")]):
    """A state that receives one message; `accept` has the result for the message's length and values."""
    needed = If(message[0] == MISSING, message[1], word(0))
    refuse = lambda reply: error(0, reply, kind, message[1], message[2])
    return first(
        (And(message[0] == MISSING, m.n == 0), error(needed, b"", closed)),
        (message[0] == MISSING, error(needed, b"", TRUNCATED)),
        *((And(message[0] == MALFORMED, condition), refuse(reply)) for condition, reply in closing(message[1])),
        accept(message[1], *message[2:]),
    )


# RFC 1928 section 3, the server: a stream that ends before its first byte is SILENT, not CLOSED

def server_offer(m):
    return state(m, method_offer(m, word(0)), OFFER, lambda used, length, *_: received(used, length), closed=SILENT)


def server_user_pass(m):
    return state(m, user_pass(m), USER_PASS, received, closing=lambda reason: [(True, bytes([1, 1]))])


def failure(code):
    return bytes([5, code, 0, 1, 0, 0, 0, 0, 0, 0])


def server_request(m):
    kind = If(m[1] == 1, word(1), If(m[1] == 2, word(2), If(m[1] == 3, word(3), word(4))))
    accept = lambda used, command, *rest: received(used, command, kind, *rest)
    return state(m, request(m), REQUEST, accept, closing=lambda reason: [(reason == ADDRESS_TYPE, failure(8)), (True, failure(1))])


def choice(m, method, call):
    """Moves 0 and 1 select methods 0 and 2, 2 any other but FF, 3 method 1, 4 to 6 log in, 7 refuses."""
    def select(code, next, otherwise=words(1)):
        return first((m.contains(2, word(m[1]), code), words(VALUE, code, next)), otherwise)

    user_pass, anonymous = select(2, 1), select(0, 0)
    other = first((Or(method == 0, method == 2, method == 0xFF), words(1)), select(method, word(method) + 256))
    moves = [anonymous, user_pass, other, select(1, 2), user_pass, select(2, 1, anonymous), select(0, 0, user_pass), words(VALUE, 0xFF, 3)]
    return first((server_offer(m)[1] != VALUE, words(2)), *((call == k, move) for k, move in enumerate(moves)), words(1))


# the client

def selected(m, *allowed):
    """One of the methods `allowed`, each with a condition and what follows; FF is never one."""
    unacceptable = first((m[1] == 0xFF, error(0, b"", NO_ACCEPTABLE_METHODS)), error(0, b"", NOT_OFFERED, m[1]))
    accept = lambda used, *_: first(*((condition, received(used, *next)) for condition, next in allowed), unacceptable)
    return state(m, method_selection(m), CLIENT, accept)


def client_status(m):
    accept = lambda used, status, *_: first((status == 0, received(used)), error(0, b"", REJECTED, status))
    return state(m, user_pass_status(m), CLIENT, accept)


def early_refusal(m, message, version, success, kind):
    """A failure is known by its first two bytes."""
    early = ULT(m.n, 2)
    short = [message[0], If(And(early, message[0] == MISSING), 2 - m.n, message[1]), *message[2:]]
    accepted = state(m, short, kind, lambda used, code, *bound: received(used, *bound))
    return first((And(Not(early), version, m[1] != success), error(0, b"", REFUSED, m[1])), accepted)


def client_reply(m):
    return early_refusal(m, reply(m), m[0] == 5, 0, CLIENT)


def in_a_row(before, after):
    """Two states in a row: the second has what the first leaves."""
    both = [after[0], after[1], If(after[1] == VALUE, after[2] + 2, after[2]), *after[3:]]
    return first((And(before[0] == 0, before[1] == VALUE), both), before)


def client_answers(m, with_credentials):
    none = in_a_row(selected(m, (m[1] == 0, [])), client_reply(m.after(2)))
    status = in_a_row(client_status(m.after(2)), client_reply(m.after(4)))
    some = in_a_row(selected(m, (m[1] == 2, [])), status)
    return first((with_credentials == 0, none), some)


def passed_on(state):
    """The reply code with which a proxy refuses its own client if the next proxy failed: that of a refusal, or 1."""
    return first((state[1] == VALUE, words()), (state[5] == REFUSED, words(1, state[6])), words(1, 1))


# RFC 1961, both sides

def gssapi(m, expected):
    accept = lambda used, kind, *token: first(
        (kind == expected, received(used, *token)),
        (kind == 0xFF, error(0, b"", ABORTED)),
        error(0, bytes([1, 0xFF]), OUT_OF_ORDER, kind),
    )
    return state(m, gssapi_message(m), GSSAPI, accept, closing=lambda reason: [(True, bytes([1, 0xFF]))])


# SOCKS4

def socks4_server_request(m):
    kind = If(m[1] == 1, word(1), If(m[1] == 2, word(2), word(4)))
    rejected = bytes([0, 0x5B, 0, 0, 0, 0, 0, 0])
    return state(m, socks4_request(m), SOCKS4_SERVER, lambda used, *rest: received(used, kind, *rest), closed=SILENT,
                 closing=lambda reason: [(reason == SOCKS4_VERSION, b""), (True, rejected)])


def socks4_client_reply(m):
    return early_refusal(m, socks4_reply(m), Or(m[0] == 0, m[0] == 4), 0x5A, SOCKS4_CLIENT)


# SOCKS5 and SOCKS4 on one port: the first byte, which is not consumed

def either_protocol(m):
    known = first((Or(m[0] == 4, m[0] == 5), received(0, m[0])), error(0, b"", OFFER, VERSION, m[0]))
    return first((m.n == 0, error(1, b"", SILENT)), known)


def either_request(state, command, kind, protocol):
    """The result of the protocol's own state, but of a request only the command, the kind, and the protocol of the reply."""
    return first((And(state[0] == 0, state[1] == VALUE), received(state[2], command, kind, protocol)), state)


# What is sent, from the same figures: bytes, and strings of any content

def endpoint_sent(kind, value, types=(1, 3, 4)):
    high, low, port = value.address
    ipv4, name, ipv6 = [*low[31:].chop(8)], [value.first.n[7:], value.first], [*high.chop(8), *low.chop(8)]
    at = (1, 3, 4).index(kind)
    return [types[at], *(ipv4, name, ipv6)[at], *port[15:].chop(8)]


def sent(message, kind, value):
    code, first, second, (_, ip, port) = value.code[7:], value.first, value.second, value.address
    endpoint = lambda *types: endpoint_sent(kind, value, *types)
    length = lambda string: string.n[15:].chop(8)
    header = {1: 10, 4: 22, 3: first.n[7:] + 7}
    return {
        "method_offer": lambda: [5, first.n[7:], first],
        "method_selection": lambda: [5, code],
        "user_pass": lambda: [1, first.n[7:], first, second.n[7:], second],
        "user_pass_status": lambda: [1, code],
        "request": lambda: [5, code, 0, *endpoint()],
        "reply": lambda: [5, code, 0, *endpoint()],
        "udp_header": lambda: [0, 0, code, *endpoint()],
        "endpoint": endpoint,
        "gssapi_message": lambda: [1, 0xFF] if kind == 0xFF else [1, kind, *length(first), first],
        "socks4_reply": lambda: [0, code, *port[15:].chop(8), *ip[31:].chop(8)],
        "either_reply": lambda: sent("reply" if kind else "socks4_reply", kind, value),
        "hev_datagram": lambda: [*length(second), header[kind], *endpoint(), second],
        "gost_datagram": lambda: [*length(second), 0xFF, *endpoint(), second],
        "uot_request": lambda: [If(code == 0, BVV(0, 8), BVV(1, 8)), *endpoint()],
        "uot_datagram": lambda: [*endpoint((0, 2, 1)), *length(second), second],
        "uot_connect_datagram": lambda: [*length(second), second],
    }[message]()


def socks4_request_sent(m, user, name):
    """A request that was decoded: 0.0.0.1 announces a name."""
    return [*(m[k] for k in range(4)), *((0, 0, 0, 1) if name else (m[k] for k in range(4, 8))), user, 0, *((name, 0) if name else ())]
