use std::net::SocketAddr;

use clap::{Args as _, Command, FromArgMatches as _};
use sockpit_engine::porch::Site;

use super::{Args, PORT, Settings, is_host};

fn args(words: &[&str]) -> Args {
    let command = Args::augment_args(Command::new("workbench"));
    let words = std::iter::once("workbench").chain(words.iter().copied());
    Args::from_arg_matches(&command.get_matches_from(words)).unwrap()
}

#[test]
fn f1_nothing_said_is_the_loopback() {
    let settings = Settings::resolve(args(&["--project", "p"])).unwrap();
    assert_eq!(settings.site, Site::Loopback(PORT));
    assert!(settings.or_any_port);
    let settings = Settings::resolve(args(&["--project", "p", "--port", "1"])).unwrap();
    assert_eq!(settings.site, Site::Loopback(1));
    assert!(!settings.or_any_port);
}

#[test]
fn f1_other_machines_need_a_token_of_their_own() {
    for ip in ["0.0.0.0", "::", "192.0.2.7", "::ffff:192.0.2.7"] {
        let error = Settings::resolve(args(&["--project", "p", "--bind", ip])).err();
        let error = error.unwrap().to_string();
        assert!(error.contains("`--token-file FILE`"), "{error}");
    }
    let settings = Settings::resolve(args(&["--project", "p", "--bind", "127.0.0.2"])).unwrap();
    let addr: SocketAddr = format!("127.0.0.2:{PORT}").parse().unwrap();
    assert_eq!(settings.site, Site::At(addr));
}

#[test]
fn f2_a_token_is_another_one_each_time_and_shows_itself_to_nobody() {
    let one = Settings::resolve(args(&["--project", "p"])).unwrap().token;
    let other = Settings::resolve(args(&["--project", "p"])).unwrap().token;
    assert_ne!(one.reveal(), other.reveal());
    assert_eq!(one.reveal().len(), 64);
    assert!(!format!("{one:?}").contains(one.reveal()));
}

#[test]
fn a_name_that_no_url_can_have_is_refused() {
    for name in ["bench.lan", "localhost:8000", "[::1]:80", "192.0.2.7"] {
        assert!(is_host(name), "{name}");
    }
    for name in ["", "http://bench.lan", "a b", "a/b", "a\n"] {
        assert!(!is_host(name), "{name}");
    }
}
