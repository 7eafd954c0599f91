//! A server with a protocol of its own: a store of names and values for many peers at once.
//!
//! ```sh
//! cargo run --example server -- 127.0.0.1:7000
//! printf 'set colour blue\nget colour\n' | sockpit connect localhost:7000
//! ```
//!
//! The protocol is a [`Machine`]: bytes and time go in, outputs are drained.

#![expect(clippy::print_stdout, reason = "an example prints for its reader")]

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::sync::{Arc, Mutex};

use sockpit::core::endpoint::Endpoint;
use sockpit::core::event::What;
use sockpit::core::frame::{Decoder, Framing};
use sockpit::core::machine::{Fault, Machine, Output, Reason};
use sockpit::core::plan::{Options, Plan, Role};
use sockpit::core::time::Time;
use sockpit::engine::Workbench;

/// What every peer reads and writes.
type Store = Arc<Mutex<BTreeMap<String, String>>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let endpoint: Endpoint = address.as_deref().unwrap_or("127.0.0.1:7000").parse()?;
    let plan = Arc::new(Plan::resolve(Role::Server, &endpoint, Options::default())?);

    // The engine asks for a machine for each peer, and gives it its link and its clock.
    let store = Store::default();
    let bench = Workbench::start()?;
    let talk = move |_, _| Talk {
        store: store.clone(),
        // A line of more than a kibibyte ends the conversation.
        lines: Framing::Lines.decoder(1024),
        outputs: VecDeque::new(),
    };
    let session = bench.handle().open(plan, talk).await?;
    println!("listening on {}", session.local().join(", "));

    tokio::signal::ctrl_c().await?;
    // No new peers come, and what is queued is sent.
    session.close();
    session.outcome().await;
    Ok(())
}

/// The conversation with one peer.
struct Talk {
    store: Store,
    lines: Decoder,
    outputs: VecDeque<Output<What>>,
}

/// What is answered to one line.
fn answer(store: &Store, line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    let mut store = store.lock().expect("no holder of the store panics");
    match words[..] {
        ["set", name, value] => {
            store.insert(name.into(), value.into());
            "ok\n".into()
        }
        ["get", name] => store.get(name).cloned().unwrap_or_default() + "\n",
        _ => "say `set NAME VALUE` or `get NAME`\n".into(),
    }
}

impl Machine for Talk {
    type Event = What;

    fn handle_input(&mut self, now: Time, chunk: &[u8]) {
        // Half a line is kept until its rest comes.
        let pushed = self.lines.push(now, chunk, |line| {
            let text = answer(&self.store, line.payload);
            self.outputs.push_back(Output::Transmit(text.into()));
        });
        if pushed.is_err() {
            self.outputs.push_back(Output::Close(Reason::Limit));
        }
    }

    fn handle_end(&mut self, _: Time) {
        self.outputs.push_back(Output::Close(Reason::Fin));
    }

    // A fault that ends the link ends the conversation by itself, and no time is asked for.
    fn handle_fault(&mut self, _: Time, _: Fault) {}
    fn handle_timeout(&mut self, _: Time) {}

    fn poll_output(&mut self) -> Output<What> {
        self.outputs.pop_front().unwrap_or(Output::Wait(None))
    }
}
