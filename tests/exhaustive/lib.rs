//! Every script of either side, up to a bound.
