//! `sockpit workbench`, and `sockpit` without arguments: everything in a browser of this machine.

use std::env;
use std::fs::DirBuilder;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use sockpit_core::endpoint::Endpoint;
use sockpit_core::plan::{Options, Plan, Role};
use sockpit_core::size::ByteSize;
use sockpit_engine::porch::{self, Site};
use sockpit_engine::project::Project;
use sockpit_engine::{Workbench, history};
use sockpit_web::workbench::{self, Served, Token};

use crate::command::talk;
use crate::console::Console;
use crate::exit::{Exit, engine_error, sentence};
use crate::runtime::carry_out;
use crate::signals::Signals;

mod browser;

/// Where the workbench is unless somebody says otherwise.
const PORT: u16 = 7625;

/// In bytes: a history that holds less would forget while somebody looks.
const LEAST_HISTORY: usize = 1024 * 1024;

/// What `sockpit workbench` was told, as typed.
#[derive(clap::Args, Default)]
#[command(after_help = "\
Nobody but this machine reaches it, and nobody gets in without the token that stands in its URL; the
token is another one each time. It reads and writes files in the project folder only, and runs no
program. `sockpit` without arguments is the same.

Examples:
  sockpit
  sockpit workbench --project ./plc        the sessions of a folder, plain TOML for git
  sockpit workbench --port 8000 --no-open
  sockpit workbench --unix ~/bench.sock    then, from elsewhere: ssh -L 8000:bench.sock HOST
  sockpit workbench --bind 192.0.2.7 --token-file ~/.bench-token    other machines too, unencrypted")]
pub(crate) struct Args {
    /// Folder of the saved sessions, made where it is missing [default: sockpit/workbench in $XDG_DATA_HOME]
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Port to listen on; 0 lets the system choose [default: 7625, or a free one if that is taken]
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Address to listen at, in place of 127.0.0.1 and ::1
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<IpAddr>,
    /// File of the token, made where it is missing; without it there is a new token each time
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Listen on a Unix socket that only you can open, for `ssh -L`
    #[arg(long, value_name = "PATH", conflicts_with_all = ["port", "bind"])]
    unix: Option<PathBuf>,
    /// A name by which browsers may ask for it, such as `bench.lan` or `localhost:8000`
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Open no browser
    #[arg(long)]
    no_open: bool,
    /// Memory for what happened: what is older is forgotten, large payloads go to a file [default: 256MiB]
    #[arg(long, value_name = "SIZE")]
    history: Option<ByteSize>,
}

/// What it will do, as decided.
struct Settings {
    site: Site,
    or_any_port: bool,
    hosts: Vec<String>,
    token: Token,
    is_token_from_file: bool,
    project: PathBuf,
    history: history::Settings,
    opens_browser: bool,
}

impl Settings {
    fn resolve(args: Args) -> anyhow::Result<Self> {
        let port = args.port.unwrap_or(PORT);
        let site = match (args.unix, args.bind) {
            (Some(path), _) => Site::Path(text_of(path)?),
            (None, Some(ip)) => Site::At(SocketAddr::new(ip, port)),
            (None, None) => Site::Loopback(port),
        };
        if let Site::At(addr) = site
            && !porch::is_of_this_machine(addr.ip())
            && args.token_file.is_none()
        {
            bail!(
                "`--bind {}` lets other machines in, which needs `--token-file FILE`",
                addr.ip()
            );
        }
        if let Some(name) = args.allow_host.iter().find(|name| !is_host(name)) {
            bail!("`--allow-host {name}` is no name; write `bench.lan` or `localhost:8000`");
        }
        let token = match &args.token_file {
            Some(path) => {
                Token::of_file(path).with_context(|| format!("the token file `{}`", path.display()))
            }
            None => Token::make().context("cannot make a token"),
        };
        Ok(Self {
            site,
            or_any_port: args.port.is_none(),
            hosts: args.allow_host,
            token: token?,
            is_token_from_file: args.token_file.is_some(),
            project: match args.project {
                Some(path) => path,
                None => default_project()?,
            },
            history: history_of(args.history)?,
            opens_browser: !args.no_open,
        })
    }
}

/// Carries the command out.
pub(crate) fn run(args: Args, console: &Console) -> Exit {
    let settings = match Settings::resolve(args) {
        Ok(settings) => settings,
        Err(error) => {
            console.error(&sentence(&error));
            return Exit::Usage;
        }
    };
    let site = settings.site.clone();
    match carry_out(live(settings, console)) {
        Ok(exit) => exit,
        Err(error) => match plan_of(&site).filter(|_| engine_error(&error).is_some()) {
            Some(plan) => talk::explain_error(&error, &plan, console),
            None => {
                console.error(&sentence(&error));
                Exit::Usage
            }
        },
    }
}

async fn live(settings: Settings, console: &Console) -> anyhow::Result<Exit> {
    let mut signals = Signals::new()?;
    let project = Project::open(&settings.project)?;
    let bench = Workbench::start().context("cannot start")?;
    // What captures for a session is another thread, which began with all that we had (rule G7).
    porch::give_up_capturing().context("cannot give up the privilege to capture")?;
    let place = project.path().display().to_string();
    let told = workbench::Settings {
        site: settings.site.clone(),
        or_any_port: settings.or_any_port,
        hosts: settings.hosts,
        token: settings.token,
        is_token_from_file: settings.is_token_from_file,
        project,
        history: settings.history,
    };
    let served = match workbench::serve(bench.handle(), told).await {
        Ok(served) => served,
        Err(workbench::ServeError::Listen(error)) => return Err(error.into()),
        Err(error) => return Err(anyhow!(error)),
    };
    announce(&served, &settings.site, &place, console);
    let opened = match settings.opens_browser && served.socket().is_none() {
        true => browser::open(served.url(), console),
        false => None,
    };
    let exit = signals.next().await;
    drop(opened);
    tokio::select! {
        () = served.close() => {}
        _ = signals.next() => {}
    }
    drop(bench);
    Ok(exit)
}

/// Says where the workbench is, and what is in it.
fn announce(served: &Served, site: &Site, project: &str, console: &Console) {
    console.print(&format!("{}\n", served.url()));
    console.announce(&format!("project: {project}"));
    match site {
        Site::Path(path) => {
            console.hint(&format!(
                "`ssh -L PORT:{path} HOST` brings the socket to a port of another machine; \
                 put that port into the URL"
            ));
        }
        Site::At(addr) if !porch::is_of_this_machine(addr.ip()) => {
            console.hint(&format!(
                "warning: other machines reach {addr}, and what passes is not encrypted; \
                 whoever reads the token on the way has this workbench"
            ));
        }
        Site::At(_) | Site::Loopback(_) => {}
    }
}

/// The plan of a listener there, for what explains why it could not be.
fn plan_of(site: &Site) -> Option<Plan> {
    let endpoint: Endpoint = match site {
        Site::Loopback(port) => format!("tcp://127.0.0.1:{port}").parse(),
        Site::At(addr) => format!("tcp://{addr}").parse(),
        Site::Path(path) => format!("unix:{path}").parse(),
    }
    .ok()?;
    Plan::resolve(Role::Server, &endpoint, Options::default()).ok()
}

/// Where sessions are saved.
fn default_project() -> anyhow::Result<PathBuf> {
    let Some(data) = folder("XDG_DATA_HOME", ".local/share") else {
        bail!("there is no home folder; `--project DIR` says where to save");
    };
    Ok(data.join("workbench"))
}

/// How much of what happens is kept, and where what is large is put: a folder of this user alone, or
/// no folder, where it is forgotten instead.
fn history_of(memory: Option<ByteSize>) -> anyhow::Result<history::Settings> {
    let mut settings = history::Settings::default();
    if let Some(memory) = memory {
        if memory.0 < LEAST_HISTORY {
            let least = ByteSize(LEAST_HISTORY);
            bail!("`--history {memory}` is less than {least}");
        }
        settings.limits.memory = memory.0;
    }
    settings.folder = folder("XDG_CACHE_HOME", ".cache").filter(|folder| {
        let mut maker = DirBuilder::new();
        maker.recursive(true).mode(0o700).create(folder).is_ok()
    });
    Ok(settings)
}

/// Our folder of a sort, as the XDG base directory specification has it.
fn folder(variable: &str, in_home: &str) -> Option<PathBuf> {
    let given = |name| env::var_os(name).filter(|path| !path.is_empty());
    let base = match given(variable) {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(given("HOME")?).join(in_home),
    };
    Some(base.join("sockpit"))
}

fn text_of(path: PathBuf) -> anyhow::Result<String> {
    let path = path.into_os_string().into_string();
    path.map_err(|path| anyhow!("`--unix {}` is not UTF-8", path.display()))
}

/// Whether a name may stand in a URL's place of the host, with a port or without.
fn is_host(name: &str) -> bool {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    !name.is_empty() && name.chars().all(is_fit)
}

#[cfg(test)]
mod tests;
