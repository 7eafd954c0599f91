//! Bodies of answers: bytes that are there, or pieces as they are made.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Pieces that may wait for the browser.
const WAITING: usize = 4;

/// How long a browser may take nothing before it is given up.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);

/// What is given as a file.
#[derive(Debug)]
pub(super) struct Download {
    /// What the file is to be called; what no name may have is taken out of it.
    pub(super) name: String,
    pub(super) body: Body,
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Body(Kind);

#[derive(Debug)]
enum Kind {
    Whole(Option<Bytes>),
    Pieces(mpsc::Receiver<Result<Bytes, Broken>>),
}

/// Where the pieces of a body go. Dropped, the body is whole.
#[derive(Debug)]
pub(super) struct BodySender(mpsc::Sender<Result<Bytes, Broken>>);

/// Nobody takes the body any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// What comes in place of the rest of a body.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("broken")]
pub(super) struct Broken;

impl Body {
    /// One that is there.
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Whole(Some(bytes.into())))
    }

    /// Nothing.
    pub(super) fn empty() -> Self {
        Self(Kind::Whole(None))
    }

    /// One that is made while it is taken.
    pub(super) fn channel() -> (BodySender, Self) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (BodySender(sender), Self(Kind::Pieces(receiver)))
    }
}

impl BodySender {
    /// Gives the next piece, and waits while too many wait. Who makes large things asks for no more
    /// than some 64 KiB a piece.
    ///
    /// # Errors
    ///
    /// Returns [`Gone`] where nobody takes it.
    pub(super) async fn send(&mut self, bytes: Bytes) -> Result<(), Gone> {
        match timeout(TAKEN_WITHIN, self.0.send(Ok(bytes))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    /// Breaks the download off, so that nobody takes it for whole.
    pub(super) async fn fail(self) {
        // Who has gone knows it already.
        let _ = timeout(TAKEN_WITHIN, self.0.send(Err(Broken))).await;
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut self.0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Pieces(pieces) => pieces
                .poll_recv(cx)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Kind::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Kind::Pieces(_) => SizeHint::default(),
        }
    }
}
