use super::*;

#[test]
fn every_benchmark_can_be_prepared() {
    let bench = bench();
    for (name, prepare) in BENCHMARKS {
        assert!(prepare(&bench).is_ok(), "{name}");
    }
}

#[test]
fn every_benchmark_has_a_name_of_its_own() {
    for (place, (name, _)) in BENCHMARKS.iter().enumerate() {
        let rest = &BENCHMARKS[place + 1..];
        assert!(rest.iter().all(|(other, _)| other != name), "{name}");
    }
}

#[test]
fn a_load_is_told_its_port_its_count_and_its_time() {
    let command: Command = bench().load("echo", 7, 50);
    let words: Vec<_> = command.get_args().collect();
    assert_eq!(words, ["bench-load", "echo", "7", "50", "1500"]);
}

fn bench() -> Bench {
    Bench {
        size_mib: 1,
        time: Duration::from_millis(1500),
        sockpit: "sockpit".into(),
        xtask: "xtask".into(),
    }
}
