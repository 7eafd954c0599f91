use std::io::Write as _;
use std::net::TcpStream;
use std::thread;

use sockpit_core::load::ServeOptions;
use sockpit_core::plan;

use super::*;
use crate::transport::raw;

#[tokio::test]
async fn who_does_not_read_is_kept_little_for_where_many_do_not() {
    let asked = ServeOptions::default();
    let endpoint = "tcp://127.0.0.1:0".parse().unwrap();
    let plan = ServePlan::resolve(&endpoint, plan::Options::default(), asked).unwrap();
    let listeners = raw::listen(&plan.session).await.unwrap();
    let addr = listeners[0].local.trim_start_matches("tcp://").to_owned();
    let kept = Arc::new(AtomicU64::new(MOST_KEPT));
    let stopper = Stopper(Arc::default());
    let serving = Serving::new(Shared {
        plan: Arc::new(plan),
        listeners: Arc::new(listeners),
        open: Arc::default(),
        kept: kept.clone(),
        stopper: stopper.clone(),
        counter: Arc::default(),
    });
    let serving = serving.unwrap();
    let thread = thread::spawn(move || serving.run());
    let mut peer = TcpStream::connect(addr).unwrap();
    // Nothing is read of the echo, until nothing more is taken.
    peer.set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    while peer.write(&[b'x'; 64 << 10]).is_ok() {}
    let more = kept.load(Ordering::Relaxed) - MOST_KEPT;
    assert!((1..=CROWDED_READ_SIZE as u64).contains(&more), "{more}");
    drop(peer);
    while kept.load(Ordering::Relaxed) != MOST_KEPT {
        thread::yield_now();
    }
    stopper.stop();
    thread.join().unwrap();
}
