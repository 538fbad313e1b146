//! Prints the allocations of a call, cell by cell. A separate program, since counting them takes time.

use peers::crates;

const CALLS: u64 = 1000;

fn main() {
    for cell in crates::all().iter().flat_map(|peer| &peer.cells) {
        let counted = allocation_counter::measure(|| {
            (cell.repeat)(CALLS);
        });
        println!("{}", counted.count_total / CALLS);
    }
}
