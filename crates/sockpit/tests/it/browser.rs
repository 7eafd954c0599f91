//! A real browser: Debian's Chromium, without a window, told what to do over its own debugging pipe.

use serde_json::{Value, json};

use crate::support::{Program, Running, TempDir, folder, need, wait_until};

/// A browser with a profile of its own.
pub(crate) struct Browser {
    program: Running,
    /// How many requests were made.
    asked: u64,
    _profile: TempDir,
}

/// A tab.
pub(crate) struct Page<'a> {
    browser: &'a mut Browser,
    session: String,
}

impl Browser {
    /// `None` where no browser is installed, which is said.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with further arguments of its own.
    pub(crate) fn start_with(args: &[&str]) -> Option<Self> {
        if !need("chromium") {
            return None;
        }
        let profile = folder();
        let profile_is = format!("--user-data-dir={}", profile.path().display());
        // It reads requests from descriptor 3 and answers on 4, each ended by a zero byte.
        let program = Program::new(
            "sh",
            &["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "sh"],
        )
        .args(&["chromium", "--headless", "--no-sandbox", "--disable-gpu"])
        .args(&["--disable-quic", "--no-first-run", "--disable-sync"])
        .args(&[
            "--disable-background-networking",
            "--disable-component-update",
        ])
        .args(&[
            "--disable-dev-shm-usage",
            "--lang=en",
            "--remote-debugging-pipe",
        ])
        .args(args)
        .args(&[&profile_is, "about:blank"])
        .hold_stdin()
        .start();
        Some(Self {
            program,
            asked: 0,
            _profile: profile,
        })
    }

    /// Opens a URL in a tab of its own; `helpers` is run before anything else in every document.
    pub(crate) fn open(&mut self, url: &str, helpers: &str) -> Page<'_> {
        let target = self.ask("", "Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.ask("", "Target.attachToTarget", &attach)["sessionId"]
            .as_str()
            .expect("a session has an id")
            .to_owned();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            self.ask(&session, domain, &json!({}));
        }
        let script = json!({ "source": helpers });
        self.ask(&session, "Page.addScriptToEvaluateOnNewDocument", &script);
        let went = self.ask(&session, "Page.navigate", &json!({ "url": url }));
        assert!(went["errorText"].is_null(), "{url}: {went}");
        Page {
            browser: self,
            session,
        }
    }

    /// Asks, and waits for the answer.
    fn ask(&mut self, session: &str, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        let mut request = json!({ "id": id, "method": method, "params": params });
        if !session.is_empty() {
            request["sessionId"] = session.into();
        }
        self.program.feed(format!("{request}\0").as_bytes());
        let mut answer = Value::Null;
        wait_until(method, || {
            let found = self
                .messages()
                .into_iter()
                .find(|message| message["id"] == id);
            answer = found.unwrap_or_default();
            !answer.is_null()
        });
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].take()
    }

    /// Everything that it has told so far.
    fn messages(&self) -> Vec<Value> {
        let told = self.program.stdout();
        told.split_inclusive(|byte| *byte == 0)
            .filter_map(|message| message.strip_suffix(&[0]))
            .map(|message| serde_json::from_slice(message).expect("it speaks JSON"))
            .collect()
    }
}

impl Page<'_> {
    /// Types text where the focus is.
    pub(crate) fn insert(&mut self, text: &str) {
        self.ask("Input.insertText", &json!({ "text": text }));
    }

    /// Presses a key; `modifiers` 1 is Alt.
    pub(crate) fn press(&mut self, key: &str, modifiers: u8) {
        for kind in ["rawKeyDown", "keyUp"] {
            let code = match key {
                "Enter" => 13,
                "ArrowUp" => 38,
                _ => 40,
            };
            let event = json!({
                "type": kind, "key": key, "code": key, "modifiers": modifiers,
                "windowsVirtualKeyCode": code,
            });
            self.ask("Input.dispatchKeyEvent", &event);
            if kind == "rawKeyDown" && key == "Enter" {
                // Without it no form is submitted.
                let event = json!({ "type": "char", "key": key, "text": "\r" });
                self.ask("Input.dispatchKeyEvent", &event);
            }
        }
    }

    /// Waits until an expression of the page is true.
    pub(crate) fn wait_for(&mut self, what: &str, expression: &str) {
        let expression = format!("Boolean({expression})");
        wait_until(what, || self.value(&expression) == true);
    }

    /// What an expression of the page comes to; a promise is waited for.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let params = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true,
        });
        self.ask("Runtime.evaluate", &params)["result"]["value"].take()
    }

    /// The page opened no dialog, threw nothing, and broke no rule of its own.
    pub(crate) fn check_quiet(&mut self) {
        const LOUD: [&str; 3] = [
            "Page.javascriptDialogOpening",
            "Runtime.exceptionThrown",
            "Log.entryAdded",
        ];
        for message in self.browser.messages() {
            let is_loud = LOUD.iter().any(|method| message["method"] == *method);
            assert!(!is_loud, "{message}");
        }
    }

    /// Asks the browser about this tab, by a method of its protocol, and waits for the answer.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.browser.ask(&self.session, method, params)
    }
}
