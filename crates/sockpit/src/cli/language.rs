//! Which language is spoken: what `--lang` says, or else the environment.

use std::ffi::OsString;

use sockpit_core::strings::Language;

/// Which variable counts: the first that is set, ours before those of POSIX.
const VARIABLES: [&str; 4] = ["SOCKPIT_LANG", "LC_ALL", "LC_MESSAGES", "LANG"];

/// The language of the environment.
pub(super) fn of_environment() -> Language {
    let value = |name: &&str| std::env::var_os(name).filter(|value| !value.is_empty());
    let locale = VARIABLES.iter().find_map(value);
    locale.map_or_else(Language::default, |locale| {
        Language::of_locale(&locale.to_string_lossy())
    })
}

/// The language that `--lang` asks for. Help is shown, and mistakes are told, before the arguments
/// are understood, so it is looked for by itself.
pub(super) fn of_arguments(arguments: impl Iterator<Item = OsString>) -> Option<Language> {
    let mut arguments = arguments.take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        let argument = argument.to_string_lossy();
        let value = match argument.strip_prefix("--lang") {
            Some("") => arguments.next()?.to_string_lossy().into_owned(),
            Some(rest) => match rest.strip_prefix('=') {
                Some(value) => value.to_owned(),
                None => continue,
            },
            None => continue,
        };
        return value.parse().ok();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Option<Language> {
        of_arguments(arguments.iter().map(OsString::from))
    }

    #[test]
    fn the_argument_is_found_wherever_it_stands() {
        assert_eq!(asked(&["sockpit", "--lang", "zh"]), Some(Language::Chinese));
        assert_eq!(
            asked(&["sockpit", "connect", "--lang=zh-CN", "--help"]),
            Some(Language::Chinese)
        );
        assert_eq!(
            asked(&["sockpit", "nets", "--lang", "en"]),
            Some(Language::English)
        );
    }

    #[test]
    fn what_is_no_argument_is_left_alone() {
        assert_eq!(asked(&["sockpit", "--lang"]), None);
        assert_eq!(asked(&["sockpit", "--language=zh"]), None);
        assert_eq!(asked(&["sockpit", "encode", "--", "--lang=zh"]), None);
        assert_eq!(asked(&["sockpit", "--lang=fr"]), None);
    }
}
