use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Token, TokenError};

#[test]
fn f2_a_token_has_256_bits_and_is_never_given_twice() {
    let tokens: Vec<Token> = (0..100).map(|_| Token::make().unwrap()).collect();
    for (at, token) in tokens.iter().enumerate() {
        assert_eq!(token.reveal().len(), 64);
        assert!(tokens[..at].iter().all(|other| !token.is(other.reveal())));
    }
}

#[test]
fn f2_a_token_is_known_whole_or_not_at_all() {
    let token = Token::make().unwrap();
    let text = token.reveal();
    assert!(token.is(text));
    for wrong in [
        "",
        &text[1..],
        &text[..63],
        &format!("{text}0"),
        &text.to_uppercase(),
    ] {
        assert!(!token.is(wrong) || wrong == text, "{wrong}");
    }
}

#[test]
fn g3_a_token_does_not_show_itself() {
    let token = Token::make().unwrap();
    assert_eq!(format!("{token:?}"), "Token(…)");
}

#[test]
fn a_token_file_that_is_missing_is_made_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let made = Token::of_file(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(Token::of_file(&path).unwrap().is(made.reveal()));
}

#[test]
fn f1_a_token_that_others_can_read_or_guess_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let write = |text: &str, mode| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Token::of_file(&path)
    };
    let good = "0123456789abcdefghijklmnopqrstuv";
    assert!(matches!(write(good, 0o644), Err(TokenError::Open)));
    for weak in [
        "",
        "short",
        &good[1..],
        "0123456789abcdef 123456789abcdef",
        &"x".repeat(2000),
    ] {
        let token = write(weak, 0o600);
        let is_cut = weak.len() == 2000 && token.is_ok();
        assert!(matches!(token, Err(TokenError::Weak)) || is_cut, "{weak}");
    }
    assert!(write(&format!(" {good}\n"), 0o600).unwrap().is(good));
}
