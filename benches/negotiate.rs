//! How long whole handshakes take, and how long their floors: `cargo bench --bench negotiate`.

mod cases;
mod floor;
mod times;

fn main() -> std::io::Result<()> {
    times::measure(cases::negotiate::all())
}
