//! What is answered: the page's files, and why something else is not.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
};
use hyper::{Request, Response, StatusCode};

use super::gate::{Place, Refusal};
use crate::http;

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
        Ok(
            http::upgrade_key(request)
                .map_or_else(|| Route::Answer(no_upgrade()), Route::WebSocket),
        )
    }
}

/// Where the WebSocket is.
const SOCKET: &str = "/ws";

/// Nothing from elsewhere, nothing inline, in nobody's frame, and no text that becomes markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// The room takes nobody.
pub(super) fn full() -> Response<Full<Bytes>> {
    let said = "the room is full, or it is closing\n";
    text(StatusCode::SERVICE_UNAVAILABLE, said)
}

fn no_upgrade() -> Response<Full<Bytes>> {
    let said = "this is a WebSocket of version 13, one line of the room in each text frame\n";
    let mut response = text(StatusCode::UPGRADE_REQUIRED, said);
    http::want_upgrade(response.headers_mut());
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
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    for (name, value) in http::HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
