//! What holds for every filter.

use super::*;

proptest! {
    #[test]
    fn a_filter_survives_being_shown(text in filters()) {
        let filter: Filter = text.parse().expect("a filter was made");
        let shown = filter.to_string();
        prop_assert_eq!(shown.parse::<Filter>().expect("what is shown is a filter"), filter, "{}", shown);
    }

    #[test]
    fn nothing_typed_makes_it_panic(text in "[a-z0-9 \"'\\\\()~=!<>&|.,?*你-]{0,60}") {
        if let Ok(filter) = text.parse::<Filter>() {
            let shown = filter.to_string();
            prop_assert_eq!(shown.parse::<Filter>().expect("what is shown is a filter"), filter, "{}", shown);
        }
    }

    #[test]
    fn de_morgan_holds(left in filters(), right in filters(), event in events()) {
        let holds = |text: String| {
            let filter: Filter = text.parse().expect("a filter was made");
            filter.matches(&Subject::of(&event))
        };
        prop_assert_eq!(
            holds(format!("not (({left}) and ({right}))")),
            holds(format!("not ({left}) or not ({right})"))
        );
        prop_assert_eq!(holds(format!("({left}) or ({right})")), holds(format!("({right}) or ({left})")));
        prop_assert_eq!(holds(format!("not not ({left})")), holds(left.clone()));
    }
}

fn filters() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[a-z0-9]{1,6}",
        "\"[a-z 你]{1,6}\"",
        "'[a-z\" ]{1,6}'",
        Just("\"a\\\\\\\\b\\\"\"".to_owned()),
    ];
    let term = prop_oneof![
        proptest::sample::select(vec![
            "in",
            "out",
            "chunk",
            "frame",
            "closed",
            "note",
            "partial",
            "malformed",
            "at > 2s",
            "at 1s..2s",
            "at <= 10:21:17.5",
            "hex ~ 0D ?? 4F",
            "hex = 6f6b",
            "reason fin,reset",
            "kind != text",
            "n 1..3",
        ])
        .prop_map(str::to_owned),
        (
            proptest::sample::select(vec!["peer", "session", "len", "offset", "count"]),
            proptest::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]),
            0u64..9
        )
            .prop_map(|(field, sign, number)| format!("{field} {sign} {number}")),
        (0u64..5, 0u64..5).prop_map(|(first, len)| format!("peer {first}..{}, 7", first + len)),
        (
            proptest::sample::select(vec!["text", "message", "addr", "local"]),
            proptest::sample::select(vec![
                "=", "!=", "~", "!~", "~*", "!~*", "contains", "starts", "ends"
            ]),
            value
        )
            .prop_map(|(field, sign, value)| format!("{field} {sign} {value}")),
        "\"[a-z]{1,4}\"",
    ];
    term.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join(" and ")),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join(" or ")),
            inner.clone().prop_map(|part| format!("not {part}")),
            inner.prop_map(|part| format!("({part})")),
        ]
    })
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| chunk(&bytes)),
        "[a-z0-9\r\n]{0,6}".prop_map(|text| frame(Direction::Out, text.as_bytes(), Some(&text))),
        "[a-z ]{0,6}".prop_map(|text| fault(FaultKind::Text, &text)),
    ]
}
