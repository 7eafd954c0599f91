//! Places in a view: what is looked for, what is told of elsewhere, and bookmarks.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use sockpit_core::event::Direction;
use sockpit_core::history::{Found, Identity, Search, Spot, View, Way};
use sockpit_core::rule::Pattern;
use sockpit_core::time::Time;

use super::{BUDGET, Named, no_row};
use crate::workbench::Shared;
use crate::workbench::call::{Answer, told};
use crate::workbench::complaint::Complaint;
use crate::workbench::page::Page;

/// Bookmarks that are listed.
const MOST_MARKS: usize = 10_000;

/// In bytes: what a bookmark may say.
const LONGEST_NOTE: usize = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sought {
    view: u32,
    from: u64,
    #[serde(default)]
    back: bool,
    text: Option<String>,
    re: Option<String>,
    hex: Option<String>,
    /// Whether upper and lower case are the same, in text and expressions.
    #[serde(default)]
    any_case: bool,
}

pub(super) async fn find(page: &Arc<Page>, sought: Sought) -> Answer {
    let reader = page.timeline.reader(sought.view)?;
    let pattern = pattern(&sought)?;
    let way = match sought.back {
        true => Way::Back,
        false => Way::On,
    };
    let mut search = Search::new(pattern, sought.from, way);
    let found = reader
        .work(
            move |view, history| match view.find(history, &mut search, BUDGET) {
                Found::At(index) => Some(Some(index)),
                Found::Nowhere => Some(None),
                Found::Unfinished => None,
            },
        )
        .await?;
    told(json!({ "i": found }))
}

fn pattern(sought: &Sought) -> Result<Pattern, Complaint> {
    let cased = |expression: &str| match sought.any_case {
        true => format!("(?i:{expression})"),
        false => expression.to_owned(),
    };
    let (pattern, field) = match (&sought.text, &sought.re, &sought.hex) {
        (Some(text), None, None) if sought.any_case => {
            (Pattern::regex(&cased(&literal(text))), "text")
        }
        (Some(text), None, None) => (Pattern::contains(text), "text"),
        (None, Some(expression), None) => (Pattern::regex(&cased(expression)), "re"),
        (None, None, Some(hex)) => (Pattern::hex(hex), "hex"),
        _ => {
            let message = "say one of `text`, `re` and `hex` to be found";
            return Err(Complaint::new(message));
        }
    };
    pattern.map_err(|error| Complaint::new(error.to_string()).field(field))
}

/// The expression that matches just this text.
fn literal(text: &str) -> String {
    let mut expression = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_punctuation() {
            expression.push('\\');
        }
        expression.push(character);
    }
    expression
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    view: u32,
    n: Option<u64>,
    at: Option<u64>,
    session: Option<u32>,
    peer: Option<u32>,
    dir: Option<Dir>,
    off: Option<u64>,
}

/// A direction, as pages write it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Dir {
    In,
    Out,
}

impl From<Dir> for Direction {
    fn from(dir: Dir) -> Self {
        match dir {
            Dir::In => Self::In,
            Dir::Out => Self::Out,
        }
    }
}

pub(super) async fn locate(page: &Arc<Page>, place: Place) -> Answer {
    let Place {
        view,
        n,
        at,
        session,
        peer,
        dir,
        off,
    } = place;
    let reader = page.timeline.reader(view)?;
    let spot = match (n, at, (session, peer, dir, off)) {
        (Some(number), None, (None, None, None, None)) => Spot::Number(number),
        (None, Some(at), (None, None, None, None)) => Spot::Time(Time::from_nanos(at)),
        (None, None, (Some(session), Some(peer), Some(direction), Some(offset))) => Spot::Byte {
            session,
            peer,
            direction: direction.into(),
            offset,
        },
        _ => {
            let message = "say `n`, or `at`, or `session`, `peer`, `dir` and `off`";
            return Err(Complaint::new(message));
        }
    };
    let found = reader
        .ask(move |view, history| view.locate(history, spot))
        .await?;
    told(json!({ "i": found }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    view: u32,
    i: u64,
    note: Option<String>,
}

pub(super) async fn mark(bench: &Shared, page: &Arc<Page>, mark: Mark) -> Answer {
    let Mark { view, i, note } = mark;
    if note.as_ref().is_some_and(|note| note.len() > LONGEST_NOTE) {
        let message = format!("a bookmark has at most {LONGEST_NOTE} bytes");
        return Err(Complaint::new(message).field("note"));
    }
    let reader = page.timeline.reader(view)?;
    let identity: Option<Identity> = reader
        .ask(move |view, history| view.identity(history, i))
        .await?;
    let Some(identity) = identity else {
        return Err(no_row(i));
    };
    let keeper = &bench.timeline.keeper;
    keeper
        .alter(move |history| history.mark(identity, note))
        .await?;
    told(())
}

pub(super) async fn marks(page: &Arc<Page>, Named { view }: Named) -> Answer {
    let reader = page.timeline.reader(view)?;
    let marks = reader.ask(View::marks).await?;
    let marks = marks.into_iter().take(MOST_MARKS).map(|marked| {
        json!({
            "i": marked.index,
            "n": marked.identity.number,
            "at": marked.time.as_nanos(),
            "note": marked.note,
        })
    });
    Ok(marks.collect())
}
