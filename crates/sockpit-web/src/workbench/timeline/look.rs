//! What a page wants to see of the history, as it says it.

use serde::Deserialize;
use sockpit_core::filter::{Clock, Filter, FilterError};
use sockpit_core::frame::Framing;
use sockpit_core::history::Look;
use sockpit_core::record::Epoch;
use sockpit_core::text::charset::Charset;

use crate::workbench::complaint::Complaint;

/// The fields of `view.open`, and those of `view.change`, which names the view.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    pub(super) view: Option<u32>,
    session: Option<u32>,
    #[serde(default)]
    filter: String,
    frame: Option<String>,
    text: Option<String>,
    #[serde(default)]
    packets: bool,
    #[serde(default)]
    chunks: bool,
    /// What the page's local time is ahead of UTC, in seconds: for times of day in filters and files.
    #[serde(default)]
    utc_offset: i32,
}

impl Wanted {
    /// It as the history takes it.
    ///
    /// # Errors
    ///
    /// Says which field does not fit.
    pub(super) fn look(&self, epoch: Epoch) -> Result<Look, Complaint> {
        Ok(Look {
            session: self.session,
            filter: filter(&self.filter)?,
            clock: Clock {
                epoch,
                // Nobody lives further from UTC than a day.
                utc_offset: self.utc_offset.clamp(-86_400, 86_400),
            },
            framing: framing(self.frame.as_deref())?,
            text: charset(self.text.as_deref())?,
            packets: self.packets,
            chunks: self.chunks,
        })
    }
}

/// A filter; an empty one wants everything.
pub(super) fn filter(text: &str) -> Result<Option<Filter>, Complaint> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    match text.parse() {
        Ok(filter) => Ok(Some(filter)),
        Err(error) => Err(complain(text, &error)),
    }
}

/// Where a filter is wrong: from the column that is named to the end of the word there.
fn complain(text: &str, error: &FilterError) -> Complaint {
    let complaint = Complaint::new(error.to_string()).field("filter");
    let before = error.column().saturating_sub(1);
    let start = text
        .char_indices()
        .nth(before)
        .map_or(text.len(), |(at, _)| at);
    let rest = text.get(start..).unwrap_or_default();
    let word = rest
        .find(|c: char| c.is_whitespace() || matches!(c, '(' | ')'))
        .unwrap_or(rest.len());
    let first = rest.chars().next().map_or(0, char::len_utf8);
    complaint.at_bytes(text, start..start + word.max(first))
}

fn framing(text: Option<&str>) -> Result<Option<Framing>, Complaint> {
    let parse = |text: &str| {
        let framing = text.parse::<Framing>();
        framing.map_err(|error| Complaint::new(error.to_string()).field("frame"))
    };
    text.map(parse).transpose()
}

/// `none` is no text at all; nothing said is what each session has.
fn charset(text: Option<&str>) -> Result<Option<Option<Charset>>, Complaint> {
    match text {
        None => Ok(None),
        Some("none") => Ok(Some(None)),
        Some(label) => match label.parse() {
            Ok(charset) => Ok(Some(Some(charset))),
            Err(error) => {
                let error: <Charset as std::str::FromStr>::Err = error;
                Err(Complaint::new(error.to_string()).field("text"))
            }
        },
    }
}
