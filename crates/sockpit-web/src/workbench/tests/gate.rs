//! Who is answered, and how every answer protects itself (rules F3 and F4).

use super::*;

#[tokio::test]
async fn f3_every_request_is_answered_as_the_table_says() {
    let site = start().await;
    let other_port = match site.port {
        u16::MAX => 1,
        port => port + 1,
    };
    let rows: Vec<(&str, String, u16)> = [
        // Our own names, and no others.
        ("/", "Host: 127.0.0.1:PORT", 200),
        ("/", "Host: localhost:PORT", 200),
        ("/", "Host: LOCALHOST:PORT", 200),
        ("/", "Host: [::1]:PORT", 200),
        ("/", "Host: 127.0.0.1", 421),
        ("/", "Host: localhost", 421),
        ("/", "Host: localhost:OTHER", 421),
        ("/", "Host: rebind.test:PORT", 421),
        ("/", "Host: 127.0.0.2:PORT", 421),
        ("/", "Host: localhost.:PORT", 421),
        ("/", "Host: localhost:PORT.evil.test", 421),
        ("/", "Host: evil.test@localhost:PORT", 421),
        ("/", "X: y", 400),
        ("/", "Host: localhost:PORT\r\nHost: evil.test", 400),
        ("/assets", "Host: 127.0.0.1:PORT", 200),
        ("/assets", "Host: rebind.test:PORT", 421),
        (
            "/api",
            "Host: rebind.test:PORT\r\nAuthorization: Bearer TOKEN",
            421,
        ),
        ("/ws", "Host: rebind.test:PORT", 421),
        ("/ws", "Host: 127.0.0.1:PORT", 101),
        ("GET http://evil.test/", "Host: 127.0.0.1:PORT", 421),
        ("GET /nothing", "Host: evil.test", 421),
        ("GET /nothing", "Host: 127.0.0.1:PORT", 404),
        // Whose page made the browser ask.
        (
            "/",
            "Host: localhost:PORT\r\nOrigin: http://localhost:PORT",
            200,
        ),
        (
            "/",
            "Host: localhost:PORT\r\nOrigin: http://localhost:OTHER",
            403,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nOrigin: http://localhost:PORT",
            101,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nOrigin: http://localhost",
            403,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nOrigin: http://localhost:OTHER",
            403,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nOrigin: http://127.0.0.2:PORT",
            403,
        ),
        ("/ws", "Host: localhost:PORT\r\nOrigin: null", 403),
        ("/ws", "Host: localhost:PORT\r\nOrigin: file://", 403),
        (
            "/ws",
            "Host: localhost:PORT\r\nOrigin: http://evil.test",
            403,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nOrigin: http://localhost:PORT\r\nOrigin: http://evil.test",
            403,
        ),
        ("/assets", "Host: localhost:PORT\r\nOrigin: null", 403),
        (
            "/api",
            "Host: localhost:PORT\r\nOrigin: http://evil.test\r\nAuthorization: Bearer TOKEN",
            403,
        ),
        // What a browser says of it where it sends no Origin.
        ("/", "Host: localhost:PORT\r\nSec-Fetch-Site: none", 200),
        (
            "/",
            "Host: localhost:PORT\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n\
             Sec-Fetch-Dest: document",
            200,
        ),
        (
            "/",
            "Host: localhost:PORT\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n\
             Sec-Fetch-Dest: iframe",
            403,
        ),
        (
            "/",
            "Host: localhost:PORT\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors",
            403,
        ),
        (
            "/assets",
            "Host: localhost:PORT\r\nSec-Fetch-Site: same-origin",
            200,
        ),
        (
            "/assets",
            "Host: localhost:PORT\r\nSec-Fetch-Site: same-site",
            403,
        ),
        (
            "/assets",
            "Host: localhost:PORT\r\nSec-Fetch-Site: cross-site",
            403,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nSec-Fetch-Site: same-site",
            403,
        ),
        (
            "/ws",
            "Host: localhost:PORT\r\nSec-Fetch-Site: cross-site",
            403,
        ),
        (
            "/api",
            "Host: localhost:PORT\r\nSec-Fetch-Site: same-site\r\nAuthorization: Bearer TOKEN",
            403,
        ),
        // The token; who has it and asks for a page that is not there is told so.
        ("/api", "Host: localhost:PORT", 401),
        ("/api", "Host: localhost:PORT\r\nAuthorization: Bearer", 401),
        (
            "/api",
            "Host: localhost:PORT\r\nAuthorization: Bearer x",
            401,
        ),
        (
            "/api",
            "Host: localhost:PORT\r\nAuthorization: Basic TOKEN",
            401,
        ),
        (
            "/api",
            "Host: localhost:PORT\r\nAuthorization: Bearer TOKENx",
            401,
        ),
        ("/api", "Host: localhost:PORT\r\nCookie: token=TOKEN", 401),
        (
            "/api",
            "Host: localhost:PORT\r\nAuthorization: Bearer TOKEN\r\nAuthorization: Bearer x",
            401,
        ),
        ("POST /api/export?token=TOKEN", "Host: localhost:PORT", 401),
        ("GET /api/other", "Host: localhost:PORT", 401),
        (
            "/api",
            "Host: localhost:PORT\r\nAuthorization: Bearer TOKEN",
            422,
        ),
        (
            "/api",
            "Host: localhost:PORT\r\nAuthorization: bearer TOKEN",
            422,
        ),
        (
            "GET /api/export",
            "Host: localhost:PORT\r\nAuthorization: Bearer TOKEN",
            405,
        ),
        (
            "POST /api/other",
            "Host: localhost:PORT\r\nAuthorization: Bearer TOKEN",
            404,
        ),
        // Methods and ways in that there are not.
        ("POST /", "Host: localhost:PORT", 405),
        (
            "OPTIONS /",
            "Host: localhost:PORT\r\nOrigin: http://evil.test",
            403,
        ),
        ("OPTIONS /api/export", "Host: localhost:PORT", 401),
        ("POST /ws", "Host: localhost:PORT", 405),
        ("GET /ws", "Host: localhost:PORT", 426),
        ("GET /../Cargo.toml", "Host: localhost:PORT", 404),
        (
            "GET /assets/..%2f..%2fCargo.toml",
            "Host: localhost:PORT",
            404,
        ),
        ("GET //etc/passwd", "Host: localhost:PORT", 404),
    ]
    .into_iter()
    .map(|(what, headers, status)| {
        let headers = headers.replace("OTHER", &other_port.to_string());
        (what, format!("{headers}\r\n"), status)
    })
    .collect();
    assert!(60 <= rows.len());
    for (what, headers, status) in rows {
        let reply = match status {
            101 => {
                // What is accepted stays open; its first line says so.
                let mut stream = site.connect().await;
                let text = request(what, &headers).replace("PORT", &site.port.to_string());
                stream.write_all(text.as_bytes()).await.unwrap();
                let mut read = vec![0; 12];
                stream.read_exact(&mut read).await.unwrap();
                reply_of(&read)
            }
            _ => site.ask(&request(what, &headers)).await,
        };
        assert_eq!(reply.status, status, "{what} {headers:?}\n{}", reply.head);
        assert_eq!(reply.header("access-control-allow-origin"), None);
        assert_eq!(reply.header("set-cookie"), None);
        assert!(!reply.head.contains(&site.token) && !reply.body.contains(&site.token));
    }
}

#[tokio::test]
async fn f3_further_names_are_those_that_were_allowed() {
    // port: only a name
    let site = start_at(|_| Site::Loopback(0), &["bench.lan", "localhost:8000"]).await;
    for (host, status) in [
        ("bench.lan:PORT", 200),
        ("BENCH.lan:PORT", 200),
        ("bench.lan", 421),
        ("localhost:8000", 200), // port: only a name
        ("127.0.0.1:8000", 421), // port: only a name
    ] {
        let reply = site.ask(&request("/", &format!("Host: {host}\r\n"))).await;
        assert_eq!(reply.status, status, "{host}");
    }
}

#[tokio::test]
async fn f4_every_answer_protects_itself() {
    let site = start().await;
    for what in ["/", "/assets", "/api", "GET /nothing", "POST /"] {
        let reply = site.ask(&request(what, OURS)).await;
        let policy = reply.header("content-security-policy").unwrap();
        assert_eq!(
            policy,
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; \
             require-trusted-types-for 'script'; trusted-types svelte-trusted-html"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{what} {name}");
        }
    }
}

#[tokio::test]
async fn what_has_its_content_in_its_name_is_kept_and_the_entrance_is_not() {
    let site = start().await;
    let page = site.ask(&request("/", OURS)).await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let script = page.body.split("src=\"./").nth(1).unwrap();
    let script = script.split('"').next().unwrap();
    let reply = site.ask(&request(&format!("GET /{script}"), OURS)).await;
    assert_eq!(reply.status, 200, "{script}");
    assert_eq!(
        reply.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(
        reply.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    let head = site.ask(&request("HEAD /", OURS)).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}
