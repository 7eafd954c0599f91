//! What every page of ours has of HTTP: headers that keep others out, and the way to a WebSocket.

use std::time::Duration;

use hyper::header::{
    CONNECTION, HOST, HeaderName, HeaderValue, REFERRER_POLICY, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::{HeaderMap, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioTimer;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// How long a request may take to arrive (reliability rule B5).
const HEADER_WITHIN: Duration = Duration::from_secs(10);

/// In bytes: what a request's line and headers may have. Browsers send about 1 KiB.
const MAX_HEADER: usize = 16 * 1024;

/// How many headers a request may have. Browsers send about 15.
const MAX_HEADERS: usize = 64;

/// What browsers ask for, with limits for all that may come.
pub(crate) fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WITHIN)
        .max_buf_size(MAX_HEADER)
        .max_headers(MAX_HEADERS);
    builder
}

/// On every answer, beside a policy of the content.
pub(crate) const HEADERS: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The one `Host` of a request.
pub(crate) fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    (hosts.next().is_none() && !host.is_empty()).then_some(host)
}

/// The key of a request that asks for a WebSocket as RFC 6455 §4.2.1 wants it.
pub(crate) fn upgrade_key<B>(request: &Request<B>) -> Option<HeaderValue> {
    let headers = request.headers();
    let key = headers.get(SEC_WEBSOCKET_KEY)?;
    let is_asked = request.version() == Version::HTTP_11
        && names(headers, &UPGRADE, "websocket")
        && names(headers, &CONNECTION, "upgrade")
        && headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13")
        // 16 bytes in base64.
        && key.len() == 24;
    is_asked.then(|| key.clone())
}

/// Whether a header that is a list has this word in it.
fn names(headers: &HeaderMap, header: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(header).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(word))
}

/// Accepts a WebSocket; `body` is an empty one.
pub(crate) fn switching<B>(key: &HeaderValue, body: B) -> Response<B> {
    let accept = derive_accept_key(key.as_bytes());
    let accept = HeaderValue::try_from(accept).expect("base64 is a header's value");
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// Says on an answer which WebSocket is wanted.
pub(crate) fn want_upgrade(headers: &mut HeaderMap) {
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
}

/// Tells a connection that came when there were too many.
pub(crate) async fn refuse_busy(mut stream: impl AsyncWrite + Unpin) {
    const BUSY: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n\
                          Connection: close\r\n\r\n";
    // So short an answer fits into the socket, or nobody is there.
    let _ = timeout(Duration::from_secs(1), async {
        stream.write_all(BUSY).await?;
        stream.shutdown().await
    })
    .await;
}
