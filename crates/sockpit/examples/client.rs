//! A client: it sends lines, prints what comes back, and ends when the server does.
//!
//! ```sh
//! cargo run --example server
//! cargo run --example client -- 127.0.0.1:7000 'set colour blue' 'get colour'
//! ```
//!
//! Any server that speaks lines will do, such as `sockpit listen :7000 --frame lines --reply upper`.

#![expect(clippy::print_stdout, reason = "an example prints for its reader")]

use std::error::Error;
use std::sync::Arc;

use sockpit::core::endpoint::Endpoint;
use sockpit::core::event::{Direction, What};
use sockpit::core::frame::Framing;
use sockpit::core::plan::{Options, Plan, Role};
use sockpit::core::session::Input;
use sockpit::engine::bus::View;
use sockpit::engine::{Target, Workbench};

/// Events that may wait to be printed. Who falls further behind is told how many were missed.
const WAITING: usize = 1024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let address = words.next();

    // A plan is an endpoint with everything decided: what the options leave open gets its default.
    let endpoint: Endpoint = address.as_deref().unwrap_or("127.0.0.1:7000").parse()?;
    let options = Options {
        frame: Some(Framing::Lines),
        ..Options::default()
    };
    let plan = Arc::new(Plan::resolve(Role::Client, &endpoint, options)?);

    // The workbench has a thread of its own for sockets. Whoever subscribes before a session is
    // opened misses nothing of it.
    let bench = Workbench::start()?;
    let view = bench.handle().view(WAITING).await;
    let printer = tokio::spawn(print(view));
    let session = bench.handle().talk(plan.clone(), Input::Open, None).await?;

    // `message` frames a text for the wire, or says why the framing cannot carry it. Each `send`
    // waits while the peer does not take what was sent before.
    for word in words {
        let message = plan.message(word.into())?;
        session.send(Target::Latest, message).await;
    }

    // Nothing more is sent, but what the server still says is read to its end.
    session.finish(Target::Latest).await;
    let outcome = session.outcome().await;

    // Without its workbench the view ends, after its last event.
    drop(bench);
    printer.await?;
    let reason = outcome.reason.as_str();
    println!(
        "{reason}: {} bytes sent, {} received",
        outcome.sent, outcome.received
    );
    for failure in outcome.failures {
        println!("{}", failure.message);
    }
    Ok(())
}

/// Prints the messages of both directions, and what went wrong.
async fn print(mut view: View) {
    while let Some(event) = view.next().await {
        match &event.what {
            What::Opened { addr, .. } => println!("connected to {addr}"),
            What::Frame {
                direction,
                text: Some(text),
                ..
            } => {
                let arrow = match direction {
                    Direction::In => "←",
                    Direction::Out => "→",
                };
                println!("{arrow} {text}");
            }
            What::Gap { count } => println!("({count} events are not shown)"),
            _ => {}
        }
    }
}
