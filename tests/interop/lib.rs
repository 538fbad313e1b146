//! The example programs against programs that others wrote.
