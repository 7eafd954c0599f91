//! Which of our crates may know which: the layers of ARCHITECTURE.md.

use toml::{Table, Value};

use super::{File, Finding};

/// Each of our packages, and those of ours that it may use.
const LAYERS: [(&str, &[&str]); 7] = [
    (
        "sockpit",
        &[
            "sockpit-tui",
            "sockpit-web",
            "sockpit-engine",
            "sockpit-core",
        ],
    ),
    ("sockpit-tui", &["sockpit-engine", "sockpit-core"]),
    ("sockpit-web", &["sockpit-engine", "sockpit-core"]),
    ("sockpit-engine", &["sockpit-core", "sockpit-sys"]),
    ("sockpit-core", &[]),
    ("sockpit-sys", &[]),
    ("xtask", &["sockpit-core"]),
];

/// Crates of others that are a reach: what has one may speak to the system, to HTTP or to the user.
const REACHES: [(&str, &[&str]); 11] = [
    (
        "tokio",
        &["sockpit", "sockpit-tui", "sockpit-web", "sockpit-engine"],
    ),
    ("socket2", &["sockpit-engine", "sockpit-sys"]),
    ("libc", &["sockpit-sys"]),
    ("clap", &["sockpit"]),
    ("anyhow", &["sockpit", "xtask"]),
    ("hyper", &["sockpit-web"]),
    ("hyper-util", &["sockpit-web"]),
    ("http-body-util", &["sockpit-web"]),
    ("axum", &["sockpit-web"]),
    ("tokio-tungstenite", &["sockpit-web"]),
    ("tungstenite", &["sockpit-web"]),
];

const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

pub(super) fn check(files: &[File], findings: &mut Vec<Finding>) {
    for file in files {
        let Some(folder) = file.path.strip_suffix("/Cargo.toml") else {
            continue;
        };
        // The fuzz targets are a workspace of their own, which uses the core.
        if folder == "fuzz" {
            continue;
        }
        match file.text.parse::<Table>() {
            Ok(manifest) => check_manifest(file, folder, &manifest, findings),
            Err(error) => findings.push(file.finding(0, error.message())),
        }
    }
}

fn check_manifest(file: &File, folder: &str, manifest: &Table, findings: &mut Vec<Finding>) {
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    if folder.rsplit('/').next() != Some(name) {
        findings.push(file.finding(
            0,
            format!("the package `{name}` is not called as its folder"),
        ));
    }
    let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
        findings.push(file.finding(
            0,
            format!("`{name}` is in no layer; write its reason into ARCHITECTURE.md, then add it"),
        ));
        return;
    };
    if manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace"))
        != Some(&Value::Boolean(true))
    {
        findings.push(file.finding(
            0,
            "the workspace's lints are not on; add `[lints] workspace = true`",
        ));
    }
    for used in dependencies(manifest) {
        let is_ours = used == "xtask" || used == "sockpit" || used.starts_with("sockpit-");
        let is_allowed = match REACHES.iter().find(|(reach, _)| *reach == used) {
            Some((_, users)) => users.contains(&name),
            None => !is_ours || allowed.contains(&used.as_str()),
        };
        if !is_allowed {
            let message = format!("`{name}` may not use `{used}` (ARCHITECTURE.md)");
            findings.push(file.finding(0, message));
        }
    }
}

/// The packages that a manifest names, for every target and under any alias.
fn dependencies(manifest: &Table) -> Vec<String> {
    let targets = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::values);
    let holders = std::iter::once(manifest).chain(targets.filter_map(Value::as_table));
    holders
        .flat_map(|holder| {
            TABLES
                .iter()
                .filter_map(|name| holder.get(*name)?.as_table())
        })
        .flatten()
        .map(|(alias, what)| {
            what.get("package")
                .and_then(Value::as_str)
                .unwrap_or(alias)
                .to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests;
