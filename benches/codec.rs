//! How long each message takes to decode and to encode, and how long its floor: `cargo bench --bench codec`.

mod cases;
mod floor;
mod times;

fn main() -> std::io::Result<()> {
    times::measure(cases::codec::all())
}
