//! A page that makes calls, and remembers its news.

use std::collections::BTreeMap;

use super::*;

pub(in crate::workbench) struct Caller {
    pub(in crate::workbench) socket: Socket,
    calls: u64,
    /// The latest news of each topic.
    latest: BTreeMap<String, Value>,
}

impl Caller {
    pub(in crate::workbench) async fn new(bed: &Bed) -> Self {
        Self {
            socket: bed.page().await.0,
            calls: 0,
            latest: BTreeMap::new(),
        }
    }

    /// The next message; news are taken in.
    pub(in crate::workbench) async fn next(&mut self) -> Value {
        let told = self.socket.next().await.unwrap();
        if let Some(topic) = told["news"].as_str() {
            self.latest.insert(topic.to_owned(), told["is"].clone());
        }
        told
    }

    /// Makes a call, and gives its number.
    pub(in crate::workbench) async fn call(&mut self, op: &str, with: Value) -> u64 {
        self.calls += 1;
        let call = json!({ "id": self.calls, "op": op, "with": with });
        self.socket.say(&call).await;
        self.calls
    }

    /// The answer to a call.
    pub(in crate::workbench) async fn answered(&mut self, id: u64) -> Value {
        loop {
            let told = self.next().await;
            if told["id"] == id {
                return told;
            }
        }
    }

    pub(in crate::workbench) async fn ask(&mut self, op: &str, with: Value) -> Value {
        let id = self.call(op, with).await;
        self.answered(id).await
    }

    /// What a call gives that is carried out.
    pub(in crate::workbench) async fn ok(&mut self, op: &str, with: Value) -> Value {
        let told = self.ask(op, with).await;
        assert!(told.get("ok").is_some(), "{op}: {told}");
        told["ok"].clone()
    }

    /// What is said of a call that is refused.
    pub(in crate::workbench) async fn error(&mut self, op: &str, with: Value) -> Value {
        let told = self.ask(op, with).await;
        assert!(told.get("error").is_some(), "{op} was carried out: {told}");
        told["error"].clone()
    }

    /// Why a call is refused.
    pub(in crate::workbench) async fn refused(&mut self, op: &str, with: Value) -> String {
        let error = self.error(op, with).await;
        error["message"].as_str().unwrap().to_owned()
    }

    /// Waits until the news of a topic fit.
    pub(in crate::workbench) async fn news(
        &mut self,
        topic: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Value {
        let heard = async {
            loop {
                if let Some(is) = self.latest.get(topic).filter(|is| fits(is)) {
                    return is.clone();
                }
                self.next().await;
            }
        };
        let heard = timeout(DEADLINE, heard).await;
        heard
            .unwrap_or_else(|_| panic!("no news of {topic} that fit: {:?}", self.latest.get(topic)))
    }
}
