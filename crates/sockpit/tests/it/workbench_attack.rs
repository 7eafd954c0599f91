//! What the page of another site can do to a workbench, in a real browser: nothing.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use serde_json::json;

use crate::browser::{Browser, Page};
use crate::support::folder;
use crate::workbench::Workbench;

/// Everything that a page may try with an address that is not its own. Each says what came of it:
/// `got` where something was got.
const ATTACK: &str = r#"<!doctype html><meta charset="utf-8"><title>attack</title>
<iframe name="frame"></iframe>
<script>
const target = location.hash.slice(1);
const port = target.split(':').pop();
const tried = {};
const attempt = (name, promise) => promise.then(
  (got) => { tried[name] = got }, () => { tried[name] = 'failed' });
const element = (tag, attributes) => new Promise((resolve) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.onload = () => resolve('got');
  made.onerror = () => resolve('failed');
  document.body.append(made);
});
const socket = (url) => new Promise((resolve) => {
  const made = new WebSocket(url);
  made.onopen = () => resolve('got');
  made.onerror = () => resolve('failed');
});
const events = (url) => new Promise((resolve) => {
  const made = new EventSource(url);
  made.onopen = made.onmessage = () => resolve('got');
  made.onerror = () => resolve('failed');
});
const got = () => 'got';
const json = { method: 'POST', body: '{"page":1}' };
const plain = { ...json, mode: 'no-cors', headers: { 'content-type': 'text/plain' } };
const known = { ...json, headers: { authorization: 'Bearer x' } };
addEventListener('load', async () => {
  const script = target + '/SCRIPT';
  await Promise.all([
    attempt('fetch page', fetch(target + '/').then(got)),
    attempt('fetch page unread', fetch(target + '/', { mode: 'no-cors' }).then(got)),
    attempt('fetch with credentials', fetch(target + '/', { credentials: 'include' }).then(got)),
    attempt('fetch api', fetch(target + '/api/export', json).then(got)),
    attempt('fetch api unread', fetch(target + '/api/export', plain).then(got)),
    attempt('fetch api with a header', fetch(target + '/api/export', known).then(got)),
    attempt('beacon', new Promise((resolve) => {
      navigator.sendBeacon(target + '/api/export', '{}');
      resolve('failed');
    })),
    attempt('script', element('script', { src: script })),
    attempt('module', element('script', { src: script, type: 'module' })),
    attempt('style', element('link', { rel: 'stylesheet', href: target + '/STYLE' })),
    attempt('image', element('img', { src: target + '/icon.svg' })),
    attempt('socket', socket(target.replace('http', 'ws') + '/ws')),
    attempt('socket by name', socket('ws://localhost:' + port + '/ws')),
    attempt('events', events(target + '/ws')),
  ]);
  const form = Object.assign(document.createElement('form'), {
    method: 'POST', action: target + '/api/export', enctype: 'text/plain', target: 'frame',
  });
  document.body.append(form);
  form.submit();
  document.body.append(Object.assign(document.createElement('iframe'), { src: target + '/' }));
  globalThis.tried = tried;
});
</script>"#;

#[test]
fn f3_the_page_of_another_port_or_address_gets_nothing() {
    let bench = Workbench::start(&[]);
    let port = bench.port();
    let target = format!("http://127.0.0.1:{port}");
    // What is there, so that nothing is refused for its name.
    let entrance = bench.ask(&format!("127.0.0.1:{port}"));
    let named = |end: &str| {
        let mut names = entrance.split("./").map(|part| part.split('"').next());
        let found = names.find_map(|name| name.filter(|name| name.ends_with(end)));
        found.unwrap_or_else(|| panic!("no {end} in {entrance}"))
    };
    let attack = ATTACK
        .replace("SCRIPT", named(".js"))
        .replace("STYLE", named(".css"));
    let sites = [
        serve(Ipv4Addr::LOCALHOST.into(), attack.clone()) + "/",
        serve(Ipv4Addr::new(127, 0, 0, 2).into(), attack.clone()) + "/",
        // A page of no site at all, whose origin is `null`.
        format!("data:text/html;base64,{}", base64(attack.as_bytes())),
    ];
    for site in sites {
        let Some(mut browser) = Browser::start_with(&[OPEN]) else {
            return;
        };
        let mut page = browser.open(&format!("{site}#{target}"), "");
        page.wait_for("every attempt", "globalThis.tried");
        let tried = page.value("tried");
        let tried = tried.as_object().expect("an object");
        assert_eq!(tried.len(), 14, "{tried:?}");
        for (name, came) in tried {
            assert_eq!(came, "failed", "{name} from {site}");
        }
        check_frames(&mut page, &target);
    }
    // Nothing of it has changed the workbench.
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut page = browser.open(&bench.url(), "");
    page.wait_for(
        "the page",
        "document.querySelector('#app')?.childElementCount",
    );
    page.check_quiet();
}

/// Browsers ask before a page of the Internet may speak to this machine. Whoever has said yes, or has
/// another browser, is to be no worse off.
const OPEN: &str =
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests";

/// As a URL of `data:` has it (RFC 4648 §4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for digit in 0..4 {
            match digit <= three.len() {
                true => text.push(char::from(
                    DIGITS[((bits >> (18 - 6 * digit)) & 63) as usize],
                )),
                false => text.push('='),
            }
        }
    }
    text
}

/// In no frame of the page is anything of the workbench.
fn check_frames(page: &mut Page<'_>, target: &str) {
    page.wait_for(
        "the frames",
        "document.querySelectorAll('iframe').length === 2",
    );
    let tree = page.ask("Page.getFrameTree", &json!({}));
    let frames = tree["frameTree"]["childFrames"].as_array().cloned();
    for frame in frames.unwrap_or_default() {
        let url = frame["frame"]["url"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(!url.starts_with(&format!("{target}/#")), "{url}");
    }
    // Nor is the answer to the form: what is refused is a page of nobody's.
    page.wait_for(
        "the refusal",
        "document.querySelector('iframe').contentDocument === null",
    );
    // A frame of another site can be looked into by nobody; one that was refused has no page.
    let seen = "[...document.querySelectorAll('iframe')].every((frame) => {
        try { return !frame.contentDocument?.querySelector('#app') } catch { return true }
    })";
    assert_eq!(page.value(seen), true);
}

#[test]
fn f3_a_name_that_was_bound_again_leads_nowhere() {
    let rule = "--host-resolver-rules=MAP rebind.test 127.0.0.1";
    let Some(mut browser) = Browser::start_with(&[rule]) else {
        return;
    };
    let bench = Workbench::start(&[]);
    let port = bench.port();
    let mut page = browser.open(&format!("http://rebind.test:{port}/"), "");
    page.wait_for(
        "the refusal",
        "document.body?.textContent.includes('not known by that name')",
    );
    // What is of the same origin, as the browser sees it, may be asked and read: it is a refusal.
    let token = bench.token();
    for (path, options) in [
        ("/", "{}".to_owned()),
        ("/icon.svg", "{}".to_owned()),
        (
            "/api/export",
            format!("{{ method: 'POST', headers: {{ authorization: 'Bearer {token}' }} }}"),
        ),
    ] {
        let status = page.value(&format!("fetch('{path}', {options}).then((r) => r.status)"));
        assert_eq!(status, 421, "{path}");
    }
    let socket = "new Promise((resolve) => {
        const made = new WebSocket('/ws');
        made.onopen = () => resolve('open');
        made.onerror = () => resolve('failed');
    })";
    assert_eq!(page.value(socket), "failed");
}

#[test]
fn f3_a_name_that_was_allowed_leads_to_the_page() {
    let rule = "--host-resolver-rules=MAP *.lan 127.0.0.1";
    let Some(mut browser) = Browser::start_with(&[rule]) else {
        return;
    };
    let file = folder();
    let path = file.path().join("token");
    // Everything that a token of one's own may have.
    let token = "A-z_0.9~A-z_0.9~A-z_0.9~A-z_0.9~";
    fs::write(&path, token).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let path = path.display().to_string();
    let bench = Workbench::start(&["--allow-host", "bench.lan", "--token-file", &path]);
    let port = bench.port();
    let mut page = browser.open(&format!("http://bench.lan:{port}/#token={token}"), "");
    page.wait_for("the page", "document.querySelector('nav.sessions')");
    let mut other = browser.open(&format!("http://other.lan:{port}/#token={token}"), "");
    other.wait_for(
        "the refusal",
        "document.body?.textContent.includes('not known by that name')",
    );
}

#[test]
fn f2_the_token_leaves_the_address_and_stays_in_its_tab() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let bench = Workbench::start(&[]);
    let token = bench.token();
    let mut page = browser.open(&bench.url(), "");
    page.wait_for(
        "the page",
        "document.querySelector('#app')?.childElementCount",
    );
    page.wait_for("the address without it", "!location.href.includes('token')");
    assert_eq!(page.value("document.cookie"), "");
    let kept = page.value("JSON.stringify(localStorage) + document.documentElement.outerHTML");
    assert!(!kept.as_str().unwrap_or_default().contains(&token));
    page.check_quiet();
    // Another tab at the same address knows nothing.
    let mut other = browser.open(&format!("http://127.0.0.1:{}/", bench.port()), "");
    other.wait_for(
        "the page",
        "document.querySelector('#app')?.childElementCount",
    );
    let kept = other.value("JSON.stringify(sessionStorage)");
    assert!(!kept.as_str().unwrap_or_default().contains(&token));
}

/// Serves a page to whoever asks for whatever, and says where it is.
fn serve(ip: IpAddr, page: String) -> String {
    let listener = TcpListener::bind((ip, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else {
                return;
            };
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\
                 Content-Length: {}\r\n\r\n{page}",
                page.len()
            );
            thread::spawn(move || {
                let mut lines = BufReader::new(&stream);
                let mut line = String::new();
                while lines.read_line(&mut line).is_ok_and(|len| 2 < len) {
                    line.clear();
                }
                // A browser that has what it wants may have gone.
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    format!("http://{addr}")
}
