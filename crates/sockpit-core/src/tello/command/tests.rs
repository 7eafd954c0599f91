use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(line: &str, sdk: Sdk, wanted: &Order) {
    let command = Command::parse(line, sdk).expect(line);
    assert_eq!(command.order(), wanted, "{line}");
}

#[track_caller]
fn refused(line: &str, sdk: Sdk, wanted: &str) {
    let mistake = Command::parse(line, sdk).expect_err(line);
    assert_eq!(mistake.to_string(), wanted);
}

#[test]
fn a_line_means_what_it_says() {
    check(
        " forward  100 ",
        Sdk::V1_3,
        &Order::Move {
            way: Way::Forward,
            cm: 100,
        },
    );
    check("Takeoff", Sdk::V1_3, &Order::Takeoff);
    check("ccw 90", Sdk::V2_0, &Order::Turn { degrees: -90 });
    check("cw 3600", Sdk::V1_3, &Order::Turn { degrees: 3600 });
    check("rc -100 0 5 +7", Sdk::V1_3, &Order::Sticks([-100, 0, 5, 7]));
    let pad = Some(Pad::Any);
    check(
        "go 0 0 100 20 m-1",
        Sdk::V3_0,
        &Order::Go {
            to: [0, 0, 100],
            speed: 20,
            pad,
        },
    );
    check(
        "EXT mled l g 2.5 rrbb",
        Sdk::Rmtt,
        &Order::Ext("mled l g 2.5 rrbb".into()),
    );
    check(
        "ext MLED l r 1 hello you",
        Sdk::Rmtt,
        &Order::Ext("mled l r 1 hello you".into()),
    );
    check("EXT tof?", Sdk::Rmtt, &Order::Query(Query::ExtTof));
    check("!beam me up", Sdk::V1_3, &Order::Raw("beam me up".into()));
}

#[test]
fn what_a_drone_would_refuse_is_refused_before_it_is_sent() {
    refused(
        "forward 5",
        Sdk::V3_0,
        "`forward` takes 20–500 cm; 5 is too little",
    );
    refused("cw 361", Sdk::V2_0, "`cw` takes 1–360 °; 361 is too much");
    refused(
        "go 100 0 0 5",
        Sdk::V2_0,
        "`go` takes speed 10–100 cm/s; 5 is too little",
    );
    refused(
        "go 100 0 0 20",
        Sdk::V1_3,
        "`go` takes y 20–500 cm; 0 is too little",
    );
    refused(
        "go 19 -19 0 20",
        Sdk::V2_0,
        "`go` goes 20 cm or more; at least one of x, y and z has to be so far from 0",
    );
    refused(
        "go 1 2",
        Sdk::V1_3,
        "`go` is written `go x y z speed`; the number of arguments is 2",
    );
    refused(
        "curve 20 0 0 40 0 0 20",
        Sdk::V2_0,
        "the points of `curve` lie on a line; move one of them aside, or use `go`",
    );
    refused(
        "curve 20 20 0 40 0 0 20",
        Sdk::V2_0,
        "the circle of `curve` has a radius of 20 cm; 50–1000 cm can be flown",
    );
    refused(
        "stop",
        Sdk::V1_3,
        "`stop` came with SDK 2.0; this drone speaks SDK 1.3",
    );
    refused(
        "EXT led 1 2 3",
        Sdk::V3_0,
        "`EXT led` needs the controller of a RoboMaster TT; this drone speaks SDK 3.0",
    );
    refused(
        "go 1 2 3 10 m-1",
        Sdk::V2_0,
        "`m-1` came with SDK 3.0; this drone speaks SDK 2.0",
    );
    refused(
        "foward 100",
        Sdk::V1_3,
        "`foward` is no command; the nearest is `forward`, and `!` before a line sends it as it is",
    );
    refused(
        "up 20.5",
        Sdk::V1_3,
        "`up` takes a number as `x`, 20–500 cm; `20.5` is none",
    );
    refused(
        "up 99999999999999999999",
        Sdk::V1_3,
        "`up` takes 20–500 cm; 99999999999999999999 is too much",
    );
    refused(
        "flip x",
        Sdk::V1_3,
        "`flip` takes one of `l r f b` as `x`; `x` is none of them",
    );
    refused("", Sdk::V1_3, "there is no command in it");
    refused(
        "up\u{1b}[2J",
        Sdk::V1_3,
        "a command has no control characters; this has U+001B",
    );
}

#[test]
fn nobody_sees_a_password() {
    let command = Command::parse("ap home s3cret", Sdk::V2_0).unwrap();
    assert_eq!(command.to_string(), "ap home s3cret");
    assert_eq!(command.masked(), "ap home ***");
    assert!(!format!("{:?}", command.order()).contains("s3cret"));
    assert_eq!(
        Command::raw("Re0101 wifi a s3cret x").unwrap().masked(),
        "Re0101 wifi a ***"
    );
}

#[test]
fn a_long_way_takes_patience() {
    let command = Command::parse("forward 500", Sdk::V1_3).unwrap();
    assert_eq!(command.expected(10.0), Duration::from_millis(50_500));
    assert!(command.patience(10.0) > Duration::from_secs(60));
    assert!(command.patience(f64::NAN) > Duration::from_secs(60));
}

#[test]
fn an_arc_is_as_long_as_it_is() {
    let near = |a: f64, b: f64| assert!((a - b).abs() < 0.5, "{a} {b}");
    near(radius_cm([100, 100, 0], [0, 200, 0]).unwrap(), 100.0);
    near(arc_cm([100, 100, 0], [0, 200, 0]), 314.2);
    // Three quarters of the circle.
    near(arc_cm([200, 0, 0], [100, 100, 0]), 471.2);
    near(arc_cm([100, 0, 0], [200, 0, 0]), 200.0);
}

#[test]
fn what_may_follow_is_offered() {
    let texts = |typed: &str, sdk: Sdk| -> Vec<String> {
        complete(typed, sdk)
            .into_iter()
            .map(|candidate| candidate.text)
            .collect()
    };
    assert_eq!(texts("fo", Sdk::V1_3), ["forward"]);
    assert_eq!(
        texts("flip ", Sdk::V1_3),
        ["flip l", "flip r", "flip f", "flip b"]
    );
    assert_eq!(texts("st", Sdk::V1_3), ["streamon", "streamoff"]);
    assert_eq!(complete("forward ", Sdk::V1_3)[0].help, "x 20–500 cm");
    assert!(texts("EXT m", Sdk::Rmtt).contains(&"EXT mled sl".to_owned()));
    assert!(texts("xyz", Sdk::Rmtt).is_empty());
    assert_eq!(texts("", Sdk::V1_3).len(), forms(Sdk::V1_3).count());
}

#[test]
fn the_table_tells_ranges_with_their_units() {
    let form = FORMS.iter().find(|form| form.name == "go").unwrap();
    assert_eq!(form.usage(), "go x y z speed");
    assert_eq!(
        form.ranges(Sdk::V2_0),
        "x y z -500…500 cm, speed 10–100 cm/s"
    );
    assert_eq!(form.ranges(Sdk::V1_3), "x y z 20–500 cm, speed 10–100 cm/s");
}

/// A word for each argument of a form, the first or the last that it takes.
fn edge(parameter: &Parameter, sdk: Sdk, is_last: bool) -> String {
    match parameter.domain {
        Domain::Whole(_) => {
            let (from, to) = parameter.domain.range(sdk).unwrap();
            if is_last { to } else { from }.to_string()
        }
        Domain::Decimal(from, to) => if is_last { to } else { from }.to_string(),
        Domain::OneOf(words) => words[if is_last { words.len() - 1 } else { 0 }].to_owned(),
        Domain::Pad => if is_last { "m8" } else { "m1" }.to_owned(),
        Domain::Word(most) | Domain::Secret(most) | Domain::Text(most) => {
            "a".repeat(if is_last { most } else { 1 })
        }
        Domain::Pattern => "rbp0".repeat(if is_last { 16 } else { 1 }),
        Domain::Glyph => if is_last { "heart" } else { "!" }.to_owned(),
    }
}

#[test]
fn every_command_is_taken_at_its_edges_and_not_beyond() {
    for sdk in Sdk::ALL {
        for form in forms(sdk) {
            for is_last in [false, true] {
                let words: Vec<String> = form
                    .parameters
                    .iter()
                    .map(|it| edge(it, sdk, is_last))
                    .collect();
                let line = [&[form.name.to_owned()], words.as_slice()]
                    .concat()
                    .join(" ");
                match Command::parse(&line, sdk) {
                    Ok(command) => assert_eq!(command.to_string(), line),
                    // The corners of a cube lie on a line.
                    Err(mistake) => {
                        assert_eq!(
                            mistake.kind(),
                            MistakeKind::Combination,
                            "{line}: {mistake}"
                        );
                    }
                }
                for (index, parameter) in form.parameters.iter().enumerate() {
                    let Some((from, to)) = parameter.domain.range(sdk) else {
                        continue;
                    };
                    let mut beyond = words.clone();
                    beyond[index] = (if is_last { to + 1 } else { from - 1 }).to_string();
                    let line = [&[form.name.to_owned()], beyond.as_slice()]
                        .concat()
                        .join(" ");
                    let mistake = Command::parse(&line, sdk).expect_err(&line);
                    assert_eq!(mistake.kind(), MistakeKind::Range, "{line}");
                }
            }
        }
    }
}

#[test]
fn every_query_is_in_the_table() {
    for query in Query::ALL {
        let form = Command::query(*query).form().unwrap();
        assert_eq!(form.kind, Kind::Query);
        let command = Command::parse(query.as_str(), Sdk::Rmtt).unwrap();
        assert_eq!(command.question(), Some(*query));
    }
    let asked = FORMS.iter().filter(|form| form.kind == Kind::Query).count();
    assert_eq!(asked, Query::ALL.len());
}

proptest! {
    #[test]
    fn a_parsed_command_is_parsed_again(index in 0..FORMS.len(), numbers in prop::collection::vec(-500..=500_i32, 8)) {
        let form = &FORMS[index];
        let words: Vec<String> = form.parameters.iter().zip(&numbers).map(|(parameter, number)| {
            match parameter.domain {
                Domain::Whole(_) => number.to_string(),
                _ => edge(parameter, Sdk::Rmtt, number % 2 == 0),
            }
        }).collect();
        let line = [&[form.name.to_owned()], words.as_slice()].concat().join(" ");
        if let Ok(command) = Command::parse(&line, Sdk::Rmtt) {
            prop_assert_eq!(&command.to_string(), &line);
            prop_assert_eq!(Command::parse(&command.to_string(), Sdk::Rmtt), Ok(command));
        }
    }

    #[test]
    fn any_line_is_taken_or_refused(line in any::<String>(), words in "[a-z!?]{0,8}( [-+0-9a-z.]{0,12}){0,8}") {
        for sdk in Sdk::ALL {
            let _ = complete(&line, sdk);
            for line in [&line, &words] {
                match Command::parse(line, sdk) {
                    Ok(command) => prop_assert!(command.patience(50.0) >= command.expected(50.0)),
                    Err(mistake) => prop_assert!(!mistake.to_string().contains('\n')),
                }
            }
        }
    }
}
