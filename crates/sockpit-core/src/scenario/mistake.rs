//! What only a scenario can have wrong.

use crate::endpoint::ParseEndpointError;
use crate::plan::{OptionError, PlanError};
use crate::text::charset::EncodeError;
use crate::text::escape::VisibleLine;

/// What is wrong at one place of a scenario file, beside what a rule file can have wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// No session.
    #[error("the file has no `[[session]]`, each with a `name` and `connect` or `listen`")]
    NoSession,
    /// Nothing to do.
    #[error("nothing is done; write `[[step]]`, or `[[case]]` with `[[case.step]]`")]
    NoStep,
    /// A key of a session that is served, beside steps.
    #[error(
        "`{key}` is for a file without steps, whose sessions are served; what is sent and expected here is said by steps"
    )]
    Served {
        /// The key.
        key: &'static str,
    },
    /// A connection that cannot be made again.
    #[error(
        "`reconnect` is for clients of streams; a listener or a datagram has no connection to lose"
    )]
    Reconnect,
    /// A session that goes nowhere.
    #[error("the session needs `connect = \"ENDPOINT\"` or `listen = \"ENDPOINT\"`")]
    NoEndpoint,
    /// A step without a subject.
    #[error(
        "the step does nothing; write one of `send`, `send_hex`, `send_file`, `expect`, `expect_silence`, `expect_closed`, `sleep`, `finish`, `close`, `open`"
    )]
    NoAct,
    /// A step whose session is not told.
    #[error("there are several sessions; say which one, such as `session = \"{first}\"`")]
    WhichSession {
        /// One of them.
        first: String,
    },
    /// A session that is not there.
    #[error("there is no session `{}`; there are {}", VisibleLine(name), names.join(", "))]
    Session {
        /// What was asked for.
        name: String,
        /// The names that there are.
        names: Vec<String>,
    },
    /// A name that means something else in a text.
    #[error("a session cannot be called `{name}`: `${{{name}…}}` is something else")]
    Reserved {
        /// The name.
        name: String,
    },
    /// A file that cannot be read.
    #[error("cannot read `{}`: {reason}", VisibleLine(name))]
    File {
        /// Its name, as it was written.
        name: String,
        /// What the system says.
        reason: String,
    },
    /// A rule file of a session that has a mistake of its own.
    #[error("{error}")]
    Rules {
        /// The mistake, with its place.
        error: Box<crate::rule::RuleError>,
    },
    /// A rule file with a script: what is sent in order is told by the steps.
    #[error(
        "`{}` has a `[[script]]`; in a scenario the steps say what is sent",
        VisibleLine(name)
    )]
    Script {
        /// Its name, as it was written.
        name: String,
    },
    /// A name in a text that nothing has.
    #[error(
        "`${{{}}}` is not known: no session above is called `{}`, and no expectation before has that `name`",
        VisibleLine(name),
        VisibleLine(name.split('.').next().unwrap_or_default())
    )]
    Name {
        /// All between the braces.
        name: String,
    },
    /// What a session does not have.
    #[error(
        "`${{{}}}` is not known; a session that listens has `.port`, `.addr` and `.endpoint`",
        VisibleLine(name)
    )]
    Fact {
        /// All between the braces.
        name: String,
    },
    /// A session whose address nobody but the system knows.
    #[error(
        "`${{{}}}` is not known: the session does not listen",
        VisibleLine(name)
    )]
    Client {
        /// All between the braces.
        name: String,
    },
    /// A group that an expectation does not have.
    #[error("`${{{}}}` catches nothing: {}", VisibleLine(name), Groups(*count))]
    Group {
        /// All between the braces.
        name: String,
        /// How many groups the pattern has, the whole match included; 0 where no expectation comes
        /// before.
        count: usize,
    },
    /// An address among bytes.
    #[error("`${{{}}}` is text, among bytes; write `send`", VisibleLine(name))]
    NotBytes {
        /// All between the braces.
        name: String,
    },
    /// A way of ending that there is not.
    #[error(
        "`{}` is no end; write `fin`, `reset`, `refused`, `unreachable`, `timeout`, `idle`, `limit`, `error` or `any`",
        VisibleLine(word)
    )]
    End {
        /// What was written.
        word: String,
    },
    /// An endpoint that is none.
    #[error(transparent)]
    Endpoint(ParseEndpointError),
    /// An option that cannot be taken.
    #[error(transparent)]
    Option(OptionError),
    /// One that is given twice, as two spellings of its key are one.
    #[error("`{key}` and `{spelled}` are one option; write one of them")]
    Spelled {
        /// The key of an endpoint.
        key: &'static str,
        /// The same with `_`.
        spelled: String,
    },
    /// One that the endpoint has as well.
    #[error("`{key}` stands in the endpoint as well; write it in one place")]
    InEndpoint {
        /// The key of an endpoint.
        key: &'static str,
    },
    /// An endpoint with options that make no plan.
    #[error(transparent)]
    Plan(PlanError),
    /// A character that the session's charset does not have.
    #[error(transparent)]
    Charset(EncodeError),
    /// One in the rules of a session.
    #[error("{message}")]
    Check {
        /// Which and where.
        message: String,
    },
    /// A value of an option that is neither text, number nor switch.
    #[error("`{key}` is a text, a number or `true`")]
    Value {
        /// The option.
        key: &'static str,
    },
}

/// How many groups there are, as the end of a sentence.
struct Groups(usize);

impl std::fmt::Display for Groups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => f.write_str("no expectation comes before it"),
            1 => f.write_str("the expectation has no groups, only `${0}`"),
            count => write!(f, "the expectation has groups up to `${{{}}}`", count - 1),
        }
    }
}
