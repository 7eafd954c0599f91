//! Where a workbench is served, and how that ends.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;

use tokio::net::UnixStream;

use super::*;
use crate::workbench::ServeError;

#[tokio::test]
async fn f1_an_address_of_others_needs_a_token_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Workbench::start().unwrap();
    let any: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let refused = serve(bench.handle(), settings(Site::At(any), &folder)).await;
    assert!(matches!(refused, Err(ServeError::Exposed { addr }) if addr == any));
    let told = Settings {
        is_token_from_file: true,
        ..settings(Site::At(any), &folder)
    };
    let served = serve(bench.handle(), told).await.unwrap();
    assert!(served.url().starts_with("http://localhost:"));
}

#[tokio::test]
async fn a_port_that_is_taken_is_given_up_only_where_nobody_chose_it() {
    let first = start().await;
    let folder = tempfile::tempdir().unwrap();
    let bench = Workbench::start().unwrap();
    let taken = || Site::Loopback(first.port);
    let refused = serve(bench.handle(), settings(taken(), &folder)).await;
    assert!(matches!(refused, Err(ServeError::Listen(error)) if error.is_address_in_use()));
    let told = Settings {
        or_any_port: true,
        ..settings(taken(), &folder)
    };
    let served = serve(bench.handle(), told).await.unwrap();
    assert!(!served.url().contains(&format!(":{}/", first.port)));
}

#[tokio::test]
async fn f1_a_unix_socket_takes_the_port_that_is_forwarded_to_it() {
    let place = |folder: &TempDir| {
        let path = folder.path().join("bench.sock");
        Site::Path(path.to_str().unwrap().to_owned())
    };
    let site = start_at(place, &[]).await;
    let path = site.folder.path().join("bench.sock");
    assert_eq!(site.served.as_ref().unwrap().socket(), Some(path.as_path()));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for (headers, status) in [
        ("Host: localhost:8000", 200), // port: only a name
        ("Host: 127.0.0.1:1", 200),    // port: only a name
        ("Host: localhost", 200),
        ("Host: evil.test:8000", 421),
        ("Host: localhost:8000\r\nOrigin: http://localhost:8001", 403), // port: only a name
        ("Host: localhost:8000\r\nOrigin: http://localhost:8000", 200), // port: only a name
    ] {
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let text = request("/", &format!("{headers}\r\n"));
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        stream.read_to_end(&mut read).await.unwrap();
        assert_eq!(reply_of(&read).status, status, "{headers}");
    }
}

#[tokio::test]
async fn a_workbench_that_ends_says_so_to_its_pages() {
    let mut site = start().await;
    let (mut page, _) = site.page().await;
    let closing = site.served.take().unwrap().close();
    let heard = async {
        loop {
            if let Err(code) = page.next().await {
                return code;
            }
        }
    };
    let (code, ()) = tokio::join!(heard, closing);
    assert_eq!(code, 1001);
    assert!(TcpStream::connect(("127.0.0.1", site.port)).await.is_err());
}
