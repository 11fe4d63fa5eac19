//! Octets that are sent: from memory, or from a file a piece at a time.
//!
//! Why pieces and not the whole file in memory: a nation's list has hundreds of megabytes, is asked for once a day by each, and
//! the kernel keeps what is asked for often. Two pieces are there for a client, one on its way and one read ahead; both are
//! gone with the connection.

use std::{
    io,
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{limits::LIST_PIECE_OCTETS, ports::ListFile};

/// Octets that can be sent in whole or in part, any number of times.
#[derive(Clone, Debug)]
pub enum Content {
    /// Shared, not copied.
    Memory(Bytes),
    /// In a file that never changes.
    File(ListFile),
}

impl From<Bytes> for Content {
    fn from(octets: Bytes) -> Self {
        Self::Memory(octets)
    }
}

impl Content {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Memory(octets) => octets.len(),
            Self::File(file) => usize::try_from(file.length).unwrap_or(usize::MAX),
        }
    }

    pub(super) fn slice(&self, range: Range<usize>) -> ReplyBody {
        match self {
            Self::Memory(octets) => octets.slice(range).into(),
            Self::File(file) => {
                let left = range.start as u64..range.end as u64;
                ReplyBody(Kind::File(Pieces { file: file.clone(), left, ahead: None }))
            }
        }
    }
}

/// The octets of one answer.
#[derive(Debug)]
pub struct ReplyBody(Kind);

#[derive(Debug)]
enum Kind {
    Memory(Full<Bytes>),
    File(Pieces),
}

impl From<Bytes> for ReplyBody {
    fn from(octets: Bytes) -> Self {
        Self(Kind::Memory(Full::new(octets)))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.get_mut().0 {
            Kind::Memory(octets) => Pin::new(octets).poll_frame(context).map_err(|never| match never {}),
            Kind::File(pieces) => pieces.poll(context).map(|piece| piece.map(|octets| octets.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Memory(octets) => octets.is_end_stream(),
            Kind::File(pieces) => pieces.is_done(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Memory(octets) => octets.size_hint(),
            Kind::File(pieces) => SizeHint::with_exact(pieces.octets()),
        }
    }
}

/// A part of a file on its way.
#[derive(Debug)]
struct Pieces {
    file: ListFile,
    /// What is neither sent nor being read.
    left: Range<u64>,
    /// What is being read, and how long it is.
    ahead: Option<(JoinHandle<io::Result<Bytes>>, u64)>,
}

impl Pieces {
    fn is_done(&self) -> bool {
        self.left.is_empty() && self.ahead.is_none()
    }

    fn octets(&self) -> u64 {
        self.left.end - self.left.start + self.ahead.as_ref().map_or(0, |(_, octets)| *octets)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.read_ahead();
        let Some((reading, _)) = &mut self.ahead else { return Poll::Ready(None) };
        let piece = ready!(Pin::new(reading).poll(context)).map_err(io::Error::other).flatten();
        self.ahead = None;
        match &piece {
            Ok(_) => self.read_ahead(),
            // The client sees that it did not get all of it.
            Err(error) => {
                tracing::warn!(%error, "a list that is being sent cannot be read");
                self.left.start = self.left.end;
            }
        }
        Poll::Ready(Some(piece))
    }

    fn read_ahead(&mut self) {
        if self.ahead.is_some() || self.left.is_empty() {
            return;
        }
        let (file, from) = (self.file.clone(), self.left.start);
        let octets = (self.left.end - from).min(LIST_PIECE_OCTETS as u64);
        self.left.start += octets;
        self.ahead = Some((spawn_blocking(move || read(&file, from, octets as usize)), octets));
    }
}

fn read(file: &ListFile, from: u64, octets: usize) -> io::Result<Bytes> {
    let mut piece = vec![0; octets];
    let mut there = 0;
    while there < octets {
        match file.source.read_at(from + there as u64, &mut piece[there..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => there += read,
        }
    }
    Ok(piece.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt;

    use super::*;
    use crate::ports::ListSource;

    /// The low octet of each place; it ends before its time after `there`.
    struct Counting {
        there: u64,
    }

    impl ListSource for Counting {
        fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
            let octets = into.len().min(10_000).min(usize::try_from(self.there.saturating_sub(offset)).unwrap());
            into[..octets].iter_mut().zip(offset..).for_each(|(octet, at)| *octet = at as u8);
            Ok(octets)
        }
    }

    fn content(length: u64, there: u64) -> Content {
        Content::File(ListFile { source: Arc::new(Counting { there }), length, digest: [0; 32] })
    }

    #[tokio::test]
    async fn any_part_of_a_file_comes_as_it_is() {
        let piece = LIST_PIECE_OCTETS;
        for range in [0..0, 0..1, 5..piece, 5..piece + 5, 1..3 * piece + 7, piece..2 * piece] {
            let body = content(4 * piece as u64, u64::MAX).slice(range.clone());
            assert_eq!(body.size_hint().exact(), Some(range.len() as u64));
            let octets = body.collect().await.unwrap().to_bytes();
            assert!(octets.iter().copied().eq(range.clone().map(|at| at as u8)), "{range:?}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_cut_off_ends_in_an_error_and_not_in_silence() {
        let octets = 2 * LIST_PIECE_OCTETS;
        let mut body = content(octets as u64, octets as u64 - 1).slice(0..octets);
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), LIST_PIECE_OCTETS);
        assert_eq!(body.frame().await.unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(body.frame().await.is_none());
    }
}
