use super::*;

fn draw(faults: &[&str], commands: &[&str]) -> Vec<Blow> {
    let faults = faults.iter().map(|text| text.parse().unwrap()).collect();
    let mut mishaps = Mishaps::new(faults, 7);
    let draw = |word: &&str| mishaps.draw(word, *word != "battery?");
    commands.iter().map(draw).collect()
}

#[test]
fn a_fault_survives_being_written() {
    for text in [
        "lose-command",
        "lose-reply=20%",
        "late-reply=3s@takeoff",
        "late-reply=500ms,10%",
        "double-reply@3",
        "junk-first",
        "imu@forward",
        "reboot@5",
        "reboot=0.5%",
        "state-stop=5s@2",
        "state-stop",
    ] {
        assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
    }
}

#[test]
fn every_fault_can_be_named() {
    for name in Fault::names() {
        let text = match name {
            "late-reply" => "late-reply=1s".to_owned(),
            name => format!("{name}@1"),
        };
        assert!(text.parse::<Fault>().is_ok(), "`{text}`");
    }
}

#[test]
fn a_mistake_says_what_is_wrong() {
    for (text, part) in [
        ("lose", "`lose-command`"),
        ("late-reply", "needs a time"),
        ("lose-reply=3s", "takes no time"),
        ("lose-reply=much", "`much`"),
        ("lose-reply=101%", "`101%`"),
        ("late-reply=9999999h", "`9999999h`"),
        ("reboot", "reboot@5"),
        ("imu@", "`@`"),
        ("imu@0", "`@0`"),
    ] {
        let error = text.parse::<Fault>().unwrap_err().to_string();
        assert!(error.contains(part), "`{text}`: {error}");
    }
}

#[test]
fn a_fault_befalls_the_named_command_alone() {
    let blows = draw(
        &["lose-reply@2", "late-reply=3s@takeoff"],
        &["command", "takeoff", "takeoff"],
    );
    let lost: Vec<_> = blows.iter().map(|blow| blow.loses_reply).collect();
    assert_eq!(lost, [false, true, false]);
    let late: Vec<_> = blows.iter().map(|blow| blow.late.as_secs()).collect();
    assert_eq!(late, [0, 3, 3]);
}

#[test]
fn faults_of_the_flight_befall_motions_unless_named() {
    let blows = draw(&["imu"], &["battery?", "up"]);
    assert_eq!(blows[0].error, None);
    assert_eq!(blows[1].error, Some("error No valid imu"));
    assert_eq!(
        draw(&["marker@battery?"], &["battery?"])[0].error,
        Some("error No valid marker")
    );
}

#[test]
fn chance_comes_from_the_seed() {
    let commands = vec!["up"; 1000];
    let blows = draw(&["lose-reply=20%"], &commands);
    let lost = blows.iter().filter(|blow| blow.loses_reply).count();
    assert!((150..250).contains(&lost), "{lost} of 1000");
    assert_eq!(blows, draw(&["lose-reply=20%"], &commands));
}

#[test]
fn junk_comes_once_and_is_no_text() {
    let mut mishaps = Mishaps::new(vec!["junk-first".parse().unwrap()], 1);
    let junk = mishaps.take_junk().unwrap();
    assert_eq!((junk.len(), junk[0]), (32, 0xCC));
    assert_eq!(mishaps.take_junk(), None);
}
