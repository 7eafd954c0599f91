use super::*;

fn plan(endpoint: &str, asked: ServeOptions) -> Result<ServePlan, PlanError> {
    ServePlan::resolve(&endpoint.parse().unwrap(), plan::Options::default(), asked)
}

#[test]
fn datagrams_have_no_connections_to_limit() {
    let none = ServeOptions::default();
    for (key, asked) in [
        (
            "threads",
            ServeOptions {
                threads: Some(4),
                ..none
            },
        ),
        (
            "max-peers",
            ServeOptions {
                max_peers: Some(3),
                ..none
            },
        ),
        (
            "idle",
            ServeOptions {
                idle: Some(TimeSpan(IDLE)),
                ..none
            },
        ),
    ] {
        let error = plan("udp://127.0.0.1:7000", asked).expect_err(key);
        let said = format!("`{key}` has no meaning on udp; it belongs to tcp and unix");
        assert_eq!(error.to_string(), said);
        assert!(plan("tcp://127.0.0.1:7000", asked).is_ok());
    }
    assert!(plan("udp://127.0.0.1:7000", none).is_ok());
}

#[test]
fn options_in_the_query_count_or_are_refused() {
    let at = "tcp://127.0.0.1:7000?idle=300ms&max-peers=1";
    let told = plan(at, ServeOptions::default()).unwrap();
    assert_eq!((told.idle, told.max_peers), (Duration::from_millis(300), 1));
    let flag = ServeOptions {
        max_peers: Some(7),
        ..ServeOptions::default()
    };
    assert_eq!(plan(at, flag).unwrap().max_peers, 7);
    assert!(plan("tcp://127.0.0.1:7000?read-size=1", flag).is_err());
    // The client's: the same endpoint is for both sides.
    assert!(plan("tcp://127.0.0.1:7000?frame=lines&timeout=1s", flag).is_ok());
}
