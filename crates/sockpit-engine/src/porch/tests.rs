use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::{Porch, Site, give_up_capturing};

#[tokio::test]
async fn f1_the_loopback_is_taken_at_both_addresses_on_one_port() {
    let mut porch = Porch::open(&Site::Loopback(0)).await.unwrap();
    let local = porch.local();
    let port: u16 = local[0].rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(local[0], format!("tcp://127.0.0.1:{port}"));
    if let Some(other) = local.get(1) {
        assert_eq!(*other, format!("tcp://[::1]:{port}"));
    }
    let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut stream, addr) = porch.accept().await.unwrap();
    assert_eq!(addr, client.local_addr().unwrap().to_string());
    client.write_all(b"GET").await.unwrap();
    let mut read = [0; 3];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"GET");
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused_with_its_address() {
    let porch = Porch::open(&Site::Loopback(0)).await.unwrap();
    let port: u16 = porch.local()[0]
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let error = Porch::open(&Site::Loopback(port)).await.err().unwrap();
    assert!(error.is_address_in_use());
    assert_eq!(error.target(), format!("tcp://127.0.0.1:{port}"));
}

#[tokio::test]
async fn f1_a_unix_socket_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("workbench.sock");
    let text = path.to_str().unwrap().to_owned();
    let mut porch = Porch::open(&Site::Path(text)).await.unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let _client = UnixStream::connect(&path).await.unwrap();
    porch.accept().await.unwrap();
    drop(porch);
    assert!(!path.exists());
}

#[test]
fn g7_a_thread_that_gave_up_capturing_has_not_the_privilege() {
    // A privilege is a thread's.
    let has_it = std::thread::spawn(|| {
        give_up_capturing().unwrap();
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        ["CapEff:", "CapPrm:", "CapInh:"].iter().any(|name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let set = u64::from_str_radix(line.unwrap().trim(), 16).unwrap();
            set & (1 << 13) != 0
        })
    });
    assert!(!has_it.join().unwrap());
}
