"""The notation of the specification: a result is a list of words, and zeros after them."""

from claripy import BVV, If, ULT

LENGTH = 16

# Results of a decoder: a value with its length, the number of missing bytes, or the reason why the input is malformed.
VALUE, MISSING, MALFORMED = 0, 1, 2


def word(value):
    return BVV(value, 64) if isinstance(value, int) else value.zero_extend(64 - value.size())


def shorter(length, other):
    return If(ULT(length, other), length, other)


def words(*values):
    return [word(value) for value in values] + [BVV(0, 64)] * (LENGTH - len(values))


def first(*cases):
    """The result of the first condition that holds; the last case has none."""
    *cases, otherwise = cases
    for condition, result in reversed(cases):
        otherwise = [If(condition, a, b) for a, b in zip(result, otherwise)]
    return otherwise


def value(used, *values):
    return words(VALUE, used, *values)


def malformed(reason, byte=0):
    return words(MALFORMED, reason, byte)


def missing(m, total):
    return words(MISSING, word(total) - m.n)


def whole(m, total, *values):
    """The value, if there are `total` bytes."""
    return first((ULT(m.n, total), missing(m, total)), value(total, *values))


def versioned(m, is_version, reason, least, *cases):
    """A message of at least `least` bytes; the cases are for those whose first byte is its version."""
    return first((m.n == 0, missing(m, least)), (m[0] == is_version if isinstance(is_version, int) else is_version, first(*cases)),
                 malformed(reason, m[0]))


def then(decoded, more):
    """`decoded`, unless it is a value: then the result of `more` for its length and values."""
    return first((decoded[0] != VALUE, decoded), more(decoded[1], *decoded[2:]))


# Results of a state: the number of missing bytes, then a value with its length, or an error with its closing reply.

def received(used, *values):
    return words(0, VALUE, used, *values[:LENGTH - 3])


def error(needed, closing, *values):
    number = int.from_bytes(closing)
    return words(needed, 1, len(closing), number >> 64, number & (1 << 64) - 1, *values)
