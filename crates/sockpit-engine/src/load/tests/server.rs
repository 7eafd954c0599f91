use super::*;

#[tokio::test]
async fn a_foreign_client_gets_an_echo() {
    let server = serve("tcp://127.0.0.1:0", ServeOptions::default()).await;
    let addr = server.local()[0].trim_start_matches("tcp://").to_owned();
    tokio::task::spawn_blocking(move || {
        // The first byte is one that a hello begins with.
        for said in [&b"hello"[..], &[0xa9, b'S', b'p', b'x']] {
            let mut stream = TcpStream::connect(&addr).unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            stream.write_all(said).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).unwrap();
            assert_eq!(heard, said);
        }
    })
    .await
    .unwrap();
    end(server).await;
}

#[tokio::test]
async fn half_a_hello_and_silence_is_an_echo_in_the_end() {
    let server = serve("tcp://127.0.0.1:0", ServeOptions::default()).await;
    let addr = server.local()[0].trim_start_matches("tcp://").to_owned();
    tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(&addr).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.write_all(&[0xa9, b'S']).unwrap();
        let mut heard = [0; 2];
        stream.read_exact(&mut heard).unwrap();
        assert_eq!(heard, [0xa9, b'S']);
    })
    .await
    .unwrap();
    end(server).await;
}

#[tokio::test]
async fn nobody_is_served_beyond_the_limit() {
    let limited = ServeOptions {
        max_peers: Some(2),
        ..ServeOptions::default()
    };
    let server = serve("tcp://127.0.0.1:0", limited).await;
    let addr = server.local()[0].trim_start_matches("tcp://").to_owned();
    // They are served for as long as others come, who would have their places otherwise.
    let served = [(); 2].map(|()| {
        let stream = TcpStream::connect(&addr).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    });
    let hear = |mut stream: &TcpStream| {
        stream.write_all(b"hello").unwrap();
        let mut heard = [0; 5];
        stream.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");
    };
    served.iter().for_each(hear);
    let asked = Options {
        timeout: Some(TimeSpan(Duration::from_millis(500))),
        duration: Some(TimeSpan(Duration::from_secs(1))),
        count: None,
        ..options(Mode::Request, 4, 1)
    };
    let report = load(&server.local()[0].clone(), asked).await;
    assert_eq!(report.received.messages, 0);
    served.iter().for_each(hear);
    let served = end(server).await;
    assert_eq!(served.accepted, 2);
    assert!(4 <= served.refused);
}

#[tokio::test]
async fn a_foreign_datagram_goes_back_and_an_ask_for_nothing_does_not() {
    let server = serve("udp://127.0.0.1:0", ServeOptions::default()).await;
    let addr = server.local()[0].trim_start_matches("udp://").to_owned();
    tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(&addr).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.send(&sockpit_core::load::wire::ask(7)).unwrap();
        for said in [&b""[..], b"x", &[0xa9; 80]] {
            socket.send(said).unwrap();
            let mut heard = [0; 100];
            let len = socket.recv(&mut heard).unwrap();
            assert_eq!(&heard[..len], said);
        }
    })
    .await
    .unwrap();
    end(server).await;
}

#[tokio::test]
async fn a_sink_that_was_chosen_counts_what_begins_without_a_hello() {
    let sink = ServeOptions {
        service: Service::Sink,
        ..ServeOptions::default()
    };
    let server = serve("tcp://127.0.0.1:0", sink).await;
    let asked = Options {
        plain: true,
        ..options(Mode::OneWay, 1, 10)
    };
    let report = load(&server.local()[0].clone(), asked).await;
    let served = end(server).await;
    assert_eq!(served.received_bytes, report.sent.bytes);
    assert_eq!(served.sent_bytes, 0);
}

#[tokio::test]
async fn two_servers_that_hear_each_other_fall_silent() {
    for service in [Service::Auto, Service::Echo] {
        let options = ServeOptions {
            service,
            ..ServeOptions::default()
        };
        let server = serve("udp://127.0.0.1:0", options).await;
        let addr = server.local()[0].trim_start_matches("udp://").to_owned();
        tokio::task::spawn_blocking(move || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(&addr).unwrap();
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            let header = Header {
                is_counted: false,
                run: 1,
                connection: 2,
                number: 3,
                due: 4,
            };
            let mut datagram = [b'x'; 64];
            header.write(&mut datagram);
            socket.send(&datagram).unwrap();
            let mut heard = [0; 100];
            let len = socket.recv(&mut heard).unwrap();
            assert_eq!(Datagram::of(&heard[..len]), Datagram::Answer(header));
            assert_eq!(heard[36..64], datagram[36..]);
            // What a server sends back gets no answer from one like it; what follows does.
            socket.send(&heard[..len]).unwrap();
            socket.send(b"next").unwrap();
            let len = socket.recv(&mut heard).unwrap();
            assert_eq!(&heard[..len], b"next");
        })
        .await
        .unwrap();
        end(server).await;
    }
}

#[tokio::test]
async fn what_goes_round_between_a_server_and_another_echo_ends() {
    let server = serve("udp://127.0.0.1:0", ServeOptions::default()).await;
    let addr = server.local()[0].trim_start_matches("udp://").to_owned();
    let hops = tokio::task::spawn_blocking(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(&addr).unwrap();
        let silence = Duration::from_secs(2);
        socket.set_read_timeout(Some(silence)).unwrap();
        socket.send(b"round").unwrap();
        let mut bytes = [0; 100];
        let mut hops = 0;
        while let Ok(len) = socket.recv(&mut bytes) {
            hops += 1;
            socket.send(&bytes[..len]).unwrap();
        }
        hops
    });
    let hops = tokio::time::timeout(DEADLINE, hops).await;
    let hops = hops.expect("it falls silent").unwrap();
    assert!((1..10_000).contains(&hops), "{hops}");
    end(server).await;
}
