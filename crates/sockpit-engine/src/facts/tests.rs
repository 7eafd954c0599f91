use std::future::poll_fn;
use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::task::Poll;

use tokio::io::Interest;

use super::*;

fn pair() -> (StreamLink, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_nonblocking(true).unwrap();
    let client = tokio::net::TcpStream::from_std(client).unwrap();
    (StreamLink::Tcp(client), listener.accept().unwrap().0)
}

fn forget(fd: BorrowedFd<'_>) {
    timestamping::drain(fd, |_| {}).unwrap();
}

/// The runtime takes a socket with an error and room to write for one that is closed for writing,
/// which it never asks about again.
#[tokio::test(flavor = "current_thread")]
async fn a_stamp_that_the_runtime_has_seen_leaves_it_able_to_wait() {
    let (mut link, mut peer) = pair();
    timestamping::enable(link.fd().unwrap()).unwrap();
    let mut sent = poll_fn(|cx| link.poll_write_stamped(cx, b"x", forget))
        .await
        .unwrap();
    let StreamLink::Tcp(stream) = &link else {
        unreachable!("it was made of one")
    };
    stream.ready(Interest::ERROR).await.unwrap();
    assert!(
        stream
            .ready(Interest::WRITABLE)
            .await
            .unwrap()
            .is_write_closed()
    );
    let mut asked = 0;
    let fill = async {
        loop {
            sent += poll_fn(|cx| {
                asked += 1;
                link.poll_write_stamped(cx, &[7; 64 * 1024], forget)
            })
            .await
            .unwrap();
        }
    };
    let filled: Result<(), _> = tokio::time::timeout(Duration::from_millis(500), fill).await;
    assert!(filled.is_err(), "the peer reads nothing");
    assert!(asked < 2000, "asked {asked} times");
    let reader = std::thread::spawn(move || {
        let mut received = Vec::new();
        peer.read_to_end(&mut received).map(|_| received)
    });
    let written = poll_fn(|cx| link.poll_write_stamped(cx, b"z", forget));
    let written = tokio::time::timeout(Duration::from_secs(10), written).await;
    assert_eq!(written.expect("there is room again").unwrap(), 1);
    drop(link);
    assert_eq!(reader.join().unwrap().unwrap().len(), sent + 1);
}

#[tokio::test(flavor = "current_thread")]
async fn a_stamped_write_to_a_peer_that_is_gone_fails() {
    let (mut link, peer) = pair();
    timestamping::enable(link.fd().unwrap()).unwrap();
    drop(peer);
    let gone = poll_fn(|cx| {
        let written = link.poll_write_stamped(cx, &[7; 1024], forget);
        if matches!(written, Poll::Ready(Ok(_))) {
            // The system learns of it by the peer's answer.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        written
    });
    let gone = tokio::time::timeout(Duration::from_secs(10), gone).await;
    gone.expect("the peer's system answers").unwrap_err();
}
