//! `sockpit workbench`: where it is, who gets in, and how it ends.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::browser::{Browser, Page};
use crate::pseudo_terminal::{Size, sockpit_on_a_terminal};
use crate::support::{
    Program, Running, Signal, TempDir, client, contains, folder, free_port, read_exactly, sockpit,
    wait_until,
};

/// A workbench with folders of its own.
pub(crate) struct Workbench {
    pub(crate) running: Running,
    pub(crate) folder: TempDir,
}

impl Workbench {
    pub(crate) fn start(args: &[&str]) -> Self {
        let folder = folder();
        let running = workbench(&folder, &[]).args(args).start();
        running.wait_for_stdout(b"\n");
        Self { running, folder }
    }

    /// What it printed.
    pub(crate) fn url(&self) -> String {
        let stdout = String::from_utf8(self.running.stdout()).expect("a URL is text");
        stdout.lines().next().expect("a line").to_owned()
    }

    pub(crate) fn token(&self) -> String {
        let url = self.url();
        let (_, token) = url.split_once("#token=").expect("a URL has the token");
        token.to_owned()
    }

    pub(crate) fn port(&self) -> u16 {
        let url = self.url();
        let place = url
            .strip_prefix("http://")
            .and_then(|url| url.split_once('/'));
        let port = place.and_then(|(place, _)| place.rsplit(':').next()?.parse().ok());
        port.unwrap_or_else(|| panic!("no port in `{url}`"))
    }

    /// Asks for the page by a name; the whole answer.
    pub(crate) fn ask(&self, host: &str) -> String {
        let mut stream = client(self.port());
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// A tab with the page of a workbench, and a connection of its own to make calls over.
pub(crate) struct WorkbenchPage<'a> {
    pub(crate) page: Page<'a>,
}

/// Connects as the page does, with the token that it keeps.
const CONNECT: &str = "new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${location.host}/ws`);
    const waiting = new Map();
    let id = 0;
    globalThis.call = (op, args) => new Promise((resolve) => {
        id += 1;
        waiting.set(id, resolve);
        socket.send(JSON.stringify({ id, op, with: args }));
    });
    const token = sessionStorage.getItem('token');
    socket.onopen = () => socket.send(JSON.stringify({ hello: { token, lang: 'en' } }));
    socket.onclose = ({ code }) => reject(code);
    socket.onmessage = ({ data }) => {
        const told = JSON.parse(data);
        if (told.welcome) resolve(told.welcome.page);
        waiting.get(told.id)?.(told);
    };
})";

impl<'a> WorkbenchPage<'a> {
    /// Opens the URL that was printed; `helpers` is run before anything else.
    pub(crate) fn open(browser: &'a mut Browser, bench: &Workbench, helpers: &str) -> Self {
        let mut page = browser.open(&bench.url(), helpers);
        page.wait_for("the page", "document.querySelector('nav.sessions')");
        assert!(page.value(CONNECT).is_number());
        Self { page }
    }

    /// Makes a call, and gives the whole answer.
    pub(crate) fn call(&mut self, op: &str, args: &Value) -> Value {
        let op = Value::from(op);
        self.page.value(&format!("call({op}, {args})"))
    }

    /// Makes a session and opens it; gives the port where it has one.
    pub(crate) fn open_session(
        &mut self,
        name: &str,
        role: &str,
        endpoint: &str,
        options: &Value,
    ) -> u16 {
        let told = json!({ "name": name, "role": role, "endpoint": endpoint, "options": options });
        let made = self.call("session.create", &told);
        let opened = self.call("session.open", &json!({ "key": made["ok"]["key"] }));
        let local = opened["ok"]["local"][0].as_str();
        let local = local.unwrap_or_else(|| panic!("{made} {opened}"));
        let port = local.rsplit(':').next().and_then(|port| port.parse().ok());
        port.unwrap_or(0)
    }
}

fn workbench(folder: &TempDir, args: &[&str]) -> Program {
    let path = |name: &str| folder.path().join(name).display().to_string();
    sockpit(&["workbench", "--port", "0"][..if args.is_empty() { 3 } else { 1 }])
        .args(args)
        .env("XDG_DATA_HOME", &path("data"))
        .env("XDG_CACHE_HOME", &path("cache"))
}

/// No file of a workbench has its token.
fn check_folder(bench: &Workbench, token: &str) {
    let mut folders = vec![bench.folder.path().to_owned()];
    while let Some(path) = folders.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let bytes = fs::read(&path).unwrap_or_default();
                    assert!(!contains(&bytes, token.as_bytes()), "{}", path.display());
                }
            }
        }
    }
}

#[test]
fn it_prints_where_it_is_and_serves_the_page() {
    let bench = Workbench::start(&[]);
    let (url, port) = (bench.url(), bench.port());
    assert!(url.starts_with(&format!("http://127.0.0.1:{port}/#token=")));
    bench.running.wait_for_stderr("data/sockpit/workbench");
    let page = bench.ask(&format!("localhost:{port}"));
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(bench.ask("elsewhere.test").starts_with("HTTP/1.1 421 "));
    let finished = bench.running.interrupt().check_code(130);
    assert_eq!(finished.text(), format!("{url}\n"));
}

#[test]
fn nothing_at_all_opens_the_workbench() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let running = sockpit(&[])
        .env("XDG_DATA_HOME", &path("data"))
        .env("XDG_CACHE_HOME", &path("cache"))
        .start();
    running.wait_for_stdout(b"/#token=");
    running.signal(Signal::TERM);
    running.finish().check_code(143);
    let project = folder.path().join("data/sockpit/workbench");
    let mode = fs::metadata(project).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_port_that_was_asked_for_and_is_taken_is_an_error_that_names_its_owner() {
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let folder = folder();
    workbench(&folder, &["--port", &port])
        .run()
        .check_code(2)
        .check_stdout("")
        .check_stderr(&[
            &format!("cannot listen on tcp://127.0.0.1:{port}: address already in use"),
            &format!("(pid {},", std::process::id()),
        ]);
}

#[test]
fn f1_other_machines_are_let_in_only_with_a_token_file_and_a_warning() {
    let folder = folder();
    workbench(&folder, &["--port", "0", "--bind", "0.0.0.0"])
        .run()
        .check_code(2)
        .check_stdout("")
        .check_stderr(&["--token-file"]);
    let file = folder.path().join("token").display().to_string();
    let bench = Workbench::start(&["--bind", "0.0.0.0", "--token-file", &file]);
    bench.running.wait_for_stderr("not encrypted");
    assert_eq!(bench.token(), fs::read_to_string(&file).unwrap().trim());
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    workbench(&folder, &["--port", "0", "--token-file", &file])
        .run()
        .check_code(2)
        .check_stderr(&["others can read it", "chmod 600"]);
}

#[test]
fn f1_a_unix_socket_serves_the_page_to_its_owner() {
    let folder = folder();
    let path = folder.path().join("bench.sock");
    let running = workbench(&folder, &["--unix", &path.display().to_string()]).start();
    running.wait_for_stderr("ssh -L");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream
        // port: nothing is opened there
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost:80\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    running.interrupt().check_code(130);
    assert!(!path.exists());
}

#[test]
fn g3_the_token_is_printed_and_stands_nowhere_else() {
    let bench = Workbench::start(&[]);
    let token = bench.token();
    assert_eq!(token.len(), 64);
    let pid = bench.running.pid().as_raw_nonzero();
    for file in ["cmdline", "environ"] {
        let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(&token), "{file}");
    }
    let page = bench.ask(&format!("127.0.0.1:{}", bench.port()));
    assert!(!page.contains(&token));
    check_folder(&bench, &token);
    let finished = bench.running.interrupt();
    assert!(!finished.stderr.contains(&token));
}

#[test]
fn g3_what_a_page_does_leaves_no_token_behind() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let bench = Workbench::start(&[]);
    let token = bench.token();
    let mut page = WorkbenchPage::open(&mut browser, &bench, "");
    let mut told = Vec::new();
    page.open_session("kept", "server", "tcp://127.0.0.1:0", &json!({}));
    for (op, args) in [
        ("session.save", json!({ "key": "kept" })),
        ("session.command", json!({ "key": "kept" })),
        ("session.export", json!({ "key": "kept" })),
        ("view.open", json!({ "filter": "" })),
        ("ports.list", json!({ "all": true, "unix": true })),
        ("nothing", json!({})),
        ("session.open", json!({ "key": "kept" })),
    ] {
        told.push(page.call(op, &args).to_string());
    }
    for what in ["export", "bytes"] {
        let ask = format!(
            "fetch('/api/{what}', {{
                method: 'POST',
                headers: {{ authorization: 'Bearer ' + sessionStorage.token }},
                body: JSON.stringify({{ page: 2, view: 1, format: 'jsonl', i: 0 }}),
            }}).then((answer) => answer.text())"
        );
        told.push(page.page.value(&ask).to_string());
    }
    assert!(told.iter().all(|told| !told.contains(&token)), "{told:?}");
    check_folder(&bench, &token);
    let finished = bench.running.interrupt();
    assert!(!finished.stderr.contains(&token));
}

#[test]
fn f2_what_opens_the_browser_has_no_token_among_its_arguments() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name).display().to_string();
    // In the place of `xdg-open`: it keeps what it is told, and what stands in that file.
    let opener = folder.path().join("xdg-open");
    let script = "#!/bin/sh\nstat -c %a \"$1\" >mode.part; cat \"$1\" >page\n\
                  echo \"$@\" >arguments; mv mode.part mode\n";
    fs::write(&opener, script).unwrap();
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o700)).unwrap();
    let search = std::env::var("PATH").unwrap_or_default();
    let args = ["workbench", "--port", "0", "--project", &path("project")];
    let running = sockpit_on_a_terminal(Size::USUAL, &args)
        .folder(&folder)
        .env("PATH", &format!("{}:{search}", folder.path().display()))
        .env("DISPLAY", ":0")
        .env("XDG_RUNTIME_DIR", &folder.path().display().to_string())
        .env("XDG_CACHE_HOME", &path("cache"))
        .hold_stdin()
        .start();
    running.wait_for_stdout(b"#token=");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    wait_until("the browser", || !read("mode").is_empty());
    let printed = String::from_utf8_lossy(&running.stdout()).into_owned();
    let token = printed.split("#token=").nth(1).expect("it is printed");
    let token = &token[..64];
    assert!(!read("arguments").contains(token), "{}", read("arguments"));
    assert!(read("page").contains(token));
    assert_eq!(read("mode").trim(), "600");
    let lead = read("arguments").trim().to_owned();
    running.signal(Signal::TERM);
    running.finish();
    assert!(!fs::exists(lead).unwrap());
}

#[test]
fn f1_an_address_of_this_machine_needs_no_token_file() {
    for (bind, host) in [("::1", "[::1]"), ("127.0.0.5", "127.0.0.5")] {
        // One that the system chose for this address could be another test's on 127.0.0.1.
        let port = free_port();
        let folder = folder();
        let args = ["--bind", bind, "--port", &port.to_string()];
        let running = workbench(&folder, &args).start();
        running.wait_for_stdout(b"\n");
        let bench = Workbench { running, folder };
        let url = bench.url();
        assert!(
            url.starts_with(&format!("http://{host}:{port}/#token=")),
            "{url}"
        );
        let mut stream = TcpStream::connect((bind, port)).unwrap();
        for (name, status) in [(host, "200 "), ("192.0.2.7", "421 "), ("bench.lan", "421 ")] {
            let request = format!("HEAD / HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.extend(read_exactly(&mut stream, 1));
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            assert!(
                head.starts_with(&format!("HTTP/1.1 {status}")),
                "{name}: {head}"
            );
        }
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
    let folder = folder();
    for bind in ["::", "::ffff:192.0.2.7", "192.0.2.7"] {
        workbench(&folder, &["--port", "0", "--bind", bind])
            .run()
            .check_code(2)
            .check_stdout("")
            .check_stderr(&["--token-file"]);
    }
    let file = folder.path().join("token").display().to_string();
    let bench = Workbench::start(&["--bind", "::", "--token-file", &file]);
    bench.running.wait_for_stderr("not encrypted");
    TcpStream::connect(("::1", bench.port())).unwrap();
}

#[test]
fn g7_what_serves_the_page_may_not_capture() {
    let bench = Workbench::start(&[]);
    let pid = bench.running.pid().as_raw_nonzero();
    // The thread that serves is the first one, whose number is the process'.
    let status = fs::read_to_string(format!("/proc/{pid}/task/{pid}/status")).unwrap();
    for name in ["CapEff:", "CapPrm:", "CapInh:"] {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let set = u64::from_str_radix(line.unwrap().trim(), 16).unwrap();
        assert_eq!(set & (1 << 13), 0, "{name}");
    }
}

#[test]
fn what_cannot_be_a_project_is_said() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let project = file.display().to_string();
    workbench(&folder, &["--port", "0", "--project", &project])
        .run()
        .check_code(2)
        .check_stderr(&["cannot open the project `"]);
    workbench(&folder, &["--allow-host", "http://bench.lan"])
        .run()
        .check_code(2)
        .check_stderr(&["is no name"]);
    workbench(&folder, &["--history", "1k"])
        .run()
        .check_code(2)
        .check_stderr(&["is less than 1MiB"]);
}
