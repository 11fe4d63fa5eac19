//! What the status listener sends: octets from memory or a file, or an answer or a list that is shared with all who get it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};

use super::files::Served;
use crate::{http::representation::ReplyBody, revocation::answer::Answer};

/// The body of a reply.
#[derive(Debug)]
pub struct Octets(Content);

#[derive(Debug)]
enum Content {
    Whole(ReplyBody),
    Shared(Option<Shared>),
}

/// What is not copied for who gets it.
#[derive(Debug)]
enum Shared {
    Answer(Arc<Answer>),
    List(Served),
}

impl Shared {
    fn parts(&self) -> [&[u8]; 2] {
        match self {
            Self::Answer(answer) => answer.parts(),
            Self::List(list) => [list.as_ref(), &[]],
        }
    }

    fn octets(&self) -> usize {
        self.parts().iter().map(|part| part.len()).sum()
    }

    /// What of the two parts is not sent yet.
    fn rest(&self, sent: usize) -> [&[u8]; 2] {
        let [own, certs] = self.parts();
        match own.get(sent..) {
            Some(own) => [own, certs],
            None => [&[], certs.get(sent - own.len()..).unwrap_or(&[])],
        }
    }
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
        Self(Content::Shared(Some(Shared::Answer(answer))))
    }
}

impl From<Served> for Octets {
    fn from(list: Served) -> Self {
        Self(Content::Shared(Some(Shared::List(list))))
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
            Content::Shared(shared) => {
                let piece = shared.take().map(|shared| Piece(Source::Shared { shared, sent: 0 }));
                Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Whole(whole) => whole.is_end_stream(),
            Content::Shared(shared) => shared.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(whole) => whole.size_hint(),
            Content::Shared(shared) => SizeHint::with_exact(shared.as_ref().map_or(0, |shared| shared.octets() as u64)),
        }
    }
}

/// Octets on their way out, which are not copied until they are in the kernel.
#[derive(Debug)]
pub struct Piece(Source);

#[derive(Debug)]
enum Source {
    Whole(Bytes),
    Shared { shared: Shared, sent: usize },
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        match &self.0 {
            Source::Whole(octets) => octets.len(),
            Source::Shared { shared, sent } => shared.octets() - sent,
        }
    }

    fn chunk(&self) -> &[u8] {
        match &self.0 {
            Source::Whole(octets) => octets,
            Source::Shared { shared, sent } => {
                let [own, certs] = shared.rest(*sent);
                if own.is_empty() { certs } else { own }
            }
        }
    }

    fn chunks_vectored<'a>(&'a self, out: &mut [IoSlice<'a>]) -> usize {
        match &self.0 {
            Source::Whole(octets) => octets.chunks_vectored(out),
            Source::Shared { shared, sent } => {
                let parts = shared.rest(*sent).into_iter().filter(|part| !part.is_empty());
                out.iter_mut().zip(parts).map(|(slot, part)| *slot = IoSlice::new(part)).count()
            }
        }
    }

    fn advance(&mut self, count: usize) {
        match &mut self.0 {
            Source::Whole(octets) => octets.advance(count),
            Source::Shared { shared, sent } => {
                assert!(count <= shared.octets() - *sent, "no more is sent than there is");
                *sent += count;
            }
        }
    }
}
