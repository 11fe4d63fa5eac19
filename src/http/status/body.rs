//! What the status listener sends: octets from memory or a file, or an answer that is shared with all who get it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};

use crate::{http::representation::ReplyBody, revocation::answer::Answer};

/// The body of a reply.
#[derive(Debug)]
pub struct Octets(Content);

#[derive(Debug)]
enum Content {
    Whole(ReplyBody),
    Answer(Option<Arc<Answer>>),
}

impl From<ReplyBody> for Octets {
    fn from(whole: ReplyBody) -> Self {
        Self(Content::Whole(whole))
    }
}

impl From<Bytes> for Octets {
    fn from(whole: Bytes) -> Self {
        Self(Content::Whole(whole.into()))
    }
}

impl From<Arc<Answer>> for Octets {
    fn from(answer: Arc<Answer>) -> Self {
        Self(Content::Answer(Some(answer)))
    }
}

impl Body for Octets {
    type Data = Piece;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Piece>>>> {
        match &mut self.0 {
            Content::Whole(whole) => {
                let frame = Pin::new(whole).poll_frame(context);
                frame.map_ok(|frame| frame.map_data(|octets| Piece(Source::Whole(octets))))
            }
            Content::Answer(answer) => {
                let piece = answer.take().map(|answer| Piece(Source::Answer { answer, sent: 0 }));
                Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Whole(whole) => whole.is_end_stream(),
            Content::Answer(answer) => answer.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(whole) => whole.size_hint(),
            Content::Answer(answer) => SizeHint::with_exact(answer.as_ref().map_or(0, |answer| answer.octets() as u64)),
        }
    }
}

/// Octets on their way out, which are not copied until they are in the kernel.
#[derive(Debug)]
pub struct Piece(Source);

#[derive(Debug)]
enum Source {
    Whole(Bytes),
    Answer { answer: Arc<Answer>, sent: usize },
}

/// What of the two parts is not sent yet.
fn rest(answer: &Answer, sent: usize) -> [&[u8]; 2] {
    let [own, certs] = answer.parts();
    match own.get(sent..) {
        Some(own) => [own, certs],
        None => [&[], certs.get(sent - own.len()..).unwrap_or(&[])],
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        match &self.0 {
            Source::Whole(octets) => octets.len(),
            Source::Answer { answer, sent } => answer.octets() - sent,
        }
    }

    fn chunk(&self) -> &[u8] {
        match &self.0 {
            Source::Whole(octets) => octets,
            Source::Answer { answer, sent } => {
                let [own, certs] = rest(answer, *sent);
                if own.is_empty() { certs } else { own }
            }
        }
    }

    fn chunks_vectored<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        match &self.0 {
            Source::Whole(octets) => octets.chunks_vectored(out),
            Source::Answer { answer, sent } => {
                let parts = rest(answer, *sent).into_iter().filter(|part| !part.is_empty());
                out.iter_mut().zip(parts).map(|(slot, part)| *slot = IoSlice::new(part)).count()
            }
        }
    }

    fn advance(&mut self, count: usize) {
        match &mut self.0 {
            Source::Whole(octets) => octets.advance(count),
            Source::Answer { answer, sent } => {
                assert!(count <= answer.octets() - *sent, "no more is sent than there is");
                *sent += count;
            }
        }
    }
}
