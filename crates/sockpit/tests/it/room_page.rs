//! The page of a room in a real browser.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::browser::{Browser, Page};
use crate::support::{Running, client, free_address, sockpit};

/// What would do harm if any of it became markup or code.
const HOSTILE: [&str; 10] = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "\"><svg onload=alert(3)>",
    "'-alert(4)-'",
    "<iframe srcdoc='<script>parent.alert(5)</script>'>",
    "javascript:alert(6)",
    "https://localhost/\"onmouseover=alert(7)",
    "</li></ol><style>*{display:none}</style>",
    "{{constructor.constructor('alert(8)')()}} ${alert(9)}",
    "&lt;b&gt; &amp; &#60;",
];

#[test]
fn a_browser_and_nc_talk_in_a_room() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let server = serve("tcp://127.0.0.1:0");
    let mut anna = Visitor::enter(server.port(), "anna");
    anna.say("said before");
    let mut page = open(
        &mut browser,
        &format!("http://127.0.0.1:{}/#room=lobby", server.port()),
    );
    page.enter("Zoe");
    page.wait_for("the history", "row('said before')");
    page.wait_for("the members", "names() === 'anna Zoe'");

    page.write("hello from 浏览器");
    anna.wait_for("[lobby] Zoe: hello from 浏览器");
    page.wait_for("what was said", "row('hello from 浏览器')");

    anna.say("zoe: look");
    page.wait_for(
        "a mention",
        "document.querySelector('.mention mark').textContent === 'zoe'",
    );
    anna.say("/msg Zoe psst");
    page.wait_for(
        "a direct message",
        "document.querySelector('#directs .badge.loud')",
    );
    page.write("/msg anna yes?");
    anna.wait_for("-> Zoe: yes?");
    // A slash that is meant, and a command that there is not.
    page.press("ArrowUp", 1);
    page.wait_for(
        "the room again",
        "document.querySelector('#title').textContent === 'lobby'",
    );
    page.write("//etc/hosts");
    anna.wait_for("[lobby] Zoe: /etc/hosts");
    page.write("/nonsense");
    page.wait_for(
        "a mistake",
        "document.querySelector('.log').textContent.includes('/nonsense')",
    );
    page.check_quiet();
}

#[test]
fn f4_what_others_write_is_text() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let server = serve("tcp://127.0.0.1:0");
    let mut eve = Visitor::enter(server.port(), "<img\"onerror='x'>");
    let mut page = open(
        &mut browser,
        &format!("http://127.0.0.1:{}/", server.port()),
    );
    page.enter("Zoe");
    page.wait_for("the hostile name", "names().includes('<img')");
    for text in HOSTILE {
        eve.say(text);
        page.wait_for(text, &format!("row({})", Value::from(text)));
    }
    eve.say(&format!("/topic {}", HOSTILE[1]));
    let topic = format!(
        "document.querySelector('#topic').textContent === {}",
        Value::from(HOSTILE[1])
    );
    page.wait_for("the hostile topic", &topic);
    eve.say(&format!("/msg Zoe {}", HOSTILE[0]));
    page.wait_for(
        "the direct message",
        "document.querySelector('#directs .badge')",
    );
    page.press("ArrowDown", 1);
    page.wait_for(
        "it in its place",
        &format!("row({})", Value::from(HOSTILE[0])),
    );
    // Only what the page itself makes stands in it.
    page.wait_for(
        "no markup of others",
        "document.querySelectorAll('script').length === 1 \
         && !document.querySelector('#log img, #log svg, #log iframe, #log style, #log [onerror]') \
         && [...document.links].every((link) => link.protocol === 'https:')",
    );
    page.check_quiet();
}

#[test]
fn a_page_that_lost_its_server_says_so_and_comes_back() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let address = free_address();
    let server = serve(&address);
    let port = server.port();
    let mut page = open(
        &mut browser,
        &format!("http://127.0.0.1:{port}/#room=lab&nick=%E5%B0%8F%E6%98%8E"),
    );
    page.press("Enter", 0);
    page.wait_for(
        "the room",
        "document.querySelector('#title').textContent === 'lab'",
    );
    drop(server);
    page.wait_for("the loss", "!document.querySelector('#state').hidden");
    let server = serve(&address);
    page.wait_for("the way back", "document.querySelector('#state').hidden");
    let mut anna = Visitor::enter(server.port(), "anna@lab");
    anna.say("you are back");
    page.wait_for("a message", "row('you are back')");
    page.write("我回来了");
    anna.wait_for("[lab] 小明: 我回来了");
}

#[test]
fn what_a_room_holds_up_as_too_much_is_given_back_to_be_typed_again() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let server = sockpit(&["room", "serve", "tcp://127.0.0.1:0", "--ws"])
        .args(&["--flood", "1/1h,burst=8"])
        .start();
    let mut page = open(
        &mut browser,
        &format!("http://127.0.0.1:{}/", server.port()),
    );
    page.enter("Zoe");
    let lines: Vec<String> = (0..15).map(|number| format!("line {number}.")).collect();
    page.write(&lines.join("\n"));
    page.wait_for("what passed", "row('line 0.')");
    let given = Value::from(lines[8..].join("\n"));
    let is_given = format!("document.querySelector('#text').value.endsWith({given})");
    page.wait_for("what did not, in its order", &is_given);
    page.wait_for(
        "the reason, once",
        "document.querySelector('#log').textContent.split('too fast').length === 2",
    );
    page.check_quiet();
}

#[test]
fn a_room_too_large_to_tell_who_comes_is_counted_all_the_same() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let server = serve("tcp://127.0.0.1:0");
    let mut page = open(
        &mut browser,
        &format!("http://127.0.0.1:{}/", server.port()),
    );
    page.enter("Zoe");
    let crowd: Vec<Visitor> = (0..120)
        .map(|number| Visitor::enter(server.port(), &format!("n{number}")))
        .collect();
    page.wait_for(
        "the count of all",
        "document.querySelector('#membersTitle').textContent.includes('121')",
    );
    page.check_quiet();
    drop(crowd);
}

fn serve(endpoint: &str) -> Running {
    sockpit(&["room", "serve", endpoint, "--ws"]).start()
}

/// Somebody at a plain socket, as with nc.
struct Visitor {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Visitor {
    fn enter(port: u16, nick: &str) -> Self {
        let stream = client(port);
        let lines = BufReader::new(stream.try_clone().expect("a socket of our own"));
        let mut visitor = Self { stream, lines };
        visitor.say(nick);
        visitor.wait_for("* ");
        visitor
    }

    fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.stream
            .write_all(line.as_bytes())
            .expect("the room reads");
    }

    /// Reads until a line has this in it.
    fn wait_for(&mut self, part: &str) {
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            let len = self.lines.read_line(&mut line).expect("the room answers");
            assert!(0 < len, "the room ended before `{part}`");
        }
    }
}

/// Helpers of the test, in every document.
const HELPERS: &str = "\
    globalThis.row = (text) => [...document.querySelectorAll('#log .text')]\
        .some((node) => node.textContent === text); \
    globalThis.names = () => [...document.querySelectorAll('#memberList .name')]\
        .map((node) => node.textContent).join(' ');";

fn open<'a>(browser: &'a mut Browser, url: &str) -> Page<'a> {
    let mut page = browser.open(url, HELPERS);
    page.wait_for("the page", "document.querySelector('#enter')?.open");
    page
}

/// What somebody does in a room.
trait Visit {
    /// Gives a nickname at the door.
    fn enter(&mut self, nick: &str);
    /// Writes a line where a person would, and sends it.
    fn write(&mut self, line: &str);
}

impl Visit for Page<'_> {
    fn enter(&mut self, nick: &str) {
        self.insert(nick);
        self.press("Enter", 0);
        self.wait_for("the room", "!document.querySelector('#enter').open");
    }

    fn write(&mut self, line: &str) {
        self.wait_for("the place to write", "document.activeElement.id === 'text'");
        self.insert(line);
        self.press("Enter", 0);
    }
}
