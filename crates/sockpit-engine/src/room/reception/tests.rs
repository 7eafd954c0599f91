use std::net::Ipv4Addr;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Two ends of a connection, ours first.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap());
    let (ours, theirs) = tokio::join!(listener.accept(), theirs);
    (ours.unwrap().0, theirs.unwrap())
}

/// What a connection is taken for that says `GET ` so much later, with browsers of late or not.
async fn is_browser(after: Duration, browsers: Browsers) -> bool {
    let (ours, mut theirs) = pair().await;
    let browsers = RefCell::new(browsers);
    let speak = async {
        // sleep: how late it speaks is what is looked at
        sleep(after).await;
        // Who was taken for another one is not listened to.
        let _ = theirs.write_all(b"GET / HTTP/1.1\r\n").await;
    };
    let (is_browser, ()) = tokio::join!(begins_with_http(&ours, &browsers), speak);
    is_browser
}

fn browsers_of(ips: &[IpAddr]) -> Browsers {
    let mut browsers = Browsers::default();
    for ip in ips {
        browsers.note(*ip, Instant::now());
    }
    browsers
}

#[tokio::test]
async fn a_browser_that_opens_connections_ahead_is_waited_for() {
    let late = SILENCE + Duration::from_millis(200);
    assert!(is_browser(late, browsers_of(&[HERE])).await);
}

#[tokio::test]
async fn others_are_greeted_soon() {
    let begin = Instant::now();
    let elsewhere = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let late = SILENCE + Duration::from_millis(200);
    assert!(!is_browser(late, browsers_of(&[elsewhere])).await);
    assert!(begin.elapsed() < BUSY);
}

#[tokio::test]
async fn a_browser_is_remembered_once_it_spoke() {
    let (ours, mut theirs) = pair().await;
    let browsers = RefCell::default();
    theirs.write_all(b"GET /").await.unwrap();
    assert!(begins_with_http(&ours, &browsers).await);
    let now = Instant::now();
    assert!(browsers.borrow().have_come_from(HERE, now));
    assert!(!browsers.borrow().have_come_from(HERE, now + OF_LATE));
}

#[test]
fn only_so_many_addresses_are_remembered() {
    let ip = |n: usize| IpAddr::V4(Ipv4Addr::from(n as u32));
    let mut browsers = Browsers::default();
    for n in 0..=MOST_BROWSERS {
        browsers.note(ip(n), Instant::now());
        browsers.note(ip(1), Instant::now());
    }
    assert_eq!(browsers.0.len(), MOST_BROWSERS);
    let now = Instant::now();
    assert!(!browsers.have_come_from(ip(0), now));
    assert!(browsers.have_come_from(ip(1), now));
    assert!(browsers.have_come_from(ip(MOST_BROWSERS), now));
}
