use super::*;

#[test]
fn g3_a_password_is_never_drawn() {
    for (line, drawn) in [
        ("wifi home s3cret", Some("wifi home ******")),
        ("2>ap home s3cret", Some("2>ap home ******")),
        ("!ap home s3cret", Some("!ap home ******")),
        ("AP a a", Some("AP a *")),
        ("ap ap ap x", Some("ap ap ** *")),
        ("!Re0101 ap net pass", Some("!Re0101 ap net ****")),
        ("[TELLO] ap net pass", Some("[TELLO] ap net ****")),
        ("EXT mled l r 1 ap or not", None),
        ("wifi home ", None),
        ("wifi", None),
        ("forward 100", None),
        ("", None),
    ] {
        assert_eq!(mask(line).as_deref(), drawn, "{line}");
    }
}

#[test]
fn keys_are_the_lines_unless_somebody_is_at_the_sticks() {
    let (copilot, mut pressed) = Copilot::new(Sdk::V2_0);
    assert_eq!(copilot.key(Key::Char('w')), Pressed::Left);
    copilot.take_sticks(true);
    assert_eq!(copilot.key(Key::Char('w')), Pressed::Taken);
    assert_eq!(pressed.try_recv(), Ok(Key::Char('w')));
    assert_eq!(copilot.key(Key::Escape), Pressed::Ends);
    assert!(!copilot.is_at_sticks());
}

#[test]
fn a_command_says_what_it_still_takes() {
    let shown = hint("forward ", Sdk::V2_0).unwrap();
    assert!(
        shown.contains("20") && shown.contains("500") && shown.contains("cm"),
        "{shown}"
    );
    assert_eq!(hint("forward 50 ", Sdk::V2_0), None);
    assert_eq!(hint("forward", Sdk::V2_0), None);
    assert_eq!(hint("nothing ", Sdk::V2_0), None);
}

#[test]
fn a_prompt_has_a_row_for_the_state_and_more_for_the_sticks() {
    let (copilot, _pressed) = Copilot::new(Sdk::V2_0);
    assert_eq!(copilot.prompt(Some(5), "> "), "    \n> ");
    assert_eq!(copilot.prompt(None, "> "), "> ");
    copilot.take_sticks(true);
    let rows = copilot.prompt(Some(5), "> ").matches('\n').count();
    assert_eq!(rows, 1 + STICK_ROWS);
}

#[test]
fn g3_what_may_be_a_mistyped_password_is_not_remembered() {
    for line in ["wfii net pass", "1>wfii net pass"] {
        assert!(is_riddle(line, Sdk::Rmtt), "{line}");
    }
    for line in [
        "forward 5",
        "up",
        "wfii",
        "/video play ffplay -",
        "go 1 2 3 4",
    ] {
        assert!(!is_riddle(line, Sdk::Rmtt), "{line}");
    }
}
