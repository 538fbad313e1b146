# The commands of CONTRIBUTING.md and benches/README.md as recipes: `just --list` shows them.

# The recipes
[private]
default:
    @{{ just_executable() }} --list --unsorted --justfile {{ justfile() }}

# What every change must pass; on Debian 12, as root: installs what the tests need
ci:
    bash .ci/run

# The tests of the workspace, and the code of README, documentation and guides
test *ARGS:
    cargo test --workspace {{ ARGS }}

# The example server, with clients and surroundings that fail
faults:
    cargo test -p tokio-socks5-sansio --test faults

# Every sequence of messages that a peer can send, up to a bound, whole and truncated at every byte
exhaustive:
    cargo test -p socks5-sansio-exhaustive

# The examples byte by byte, and with curl, OpenSSH, dante and others; INTEROP_REQUIRED=1 makes a missing program a failure
interop:
    cargo test -p socks5-sansio-interop

# The core without a runtime, and without sockets
no-runtime:
    cargo run -p socks5-sansio-event-loop
    cargo run -p socks5-sansio-smoltcp

# The page of the guide on TLS, with rustls
tls:
    cargo test --manifest-path examples/tls/Cargo.toml

# No word is used that has a plainer one
words:
    .ci/words

# The public API; `just api --update` accepts the present one
api *ARGS:
    .ci/api {{ ARGS }}

# Rust 1.85, and the lowest versions of the dependencies
oldest:
    .ci/oldest

# No std and no allocator: this machine, an emulated Cortex-M4, WebAssembly
bare:
    .ci/bare

# The example server under Valgrind
memcheck:
    .ci/memcheck

# GSSAPI with a real KDC, libcurl and dante
gssapi:
    .ci/gssapi

# HTTP/3 through the example server, dante and fast-socks5
http3:
    .ci/http3

# Instructions of each operation, within limits
instructions:
    cargo bench -p socks5-sansio-benches --bench instructions

# The same in nanoseconds
times:
    cargo bench -p socks5-sansio-benches --bench codec
    cargo bench -p socks5-sansio-benches --bench negotiate

# This crate beside others: instructions, allocations and nanoseconds
[working-directory("benches/peers")]
peers:
    cargo bench --ignore-rust-version

# The same loads on the example server of an older commit and on the present one
load *ARGS:
    benches/load/run {{ ARGS }}

# QUIC through the example server and its peers
quic *ARGS:
    benches/quic/run {{ ARGS }}

# The time to build other crates, and their dependencies
build-times:
    benches/peers/build-times

# Each fuzz target; `just fuzz 60`, `just fuzz --asan-corpus`, `just fuzz --grow 60`
fuzz *ARGS:
    .ci/fuzz {{ ARGS }}

# The tests reach every region of src/
coverage:
    .ci/coverage

# The tests catch every mutant of src/
mutants:
    cargo mutants -j2

# Theorems about the compiled code; `just prove request` proves those with `request` in their name
prove *ARGS:
    .ci/prove {{ ARGS }}

# Licences, sources and versions of the dependencies, for all systems
deny:
    cargo deny --locked check bans licenses sources
