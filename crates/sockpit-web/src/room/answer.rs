//! What is answered: the page's files, and why something else is not.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, REFERRER_POLICY, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    UPGRADE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{HeaderMap, Request, Response, StatusCode, Version};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::gate::{Place, Refusal};

/// What a request leads to.
pub(super) enum Route {
    Answer(Response<Full<Bytes>>),
    /// A WebSocket, to be accepted with the key of the request.
    WebSocket(HeaderValue),
}

/// The files of the page.
#[derive(Debug)]
pub(super) struct Files {
    /// `/`, which knows how long a line may be.
    page: Bytes,
}

/// A file of the page, beside its HTML.
struct File {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Makes the entry of a file that stands in `page/`.
macro_rules! file {
    ($path:literal, $content_type:expr) => {
        File {
            path: $path,
            content_type: $content_type,
            text: include_str!(concat!("page", $path)),
        }
    };
}

const FILES: [File; 8] = [
    file!("/room.css", CSS),
    file!("/room.js", SCRIPT),
    file!("/link.js", SCRIPT),
    file!("/talk.js", SCRIPT),
    file!("/text.js", SCRIPT),
    file!("/view.js", SCRIPT),
    file!("/words.js", SCRIPT),
    file!("/icon.svg", "image/svg+xml"),
];

impl Files {
    /// The page for a room whose lines have at most `max_line` bytes.
    pub(super) fn new(max_line: usize) -> Self {
        let page = include_str!("page/room.html");
        Self {
            page: page.replace("{max_line}", &max_line.to_string()).into(),
        }
    }

    /// The content type and the bytes of the file at a path.
    fn find(&self, path: &str) -> Option<(&'static str, Bytes)> {
        if path == "/" {
            return Some((HTML, self.page.clone()));
        }
        let file = FILES.iter().find(|file| file.path == path)?;
        Some((file.content_type, Bytes::from_static(file.text.as_bytes())))
    }

    /// Decides what a request leads to; a body that it may have is not read.
    pub(super) fn route<B>(&self, request: &Request<B>, place: Place<'_>) -> Route {
        match self.decide(request, place) {
            Ok(route) => route,
            Err(refusal) => Route::Answer(refused(refusal)),
        }
    }

    fn decide<B>(&self, request: &Request<B>, place: Place<'_>) -> Result<Route, Refusal> {
        place.check_host(request.headers())?;
        let path = request.uri().path();
        let file = self.find(path);
        if file.is_none() && path != SOCKET {
            let said = "there is nothing here; the page is at /\n";
            return Ok(Route::Answer(text(StatusCode::NOT_FOUND, said)));
        }
        let methods = match file {
            Some(_) => "GET, HEAD",
            None => "GET",
        };
        if !methods.split(", ").any(|method| request.method() == method) {
            let said = "only GET is understood here\n";
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, said);
            let allowed = HeaderValue::from_static(methods);
            response.headers_mut().insert(ALLOW, allowed);
            return Ok(Route::Answer(response));
        }
        if let Some((content_type, bytes)) = file {
            return Ok(Route::Answer(answer(StatusCode::OK, content_type, bytes)));
        }
        place.check_origin(request.headers())?;
        Ok(upgrade(request).map_or_else(|| Route::Answer(no_upgrade()), Route::WebSocket))
    }
}

/// Where the WebSocket is.
const SOCKET: &str = "/ws";

/// Nothing from elsewhere, nothing inline, in nobody's frame, and no text that becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// On every answer.
const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-cache"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The key of a request that asks for a WebSocket as RFC 6455 §4.2.1 wants it.
fn upgrade<B>(request: &Request<B>) -> Option<HeaderValue> {
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

/// Accepts a WebSocket.
pub(super) fn switching(key: &HeaderValue) -> Response<Full<Bytes>> {
    let accept = derive_accept_key(key.as_bytes());
    let accept = HeaderValue::try_from(accept).expect("base64 is a header's value");
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// The room takes nobody.
pub(super) fn full() -> Response<Full<Bytes>> {
    let said = "the room is full, or it is closing\n";
    text(StatusCode::SERVICE_UNAVAILABLE, said)
}

fn no_upgrade() -> Response<Full<Bytes>> {
    let said = "this is a WebSocket of version 13, one line of the room in each text frame\n";
    let mut response = text(StatusCode::UPGRADE_REQUIRED, said);
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}

fn refused(refusal: Refusal) -> Response<Full<Bytes>> {
    let (status, said) = match refusal {
        Refusal::NoHost => (StatusCode::BAD_REQUEST, "the request names no host\n"),
        Refusal::OtherHost => (
            StatusCode::MISDIRECTED_REQUEST,
            "this room is not known by that name; ask for its address, \
             or start it with --allow-host NAME\n",
        ),
        Refusal::OtherOrigin => (
            StatusCode::FORBIDDEN,
            "the page of another site may not come in\n",
        ),
    };
    text(status, said)
}

fn text(status: StatusCode, said: &'static str) -> Response<Full<Bytes>> {
    let said = Bytes::from_static(said.as_bytes());
    answer(status, "text/plain; charset=utf-8", said)
}

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // One request a connection: none waits for a second one.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
