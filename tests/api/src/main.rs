//! Compares the public API, as rustdoc's JSON has it, with the one that was committed. `.ci/api` runs it.

use std::env;

use public_api::Builder;

fn main() {
    let json = env::args_os().nth(1).expect("the path of rustdoc's JSON");
    let api = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .expect("public-api understands this compiler's JSON; else it wants another version");
    api.assert_eq_or_update(concat!(env!("CARGO_MANIFEST_DIR"), "/public-api.txt"));
}
