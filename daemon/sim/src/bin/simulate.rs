//! Prints the simulated numbers of clusters of the given sizes (20, 100 and 1,000 by default), and how long each took to simulate.

use sim::network::Link;
use sim::numbers::measure;
use std::io::{Write, stdout};
use std::time::Instant;

fn main() -> std::io::Result<()> {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![20, 100, 1_000] } else { sizes };
    for nodes in sizes {
        for (name, link) in [("LAN", Link::LAN), ("20-80 ms, 5 % loss", Link::WAN)] {
            let begin = Instant::now();
            let numbers = measure(1, nodes, link);
            writeln!(stdout(), "{name}: {numbers:?}, simulated in {:.1} s", begin.elapsed().as_secs_f64())?;
        }
    }
    Ok(())
}
