//! What the program says, in the language of who reads it.
//!
//! The program speaks English, and its records stay so. Where a sentence is shown to a person it is
//! looked up here: it is held against the English templates of the [`Catalogue`], and said again by
//! the template of the same key in the other language. What has no entry stays as it is.
//!
//! ```text
//!  en.toml     in-use = "{address} is already in use"
//!  zh-CN.toml  in-use = "{address} 已被占用"
//! ```

mod catalogue;
mod layout;
mod template;

use std::str::FromStr;

use crate::text::escape::VisibleLine;

pub use catalogue::Catalogue;

/// A language that people read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// As the program speaks.
    #[default]
    English,
    /// 简体中文.
    Chinese,
}

impl Language {
    /// The language of a locale such as `zh_CN.UTF-8`, as in `LANG`; English where it is another.
    #[must_use]
    pub fn of_locale(locale: &str) -> Self {
        let mut parts = locale.split(['_', '-', '.', '@']);
        match parts.next() {
            Some(word) if word.eq_ignore_ascii_case("zh") => Self::Chinese,
            _ => Self::English,
        }
    }
}

impl FromStr for Language {
    type Err = ParseLanguageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let language = Self::of_locale(text);
        let is_english = ["en", "C", "POSIX"].iter().any(|word| {
            let rest = text.get(word.len()..);
            let head = text.get(..word.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(word))
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '-', '.']))
        });
        if language == Self::English && !is_english {
            let text = text.to_owned();
            return Err(ParseLanguageError { text });
        }
        Ok(language)
    }
}

/// A language that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no language here; there are `en` and `zh`", VisibleLine(text))]
pub struct ParseLanguageError {
    text: String,
}

#[cfg(test)]
mod tests;
