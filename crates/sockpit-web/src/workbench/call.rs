//! Calls: what a page wants done, by whom, and what came of it.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sockpit_core::plan::Plan;
use sockpit_core::strings::Language;
use sockpit_engine::{Error, doctor};
use tokio::task::spawn_blocking;

use super::complaint::Complaint;
use super::page::Page;
use super::{Shared, desk, drones, nets, ports, rooms, timeline, wire};

/// What came of a call.
pub(super) type Answer = Result<Value, Complaint>;

/// A call as a page writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) id: u64,
    pub(super) op: String,
    #[serde(default)]
    with: Option<Value>,
}

/// What a call comes with.
#[derive(Debug)]
pub(super) struct With(Value);

impl Call {
    /// Carries it out: the word before the dot says which area does that.
    pub(super) async fn carry_out(self, bench: &Shared, page: &Arc<Page>) -> Answer {
        let op = self.op.as_str();
        let with = With::new(self.with);
        match op.split('.').next().unwrap_or_default() {
            "session" | "compose" | "send" | "every" | "job" | "list" | "rules" => {
                desk::answer(bench, page, op, with).await
            }
            "view" | "filter" | "values" | "series" => {
                timeline::answer(bench, page, op, with).await
            }
            "wire" => wire::answer(bench, page, op, with).await,
            "ports" => ports::answer(bench, page, op, with).await,
            "nets" | "doctor" => nets::answer(bench, page, op, with).await,
            "room" | "chat" => rooms::answer(bench, page, op, with).await,
            "tello" => drones::answer(bench, page, op, with).await,
            "page" => of_page(page, op, with),
            _ => Err(Complaint::unknown(op)),
        }
    }
}

/// What concerns the page alone.
fn of_page(page: &Page, op: &str, with: With) -> Answer {
    match op {
        "page.language" => {
            let Speak { lang } = with.read()?;
            let language = lang.parse::<Language>();
            page.speak(language.map_err(|error| Complaint::new(error.to_string()).field("lang"))?);
            Ok(Value::Null)
        }
        _ => Err(Complaint::unknown(op)),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Speak {
    lang: String,
}

impl With {
    pub(super) fn new(with: Option<Value>) -> Self {
        Self(with.unwrap_or_else(|| Map::new().into()))
    }

    /// Reads it as what the call takes.
    ///
    /// # Errors
    ///
    /// Says what is missing, too much, or of another kind.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, Complaint> {
        serde_json::from_value(self.0)
            .map_err(|error| Complaint::new(format!("the call does not fit: {error}")))
    }

    /// It as it is.
    pub(super) fn value(self) -> Value {
        self.0
    }
}

/// What an answer says.
///
/// # Errors
///
/// None for what can be written as JSON.
pub(super) fn told<T: Serialize>(value: T) -> Answer {
    serde_json::to_value(value)
        .map_err(|error| Complaint::new(format!("the answer cannot be written: {error}")))
}

/// Has a thread do what may block.
pub(super) async fn waited<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Complaint> {
    let done = spawn_blocking(work).await;
    done.map_err(|_| Complaint::new("what was asked for has failed, which is a mistake of Sockpit"))
}

/// Why something could not be opened, and what would help: who holds a port is looked up in files
/// of the system.
pub(super) async fn refusal(error: Error, plan: Arc<Plan>) -> Complaint {
    let complaint = Complaint::from(&error);
    match waited(move || doctor::hint(&error, &plan)).await {
        Ok(Some(hint)) => complaint.hint(hint),
        _ => complaint,
    }
}
