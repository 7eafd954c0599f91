use clap::{CommandFactory, Parser};

use super::*;

#[derive(Parser)]
struct Program {
    #[arg(long)]
    send: Option<String>,
    #[command(flatten)]
    output: IfTyped<Output>,
    #[command(flatten)]
    link: IfTyped<Link>,
}

#[derive(clap::Args, Default)]
struct Output {
    #[arg(long)]
    lens: bool,
    #[arg(short, long)]
    quiet: bool,
}

#[derive(clap::Args, Default)]
struct Link {
    #[arg(long)]
    bind: Option<String>,
}

fn names(command: &Command) -> Vec<String> {
    let names = command.get_arguments().filter_map(clap::Arg::get_long);
    names.map(str::to_owned).collect()
}

/// The program as it understood what was typed, and the names of the arguments that were made.
fn typed(words: &[&str]) -> (Program, Vec<String>) {
    LEFT_OUT.take();
    make_for(words.iter().map(OsString::from));
    let mut command = Program::command();
    let names = names(&command);
    let words = std::iter::once(&"program").chain(words);
    let matches = command.try_get_matches_from_mut(words).unwrap();
    (Program::from_arg_matches(&matches).unwrap(), names)
}

#[test]
fn a_group_is_made_where_something_of_it_was_typed_or_of_one_behind_it() {
    let cases: [(&[&str], &[&str]); 6] = [
        (&[], &["send"]),
        (&["--send", "ping"], &["send"]),
        (&["--send=ping"], &["send"]),
        (&["--lens"], &["send", "lens", "quiet"]),
        (&["-q"], &["send", "lens", "quiet", "bind"]),
        (&["--bind=:1"], &["send", "lens", "quiet", "bind"]),
    ];
    for (words, made) in cases {
        assert_eq!(typed(words).1, made, "{words:?}");
    }
}

#[test]
fn what_was_typed_is_understood_and_the_rest_is_as_by_default() {
    let (program, _) = typed(&["--send", "ping"]);
    assert_eq!(program.send.as_deref(), Some("ping"));
    assert!(!program.output.lens && program.link.bind.is_none());
    let (program, _) = typed(&["--lens", "--send", "ping"]);
    assert!(program.output.lens && !program.output.quiet);
    let (program, _) = typed(&["-q", "--bind", ":1"]);
    assert!(program.output.quiet && program.link.bind.as_deref() == Some(":1"));
}

#[test]
fn every_group_is_made_where_help_is_asked_for_or_nothing_is_known_of_what_was_typed() {
    let all = ["send", "lens", "quiet", "bind"];
    assert_eq!(names(&Program::command()), all);
    for asked in ["--help", "help"] {
        make_for([asked].iter().map(OsString::from));
        assert_eq!(names(&Program::command()), all, "{asked}");
    }
    make_for(std::iter::empty());
    assert_eq!(names(&Program::command()), ["send"]);
    assert_eq!(names(&at_once(Program::command)), all);
}
