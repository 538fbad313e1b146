//! Compares the public API in rustdoc's JSON with the committed one. `.ci/api` runs it.

use std::env;
use std::path::Path;

use public_api::Builder;

fn main() {
    let mut args = env::args().skip(1);
    let json = args.next().expect("the path of rustdoc's JSON");
    let snapshot = args.next().expect("the name of the snapshot");
    let api = Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .expect("public-api understands this compiler's JSON; else another version is needed");
    api.assert_eq_or_update(Path::new(env!("CARGO_MANIFEST_DIR")).join(snapshot));
}
