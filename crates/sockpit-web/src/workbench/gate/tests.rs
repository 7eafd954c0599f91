use hyper::{HeaderMap, Uri};

use super::{Gate, Refusal};

fn check(gate: &Gate, headers: &[(&'static str, &str)]) -> Result<(), Refusal> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    gate.check(&Uri::from_static("/"), &map, false)
}

#[test]
fn f3_the_port_of_http_may_be_left_out() {
    let gate = Gate::new(&["127.0.0.1:80".parse().unwrap()], &[]);
    assert_eq!(check(&gate, &[("host", "localhost")]), Ok(()));
    assert_eq!(
        check(
            &gate,
            &[("host", "localhost"), ("origin", "http://localhost")]
        ),
        Ok(())
    );
    assert_eq!(
        check(&gate, &[("host", "localhost:8000")]),
        Err(Refusal::OtherHost)
    );
}

#[test]
fn f3_an_address_that_was_chosen_is_a_name() {
    let gate = Gate::new(&["192.0.2.7:7625".parse().unwrap()], &[]);
    assert_eq!(check(&gate, &[("host", "192.0.2.7:7625")]), Ok(()));
    let gate = Gate::new(&["0.0.0.0:7625".parse().unwrap()], &[]);
    for host in ["0.0.0.0:7625", "192.0.2.7:7625"] {
        assert_eq!(check(&gate, &[("host", host)]), Err(Refusal::OtherHost));
    }
}

#[test]
fn f3_a_proxy_may_speak_https() {
    let gate = Gate::new(
        &["127.0.0.1:7625".parse().unwrap()],
        &["bench.lan:443".to_owned()],
    );
    let headers = [
        ("host", "bench.lan:443"),
        ("origin", "https://bench.lan:443"),
    ];
    assert_eq!(check(&gate, &headers), Ok(()));
}
