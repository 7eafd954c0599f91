use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::*;

#[test]
fn an_open_connection_tells_of_its_traffic() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(&[7; 1000]).unwrap();
    server.read_exact(&mut [0; 1000]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let info = loop {
        let info = tcp_info(client.as_fd()).unwrap();
        if info.unacked == 0 {
            break info;
        }
        assert!(Instant::now() < deadline, "not within ten seconds");
    };
    assert_eq!(info.state, 1);
    assert!(info.cwnd > 0 && info.mss > 500 && info.rtt_us > 0 && info.path_mtu > 576);
    assert_eq!((info.segments_again, info.lost), (0, 0));
    // The SYN counts as acknowledged.
    assert_eq!(info.bytes_acked.unwrap_or(1001), 1001);
    assert_eq!(info.bytes_sent.unwrap_or(1000), 1000);
    assert!(info.options.window_scale.is_some() && info.options.sack);
    assert!(info.peer_window.is_none_or(|window| window > 1000));
    let info = tcp_info(server.as_fd()).unwrap();
    assert_eq!(info.bytes_received.unwrap_or(1000), 1000);
    assert!(!congestion(client.as_fd()).unwrap().is_empty());
}

#[test]
fn another_socket_has_none() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    assert!(tcp_info(socket.as_fd()).is_err());
    assert!(congestion(socket.as_fd()).is_err());
}

#[test]
fn b1_an_older_kernel_tells_less() {
    let mut bytes = vec![0; 280];
    bytes[148..152].fill(0xff);
    bytes[76..80].copy_from_slice(&INFINITE_SSTHRESH.to_ne_bytes());
    let whole = parse(&bytes).unwrap();
    assert_eq!((whole.min_rtt_us, whole.ssthresh), (None, None));
    assert_eq!(whole.window, Some(0));
    for len in 0..bytes.len() {
        let info = parse(&bytes[..len]);
        assert_eq!(info.is_some(), len >= 104, "of {len} bytes");
        let Some(info) = info else { continue };
        assert_eq!(info.bytes_acked.is_some(), len >= 128);
        assert_eq!(info.peer_window.is_some(), len >= 232);
    }
}
