//! The files of the page, which stand in the program.

use std::borrow::Cow;

use bytes::Bytes;
use rust_embed::RustEmbed;

/// The page as it was built from `ui/`.
#[derive(RustEmbed)]
#[folder = "ui/dist"]
struct Dist;

/// A file of the page.
#[derive(Debug)]
pub(super) struct Asset {
    pub(super) content_type: &'static str,
    pub(super) bytes: Bytes,
    /// Whether its name changes with what stands in it, so that a browser may keep it for ever.
    pub(super) is_named_by_content: bool,
}

/// The file at a path of the URL.
pub(super) fn find(path: &str) -> Option<Asset> {
    let name = match path.strip_prefix('/')? {
        "" => "index.html",
        // One address for the entrance.
        "index.html" => return None,
        name => name,
    };
    let content_type = content_type(name)?;
    let bytes = match Dist::get(name)?.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Some(Asset {
        content_type,
        bytes,
        is_named_by_content: name.starts_with("assets/"),
    })
}

/// What a browser takes it for. A file of another sort has no business in the page.
fn content_type(name: &str) -> Option<&'static str> {
    let (_, end) = name.rsplit_once('.')?;
    Some(match end {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
