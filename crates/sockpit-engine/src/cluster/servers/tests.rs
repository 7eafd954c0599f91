use super::Servers;

#[test]
fn servers_are_shown_without_their_passwords() {
    let servers: Servers = "nats://anna:secret@10.0.0.1:4223, tls://b.example"
        .parse()
        .expect("two servers");
    assert_eq!(
        servers.to_string(),
        "nats://10.0.0.1:4223,tls://b.example:4222"
    );
}

#[test]
fn a_host_alone_is_reached_by_nats() {
    let servers: Servers = "127.0.0.1".parse().expect("a server");
    // port: never opened
    assert_eq!(servers.to_string(), "nats://127.0.0.1:4222");
}

#[test]
fn g3_what_is_no_server_of_nats_is_refused_and_no_password_is_shown() {
    let ways = ["ws://anna:secret@10.0.0.1", "nats://anna:secret@:::"];
    for way in ways {
        let error = way.parse::<Servers>().expect_err("no server");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn g3_a_password_with_a_comma_is_not_shown_either() {
    for way in ["nats://anna:sec,ret@10.0.0.1", "nats://anna:s@cr,et@::"] {
        let error = way.parse::<Servers>().expect_err("no server");
        assert!(!error.contains("sec") && !error.contains("s@cr"), "{error}");
    }
}
