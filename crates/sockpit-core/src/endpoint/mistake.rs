//! What people write wrongly in an endpoint, and the way out of each.

/// A mistake in an endpoint; its message follows the text as typed, in backticks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Mistake {
    #[error("is not an endpoint; write `host:port`, such as `localhost:7000`")]
    Empty,
    #[error(
        "is {count} words; write one endpoint such as `tcp://localhost:7000`, or `host port` as two"
    )]
    Words { count: usize },
    #[error(
        "is two words, but not a host and its port; write one endpoint such as `localhost:7000`"
    )]
    NotHostAndPort,
    #[error("has no port; write `{example}:7000`, with the port you mean")]
    MissingPort { example: String },
    #[error("has `{port}` where its port should be; write a number from 0 to 65535")]
    PortName { port: String },
    #[error("has the port {port}, but ports end at 65535")]
    PortRange { port: String },
    #[error(
        "has the unknown scheme `{scheme}`; use `tcp`, `udp`, `unix` or `unixgram`, \
         such as `tcp://localhost:7000`"
    )]
    UnknownScheme { scheme: String },
    #[error(
        "needs `{scheme}`, which is not available in this build; \
         use `tcp`, `udp`, `unix` or `unixgram`"
    )]
    UnavailableScheme { scheme: String },
    #[error("has nothing between its brackets; write an IPv6 address, such as `[::1]:7000`")]
    EmptyBrackets,
    #[error("has a bracket without its other half; write an IPv6 address as in `[::1]:7000`")]
    LoneBracket,
    #[error("goes on with `{rest}` after the bracket; write `:` and a port, as in `[::1]:7000`")]
    AfterBracket { rest: String },
    #[error(
        "has `{inside}` in brackets, which is not an IPv6 address; \
         names and IPv4 addresses stand without brackets"
    )]
    NotIpv6 { inside: String },
    #[error("is an IPv6 address without brackets; write `{example}`")]
    BareIpv6 { example: String },
    #[error(
        "has the zone `{zone}`, which is not the name of an interface; \
         write it as in `[fe80::1%eth0]:7000`"
    )]
    Zone { zone: String },
    #[error(
        "has the host `{host}`, which is not an IPv4 address: \
         that is four numbers from 0 to 255, such as `127.0.0.1`"
    )]
    Ipv4 { host: String },
    #[error(
        "has the host `{host}`, which is neither a name nor an address; \
         write `host:port`, such as `localhost:7000`"
    )]
    Host { host: String },
    #[error(
        "goes on with `{rest}`, but the port ends the address; options follow a `?`, \
         and a Unix socket is `unix:/path`"
    )]
    AfterPort { rest: String },
    #[error("looks like a path; write `unix:{path}` for a Unix socket")]
    BarePath { path: String },
    #[error("holds the full-width character `{written}`; type the half-width `{ascii}`")]
    FullWidth { written: char, ascii: char },
    #[error(
        "has socat's options `{options}` after a comma; \
         write options as a query, such as `?nodelay=1`"
    )]
    SocatOptions { options: String },
    #[error("names no path; write `{scheme}:/run/a.sock`, or `{scheme}:@name` for an abstract one")]
    EmptyPath { scheme: &'static str },
    #[error("has a relative path after two slashes; write `{scheme}:/{path}` or `{scheme}:{path}`")]
    RelativeAfterSlashes { scheme: &'static str, path: String },
    #[error(
        "has a path of {len} bytes, but the system takes {limit}; \
         use a shorter one, or one relative to its folder"
    )]
    LongPath { len: usize, limit: usize },
    #[error("holds a NUL byte, which the name of a Unix socket cannot; leave it out")]
    Nul,
    #[error(
        "has `{found}`, but two hexadecimal digits follow a percent sign; \
         write `%25` for the sign itself"
    )]
    Percent { found: String },
    #[error("has `%XX` escapes that are not UTF-8; write the characters themselves")]
    NotUtf8,
    #[error("has the option `{pair}` without a name; write `?name=value`")]
    OptionName { pair: String },
}
