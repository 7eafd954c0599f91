//! The token: what a browser has to know, and nobody else.

use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use subtle::ConstantTimeEq as _;

/// In bytes: 256 bits cannot be guessed.
const RANDOM: usize = 32;

/// In characters: what is shorter is guessed.
const SHORTEST: usize = 32;

/// In bytes: what a file of a token may have.
const MAX_FILE: u64 = 1024;

/// What a browser has to know. It shows itself to nobody but by [`Token::reveal`].
#[derive(Clone)]
pub struct Token(String);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The system gives nothing random.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// The file cannot be read or made.
    #[error("{0}")]
    File(io::Error),
    /// Others can read the file.
    #[error("others can read it; `chmod 600` it")]
    Open,
    /// What stands in the file is no token.
    #[error(
        "a token is one line of at least {SHORTEST} letters, digits and `-_.~`; \
         where there is no file, one is made"
    )]
    Weak,
}

impl Token {
    /// A new one, which cannot be guessed.
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::Random`] where the system gives no random bytes.
    pub fn make() -> Result<Self, TokenError> {
        let mut bytes = [0; RANDOM];
        getrandom::fill(&mut bytes).map_err(TokenError::Random)?;
        let mut text = String::with_capacity(2 * RANDOM);
        for byte in bytes {
            write!(text, "{byte:02x}").expect("a string takes everything");
        }
        Ok(Self(text))
    }

    /// The one that stands in a file; where there is no file, a new one and the file with it, for
    /// this user alone.
    ///
    /// # Errors
    ///
    /// Returns a [`TokenError`] where others can read the file, or what stands there is no token.
    pub fn of_file(path: &Path) -> Result<Self, TokenError> {
        match File::open(path) {
            Ok(file) => Self::read(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = Self::make()?;
                let mut file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)
                    .map_err(TokenError::File)?;
                writeln!(file, "{}", token.0).map_err(TokenError::File)?;
                Ok(token)
            }
            Err(error) => Err(TokenError::File(error)),
        }
    }

    fn read(file: File) -> Result<Self, TokenError> {
        let facts = file.metadata().map_err(TokenError::File)?;
        if facts.mode() & 0o077 != 0 {
            return Err(TokenError::Open);
        }
        let mut text = String::new();
        file.take(MAX_FILE)
            .read_to_string(&mut text)
            .map_err(TokenError::File)?;
        let text = text.trim();
        let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
        if text.len() < SHORTEST || !text.chars().all(is_fine) {
            return Err(TokenError::Weak);
        }
        Ok(Self(text.to_owned()))
    }

    /// The token itself, for the one who started the workbench.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether somebody knows it. How long that takes says nothing about where it differs.
    #[must_use]
    pub fn is(&self, said: &str) -> bool {
        self.0.as_bytes().ct_eq(said.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests;
