//! The steps of an examination, as objects.

use std::time::Duration;

use serde_json::{Map, Value, json};
use sockpit_engine::cause_text;
use sockpit_engine::doctor::{Answer, Destination, Step, answer_text};

use crate::exit::sentence_of;

/// A step as one object.
pub(super) fn object(step: &Step, took: Duration) -> Value {
    let (kind, fields) = match step {
        Step::Name { name, found } => {
            let addrs = found.as_ref().map(|addrs| {
                addrs
                    .iter()
                    .map(|addr| addr.ip().to_string())
                    .collect::<Vec<_>>()
            });
            let error = found.as_ref().err().map(sentence_of);
            (
                "name",
                json!({ "name": name, "addresses": addrs.unwrap_or_default(), "error": error }),
            )
        }
        Step::Way { to, way } => {
            let error = way.as_ref().err().map(cause_text);
            let way = way.as_ref().ok();
            let fields = json!({
                "to": to.to_string(),
                "interface": way.and_then(|way| way.interface.clone()),
                "gateway": way.and_then(|way| way.gateway).map(|ip| ip.to_string()),
                "source": way.and_then(|way| way.source).map(|ip| ip.to_string()),
                "local": way.map(|way| way.fate == Destination::Here),
                "error": error,
            });
            ("route", fields)
        }
        Step::File { path, found } => {
            let file = found.as_ref().ok();
            let fields = json!({
                "path": path.to_string_lossy(),
                "socket": file.map(|file| file.is_socket),
                "mode": file.map(|file| format!("{:03o}", file.mode)),
                "uid": file.map(|file| file.uid),
                "error": found.as_ref().err().map(cause_text),
            });
            ("file", fields)
        }
        Step::Asked { addr, answer } => {
            let by = match answer {
                Answer::Refused(by) | Answer::Unreachable(by, _) => *by,
                _ => None,
            };
            let fields = json!({
                "to": addr.map(|addr| addr.to_string()),
                "answer": answer_word(answer),
                "by": by.map(|ip| ip.to_string()),
                "message": answer_text(answer),
            });
            ("answer", fields)
        }
        Step::Holders(owners) => {
            let owners: Vec<_> = owners.iter().map(crate::command::ports::object).collect();
            ("holders", json!({ "holders": owners }))
        }
    };
    let mut object = Map::new();
    object.insert("step".to_owned(), json!(kind));
    object.insert("took_ms".to_owned(), json!(took.as_secs_f64() * 1_000.0));
    if let Value::Object(fields) = fields {
        object.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Value::Object(object)
}

fn answer_word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Open => "open",
        Answer::Heard => "answered",
        Answer::Taken => "delivered",
        Answer::Unasked => "not asked",
        Answer::Refused(_) => "refused",
        Answer::Unreachable(..) => "unreachable",
        Answer::Silent => "silent",
        Answer::Full => "full",
        Answer::OtherKind => "other kind",
        _ => "failed",
    }
}
