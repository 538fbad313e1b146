#!/bin/bash -eu
# Licensed under the Apache License, Version 2.0: http://www.apache.org/licenses/LICENSE-2.0
#
# Builds the fuzz targets of this project with their seeds. Those named peer_* compare with other crates, whose faults are not ours
# to report: they are left out. The invariants that the code states as `debug_assert!` are checked.

cd "$SRC/socks5-sansio/fuzz"
cargo fuzz build --release --debug-assertions --no-default-features

for target in $(cargo fuzz list | grep --invert-match '^peer_'); do
  cp "target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
  zip --quiet --recurse-paths --junk-paths "$OUT/${target}_seed_corpus.zip" "corpus-seed/$target"
  printf '[libfuzzer]\nmax_len = 2048\n' >"$OUT/$target.options"
done
