//! What rules cost: an echo that twenty patterns have to be asked for.

use std::fmt::Write;
use std::io;

use super::Bench;
use super::comparison::{Comparison, Contender};
use super::echo::announced;
use super::scratch::Scratch;
use super::table::{Target, Unit};

/// Half of them look for a text, half for an expression; the last one fits.
const RULES: usize = 20;

/// Connections with a 64-byte message under way each.
const PEERS: usize = 50;

pub(super) fn comparison(bench: &Bench) -> io::Result<Comparison<'_>> {
    let file = Scratch::holding("rules.toml", rules().as_bytes())?;
    let measure = move |answer: [String; 2]| {
        move || {
            let listen = &mut bench.listen(&["tcp://127.0.0.1:0", &answer[0], &answer[1]]);
            let [rate, ..]: [f64; 3] = announced(bench, "echo", PEERS, listen)?;
            Ok(rate)
        }
    };
    let path = file.path().to_string_lossy().into_owned();
    let with_rules = measure(["--rules".to_owned(), path]);
    // The file stays for as long as the contender does.
    let with_rules = move || {
        let _ = &file;
        with_rules()
    };
    let without = measure(["--reply".to_owned(), "echo".to_owned()]);
    Ok(Comparison::new(
        format!("rules: {PEERS} TCP connections, 64-byte round trips, {RULES} rules"),
        Unit::PerSecond,
        vec![
            Contender::new("sockpit listen --rules", with_rules),
            Contender::new("sockpit listen --reply echo", without)
                .with_target(Target::RatioAtLeast(0.7)),
        ],
    ))
}

fn rules() -> String {
    let mut text = String::new();
    for number in 1..RULES {
        let pattern = match number % 2 {
            0 => format!(r"regex = '^command-{number} (\w+) (\d+)'"),
            _ => format!("contains = \"word-{number}\""),
        };
        let _ = writeln!(text, "[[rule]]\n{pattern}\nreply = \"{number}\"\n");
    }
    text + "[[rule]]\nregex = '^x+$'\necho = true\n"
}
