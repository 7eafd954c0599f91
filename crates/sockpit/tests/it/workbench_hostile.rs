//! What hostile peers, files and people write is text on every page of the workbench (rule F4), in a
//! real browser: no element of theirs, no dialog, and nothing that the policy had to stop.

use std::io::Write as _;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::thread;

use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::support::{DEADLINE, client, folder};
use crate::workbench::{Workbench, WorkbenchPage};

/// What would do harm if any of it became markup or code.
const HOSTILE: [&str; 11] = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "\"><svg onload=alert(3)>",
    "'-alert(4)-'",
    "<iframe srcdoc='<script>parent.alert(5)</script>'>",
    "<a href=javascript:alert(6)>javascript:alert(6)</a>",
    "https://localhost/\"onmouseover=alert(7) autofocus onfocus=alert(7)",
    "</textarea></pre></li><style>*{display:none}</style>",
    "{{constructor.constructor('alert(8)')()}} ${alert(9)} {@html x}",
    "&lt;b&gt; &amp; &#60; <base href=//evil.test> <meta http-equiv=refresh content=0>",
    "{\"<img src=y onerror=alert(10)>\": \"<svg onload=alert(11)>\", \"__proto__\": {\"a\": 1}}",
];

/// Runs before anything else in the document.
const WATCH: &str = "globalThis.stopped = [];
    document.addEventListener('securitypolicyviolation', (event) => {
        stopped.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });";

/// What stands in the page that it did not make itself.
const FOREIGN: &str = "(() => {
    const found = [...stopped];
    const own = ':not([src^=\"./assets/\"])';
    const strange = `script${own}, style, iframe, frame, object, embed, base, meta[http-equiv]`;
    for (const element of document.querySelectorAll(strange)) found.push(element.outerHTML);
    for (const image of document.images) {
        if (image.getAttribute('src') !== './icon.svg') found.push(image.outerHTML);
    }
    for (const element of document.querySelectorAll('*')) {
        for (const { name, value } of element.attributes) {
            const leads = ['href', 'src', 'action', 'formaction', 'xlink:href'].includes(name);
            if (/^on|^srcdoc$/i.test(name) || (leads && !/^(#|\\.\\/)/.test(value))) {
                found.push(element.outerHTML);
            }
        }
    }
    return found;
})()";

/// A tab of the workbench that is looked at closely.
struct Watched<'a>(WorkbenchPage<'a>);

impl<'a> Watched<'a> {
    fn open(browser: &'a mut Browser, bench: &Workbench) -> Self {
        Self(WorkbenchPage::open(browser, bench, WATCH))
    }

    fn page(&mut self) -> &mut Page<'a> {
        &mut self.0.page
    }

    fn go(&mut self, place: &str) {
        let place = Value::from(format!("#/{place}"));
        self.page().value(&format!("location.hash = {place}"));
    }

    /// Waits until a text stands where a selector says, as a text.
    fn wait_for_text(&mut self, selector: &str, text: &str) {
        let (selector, said) = (Value::from(selector), Value::from(text));
        let expression = format!(
            "[...document.querySelectorAll({selector})].some((one) => one.textContent.includes({said}))"
        );
        self.page().wait_for(text, &expression);
        self.check();
    }

    fn click(&mut self, what: &str, element: &str) {
        self.page().wait_for(what, element);
        self.page().value(&format!("({element}).click()"));
    }

    /// Writes into a field as somebody does who types.
    fn write(&mut self, field: &str, text: &str) {
        let element = format!("document.querySelector({})", Value::from(field));
        self.page().wait_for(field, &element);
        let script = format!("{element}.focus(), {element}.select()");
        self.page().value(&script);
        self.page().insert(text);
    }

    /// Nothing that stands there is another's.
    fn check(&mut self) {
        assert_eq!(self.page().value(FOREIGN), json!([]));
    }

    /// The same, and nothing was tried.
    fn finish(mut self) {
        self.check();
        self.page().check_quiet();
    }
}

/// The one element of a row that has a text.
fn row(text: &str) -> String {
    format!(
        "[...document.querySelectorAll('[role=grid] [data-i]')]
            .find((row) => row.textContent.includes({}))",
        Value::from(text)
    )
}

#[test]
fn f4_what_peers_send_is_text_in_rows_and_in_detail() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let bench = Workbench::start(&[]);
    let mut page = Watched::open(&mut browser, &bench);
    for (name, endpoint, frame) in [
        ("raw", "tcp://127.0.0.1:0", "raw"),
        ("lines", "tcp://127.0.0.1:0", "lines"),
        ("datagrams", "udp://127.0.0.1:0", "raw"),
    ] {
        let port = page
            .0
            .open_session(name, "server", endpoint, &json!({ "frame": frame }));
        page.go(&format!("sessions/{name}/timeline"));
        let mut send = sender(endpoint, port);
        for text in HOSTILE {
            send(text);
            // What is shown last is seen, and what came alone is a row of its own.
            page.wait_for_text("[role=grid] [data-i]", text);
        }
        let last = HOSTILE[HOSTILE.len() - 1];
        page.click("the row", &row(last));
        page.wait_for_text(".detail", "<img src=y onerror=alert(10)>");
        page.click(
            "the text",
            "document.querySelectorAll('.detail .faces button')[1]",
        );
        page.wait_for_text(".detail pre", last);
        page.click("another row", &row(HOSTILE[9]));
        page.wait_for_text(".detail pre", HOSTILE[9]);
        page.go(&format!("sessions/{name}/wire"));
        page.page().wait_for(
            "the wire",
            "!document.querySelector('[role=grid] [data-i]')",
        );
        page.check();
    }
    // All sessions at once.
    page.go("sessions");
    page.wait_for_text("[role=grid] [data-i]", HOSTILE[10]);
    page.finish();
}

/// Sends texts to a server, each of them alone.
fn sender(endpoint: &str, port: u16) -> Box<dyn FnMut(&str)> {
    if endpoint.starts_with("udp") {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(("127.0.0.1", port)).unwrap();
        return Box::new(move |text| {
            socket.send(text.as_bytes()).unwrap();
        });
    }
    let mut stream = client(port);
    Box::new(move |text| stream.write_all(format!("{text}\r\n").as_bytes()).unwrap())
}

#[test]
fn f4_the_name_of_a_peer_is_text() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let bench = Workbench::start(&[]);
    let mut page = Watched::open(&mut browser, &bench);
    let path = bench.folder.path().join("s");
    let endpoint = format!("unixgram://{}", path.display());
    page.0
        .open_session("named", "server", &endpoint, &json!({ "wire": "1" }));
    page.go("sessions/named/timeline");
    // No name has a slash, nor more characters than the system takes.
    let names = ["<img src=x onerror=alert(2)>", "\"><svg onload=alert(3)>"];
    let mut peers = Vec::new();
    for name in names {
        let peer = UnixDatagram::bind(bench.folder.path().join(name)).unwrap();
        peer.send_to(b"hello", &path).unwrap();
        page.wait_for_text("[role=grid] [data-i]", name);
        peers.push(peer);
    }
    page.click(
        "the peers",
        "document.querySelector('.peers button[aria-expanded=false]')",
    );
    for name in names {
        page.wait_for_text(".peers td", name);
    }
    // The drawing for elsewhere has it as text, too.
    let told = page
        .0
        .call("wire.svg", &json!({ "session": 1, "peer": null }));
    let svg = told["ok"]["svg"].as_str().expect("a drawing");
    assert!(svg.contains("&lt;img src=x"), "{svg}");
    assert!(
        !svg.contains("<img") && !svg.contains("<svg onload"),
        "{svg}"
    );
    page.go("sessions/named/wire");
    page.wait_for_text("main", names[0]);
    page.finish();
}

#[test]
fn f4_names_and_mistakes_are_text() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let project = folder();
    let name = HOSTILE[1];
    let toml = format!("[[session]]\nname = '{name}'\nlisten = 'tcp://127.0.0.1:0'\n");
    std::fs::write(project.path().join("a (b) +c.toml"), &toml).unwrap();
    // A name that no file of a project has is left alone.
    std::fs::write(project.path().join("<svg onload=alert(3)>.toml"), &toml).unwrap();
    let at = project.path().display().to_string();
    let bench = Workbench::start(&["--project", &at]);
    let mut page = Watched::open(&mut browser, &bench);
    page.wait_for_text("nav.sessions a", name);
    page.go("sessions/a%20(b)%20%2Bc/timeline");
    page.page().wait_for(
        "the title",
        &format!("document.title.includes({})", Value::from(name)),
    );

    // The filter says what is wrong with it.
    page.go("sessions");
    page.write("[role=combobox]", "text ~ \"<img src=f onerror=alert(12)>");
    page.wait_for_text("#filter-complaint", "<img src=f onerror=alert(12)>");

    // Rules, with a mistake that quotes them.
    page.go("sessions/a%20(b)%20%2Bc/rules");
    page.click(
        "the text of the rules",
        "[...document.querySelectorAll('[role=tab]')].find((tab) => tab.textContent.includes('TOML'))",
    );
    page.write("textarea", "[[rule]]\n\"<svg onload=alert(13)>\" = 1\n");
    page.wait_for_text("[role=alert]", "<svg onload=alert(13)>");

    // An error that quotes what was asked for, in both languages.
    page.go("nets");
    for (number, lang) in [(14, "zh-CN"), (15, "en")] {
        let text = format!("<img src=n onerror=alert({number})>");
        page.write(".doctor input", &text);
        page.click("the button", "document.querySelector('.doctor button')");
        page.wait_for_text(".notices", &text);
        page.click(
            "the language",
            "document.querySelector('header button[lang]')",
        );
        page.page().wait_for(
            "the language",
            &format!("document.documentElement.lang === '{lang}'"),
        );
    }
    for text in HOSTILE {
        let told = page.0.call(text, &json!({ text: text }));
        assert!(told["error"]["message"].is_string(), "{told}");
        let told = page.0.call("session.open", &json!({ "key": text }));
        assert!(told["error"]["message"].is_string(), "{told}");
    }
    page.finish();
}

#[test]
fn f4_what_is_said_in_a_room_is_text() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let bench = Workbench::start(&[]);
    let mut page = Watched::open(&mut browser, &bench);
    let served = page.0.call(
        "room.serve",
        &json!({ "endpoint": "tcp://127.0.0.1:0", "topic": HOSTILE[1], "welcome": HOSTILE[2] }),
    );
    let endpoint = served["ok"]["local"][0]
        .as_str()
        .expect("it listens")
        .to_owned();
    let nick = "<img\"onerror='x'>";
    let eve = page
        .0
        .call("room.join", &json!({ "endpoint": endpoint, "nick": nick }))["ok"]["room"]
        .clone();
    assert!(eve.is_number());
    let joined = page
        .0
        .call("room.join", &json!({ "endpoint": endpoint, "nick": "Zoe" }));
    let zoe = joined["ok"]["room"].clone();
    assert!(zoe.is_number(), "{joined}");
    page.go("rooms");
    page.click(
        "the room",
        "[...document.querySelectorAll('nav li button')].find((one) => one.textContent.includes('Zoe'))",
    );
    page.wait_for_text("aside li", nick);
    for text in HOSTILE {
        let told = page
            .0
            .call("room.say", &json!({ "room": eve, "text": text }));
        assert!(told["error"].is_null(), "{told}");
        page.wait_for_text("[role=log]", text);
    }
    let topic = format!("/topic {}", HOSTILE[4]);
    page.0
        .call("room.say", &json!({ "room": eve, "text": topic }));
    page.wait_for_text("[role=log]", HOSTILE[4]);
    page.finish();
}

#[test]
fn f4_what_a_drone_answers_is_text() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let drone = UdpSocket::bind("127.0.0.1:0").unwrap();
    drone.set_read_timeout(Some(DEADLINE)).unwrap();
    let address = drone.local_addr().unwrap().to_string();
    let answering = thread::spawn(move || {
        let mut command = [0; 256];
        while let Ok((len, from)) = drone.recv_from(&mut command) {
            let answer = match &command[..len] {
                b"hello" => "<img src=d onerror=alert(16)>",
                other if other.ends_with(b"?") => "10",
                _ => "ok",
            };
            drone.send_to(answer.as_bytes(), from).unwrap();
            if &command[..len] == b"land" {
                return;
            }
        }
    });
    let bench = Workbench::start(&[]);
    let mut page = Watched::open(&mut browser, &bench);
    page.go("drones");
    let told = page.0.call(
        "tello.fly",
        &json!({ "address": address, "sdk": "2.0", "state_port": 0 }),
    );
    let id = told["ok"]["id"].clone();
    assert!(id.is_number(), "{told}");
    page.0
        .call("tello.do", &json!({ "id": id, "command": "!hello" }));
    page.wait_for_text("[role=log]", "<img src=d onerror=alert(16)>");
    let text = "<svg onload=alert(17)>";
    let told = page
        .0
        .call("tello.do", &json!({ "id": id, "command": text }));
    assert!(!told["error"].is_null() || !told["ok"].is_null(), "{told}");
    page.0.call("tello.close", &json!({ "id": id }));
    page.finish();
    drop(bench);
    answering.join().unwrap();
}
