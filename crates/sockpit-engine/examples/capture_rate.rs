//! Captures what comes to a UDP port of the loopback into a file, and says how much that was:
//! `capture_rate PORT FILE`, ended by a byte on stdin or its end.

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::thread;

use sockpit_core::bpf::{Protocols, Selection, Wanted};
use sockpit_engine::capture::{self, Capture, Place, Request};

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let missing = || io::Error::other("usage: capture_rate PORT FILE");
    let port = arguments.next().ok_or_else(missing)?;
    let path = arguments.next().ok_or_else(missing)?;
    let port = port.parse().map_err(io::Error::other)?;
    let mut capture = Capture::open(&Request {
        place: Place::Named("lo".to_owned()),
        wanted: Wanted::Selection(Selection {
            protocols: Protocols::Udp,
            ports: vec![port],
            ..Selection::default()
        }),
    })
    .map_err(io::Error::other)?;
    writeln!(io::stderr(), "capturing on lo")?;
    let stopper = capture.stopper();
    thread::spawn(move || {
        // Whatever it was, it ends the capture.
        let _ = io::stdin().read(&mut [0]);
        stopper.stop();
    });
    let file = File::create(path)?;
    let recorded = capture::record(&mut capture, "sockpit", file, |_| ControlFlow::Continue(()))?;
    writeln!(
        io::stderr(),
        "{} packets, {} lost, {} bytes",
        recorded.packets,
        recorded.statistics.dropped,
        recorded.len
    )
}
