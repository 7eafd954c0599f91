//! What is answered over HTTP: files, downloads, and why something is not.

use bytes::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    WWW_AUTHENTICATE,
};
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use super::assets::Asset;
use super::body::{Body, Download};
use super::gate::Refusal;
use crate::http;

/// Nothing from elsewhere, nothing inline, in nobody's frame, and no text that becomes markup but
/// what the page's own templates are made of (rule F4).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; \
    form-action 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html";

/// For what may be another thing the next time, or is nobody's but the user's.
const NEVER_KEPT: &str = "no-store";

/// For what has its content in its name: a year, the most that there is.
const KEPT: &str = "public, max-age=31536000, immutable";

/// A file of the page.
pub(super) fn file(asset: Asset) -> Response<Body> {
    let kept = match asset.is_named_by_content {
        true => KEPT,
        false => NEVER_KEPT,
    };
    let mut response = answer(StatusCode::OK, asset.content_type, Body::whole(asset.bytes));
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}

/// A file for the user. Whatever it is, no browser shows it as a page.
pub(super) fn download(download: Download) -> Response<Body> {
    let Download { name, body } = download;
    let mut response = answer(StatusCode::OK, "application/octet-stream", body);
    let disposition = HeaderValue::try_from(disposition(&name)).expect("it is ASCII");
    response
        .headers_mut()
        .insert(CONTENT_DISPOSITION, disposition);
    response
}

/// How a file is called, as RFC 6266 §4.3 has it: in letters that every browser reads, and as it is.
fn disposition(name: &str) -> String {
    let name: String = name.chars().take(120).collect();
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || "-_.".contains(c) => c,
        _ => '_',
    };
    let plain: String = name.chars().map(plain).collect();
    let mut coded = String::new();
    for byte in name.bytes() {
        match byte {
            byte if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) => {
                coded.push(char::from(byte));
            }
            b'/' | b'\\' => coded.push('_'),
            byte => coded.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{coded}")
}

/// A call over HTTP that was not carried out.
pub(super) fn complaint(told: &Value) -> Response<Body> {
    let body = json!({ "error": told }).to_string();
    answer(
        StatusCode::UNPROCESSABLE_ENTITY,
        "application/json",
        Body::whole(body),
    )
}

/// A WebSocket that is accepted.
pub(super) fn switching(key: &HeaderValue) -> Response<Body> {
    http::switching(key, Body::empty())
}

pub(super) fn refused(refusal: Refusal) -> Response<Body> {
    let (status, said) = match refusal {
        Refusal::NoHost => (StatusCode::BAD_REQUEST, "the request names no host\n"),
        Refusal::OtherHost => (
            StatusCode::MISDIRECTED_REQUEST,
            "this workbench is not known by that name; ask for it as it says, \
             or start it with --allow-host NAME\n",
        ),
        Refusal::OtherOrigin => (
            StatusCode::FORBIDDEN,
            "the page of another site may not come in\n",
        ),
    };
    text(status, said)
}

/// Who asks does not know the token.
pub(super) fn unknown() -> Response<Body> {
    let said = "only who knows the token may ask that; it stands in the URL of the page\n";
    let mut response = text(StatusCode::UNAUTHORIZED, said);
    let headers = response.headers_mut();
    headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

pub(super) fn nothing() -> Response<Body> {
    text(
        StatusCode::NOT_FOUND,
        "there is nothing here; the page is at /\n",
    )
}

/// `methods` is what is understood, such as `GET, HEAD`.
pub(super) fn not_so(methods: &'static str) -> Response<Body> {
    let said = "that is not understood here\n";
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, said);
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(methods));
    response
}

pub(super) fn no_upgrade() -> Response<Body> {
    let said = "this is a WebSocket of version 13, for the page\n";
    let mut response = text(StatusCode::UPGRADE_REQUIRED, said);
    http::want_upgrade(response.headers_mut());
    response
}

pub(super) fn too_large() -> Response<Body> {
    text(
        StatusCode::PAYLOAD_TOO_LARGE,
        "the body has more than 1 MiB\n",
    )
}

pub(super) fn unreadable() -> Response<Body> {
    text(
        StatusCode::BAD_REQUEST,
        "the body is not whole, or not JSON\n",
    )
}

fn text(status: StatusCode, said: &'static str) -> Response<Body> {
    let said = Bytes::from_static(said.as_bytes());
    answer(status, "text/plain; charset=utf-8", Body::whole(said))
}

fn answer(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(NEVER_KEPT));
    protect(headers);
    response
}

fn protect(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    for (name, value) in http::HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests;
