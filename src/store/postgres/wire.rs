//! A connection that one thread speaks over, and that is given up when it is silent for too long.
//!
//! # Why
//! A server that was stopped, or that hangs on its disk, has a kernel that goes on acknowledging octets, and so has whatever
//! forwards them; neither its own time-outs nor those of TCP end the wait for it then. Whoever speaks has to.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_core::Stream;
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};
use tokio_postgres::{
    AsyncMessage, Client, Config, Error, NoTls, Row, RowStream, Socket, Statement,
    tls::{MakeTlsConnect, TlsConnect},
    types::ToSql,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::bound::Kept;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The server, or what leads there, said so.
    Said(Error),
    /// Nothing was said for so long; the connection is of no use any more.
    Silent(Duration),
    /// The connection could not even be begun.
    Local(io::Error),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

type Messages = Box<dyn FnMut(&mut Context<'_>) -> Poll<Option<Result<AsyncMessage, Error>>> + Send>;

/// How many rows a statement touched, once the server has said so.
type Answer = Pin<Box<dyn Future<Output = Result<u64, Error>> + Send>>;

/// A connection.
pub(super) struct Wire {
    client: Arc<Client>,
    line: Line,
    /// What was sent and not waited for, in order.
    sent: VecDeque<Sent>,
}

/// A statement on its way.
struct Sent {
    /// How many rows it is to touch, if that matters.
    expected: Option<usize>,
    answer: Coming,
}

enum Coming {
    /// It will be said.
    Later(Answer),
    /// It could not even be sent.
    Now(Result<u64, Error>),
}

struct Line {
    runtime: Runtime,
    messages: Messages,
    /// The processes whose notifications came.
    notified: VecDeque<i32>,
    has_warned: bool,
    /// How long an answer may take; none: as long as it does.
    patience: Option<Duration>,
    /// Nothing that comes now is an answer to what is asked now.
    is_given_up: bool,
}

/// Rows on their way.
pub(super) struct Rows<'a> {
    line: &'a mut Line,
    stream: Pin<Box<RowStream>>,
}

impl Wire {
    /// Connects; gives up after `patience`, which every later answer has too.
    pub(super) fn connect(
        config: &Config,
        tls: Option<&MakeRustlsConnect>,
        patience: Duration,
    ) -> Result<Self, Broken> {
        match tls {
            Some(tls) => Self::connect_by(config, tls.clone(), patience),
            None => Self::connect_by(config, NoTls, patience),
        }
    }

    fn connect_by<T>(config: &Config, tls: T, patience: Duration) -> Result<Self, Broken>
    where
        T: MakeTlsConnect<Socket> + 'static + Send,
        T::TlsConnect: Send,
        T::Stream: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Broken::Local)?;
        let connected = runtime.block_on(async { timeout(patience, config.connect(tls)).await });
        let Ok(connected) = connected else {
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
            return Err(Broken::Silent(patience));
        };
        let (client, mut connection) = connected?;
        let messages: Messages = Box::new(move |context| connection.poll_message(context));
        let line = Line {
            runtime,
            messages,
            notified: VecDeque::new(),
            has_warned: false,
            patience: Some(patience),
            is_given_up: false,
        };
        Ok(Self { client: Arc::new(client), line, sent: VecDeque::new() })
    }

    /// From now on an answer may take so long.
    pub(super) fn be_patient(&mut self, patience: Option<Duration>) {
        self.line.patience = patience;
    }

    /// Runs commands that have no values.
    pub(super) fn command(&mut self, commands: &str) -> Result<(), Broken> {
        self.line.wait(self.client.batch_execute(commands))
    }

    /// Sends a statement without waiting for its answer: it leaves with the next that is waited for.
    pub(super) fn send(&mut self, statement: &Statement, values: Vec<Kept>, expected: Option<usize>) {
        let (client, statement) = (Arc::clone(&self.client), statement.clone());
        self.goes(expected, Box::pin(async move { client.execute_raw(&statement, values).await }));
    }

    /// The same of a command.
    pub(super) fn send_command(&mut self, command: &'static str) {
        let client = Arc::clone(&self.client);
        self.goes(None, Box::pin(async move { client.batch_execute(command).await.map(|()| 0) }));
    }

    /// Hands a request over to the connection, which is done by asking for its answer once.
    fn goes(&mut self, expected: Option<usize>, mut answer: Answer) {
        let answer = match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(said) => Coming::Now(said),
            Poll::Pending => Coming::Later(answer),
        };
        self.sent.push_back(Sent { expected, answer });
    }

    /// How many statements are on their way.
    pub(super) fn under_way(&self) -> usize {
        self.sent.len()
    }

    /// From now on nobody waits for the answers to what was sent.
    pub(super) fn forget(&mut self) {
        self.sent.clear();
    }

    /// Waits for the answers to everything that was sent: whether each touched as many rows as it was to, or the first failure.
    pub(super) fn settle(&mut self) -> Result<bool, Broken> {
        let mut first = Ok(true);
        while let Some(Sent { expected, answer }) = self.sent.pop_front() {
            let touched = match answer {
                Coming::Later(answer) => self.line.wait(answer),
                Coming::Now(said) => said.map_err(Broken::Said),
            };
            if matches!(first, Ok(true)) {
                first = touched.map(|touched| expected.is_none_or(|expected| expected as u64 == touched));
            }
        }
        first
    }

    /// Has a statement made ready.
    pub(super) fn prepare(&mut self, statement: &str) -> Result<Statement, Broken> {
        self.line.wait(self.client.prepare(statement))
    }

    /// Runs a statement; its rows come one after the other.
    pub(super) fn rows<P: ToSql>(
        &mut self,
        statement: &Statement,
        values: impl ExactSizeIterator<Item = P>,
    ) -> Result<Rows<'_>, Broken> {
        let stream = self.line.wait(self.client.query_raw(statement, values))?;
        Ok(Rows { line: &mut self.line, stream: Box::pin(stream) })
    }

    /// The one row of a query without values.
    pub(super) fn row(&mut self, query: &str) -> Result<Row, Broken> {
        self.line.wait(self.client.query_one(query, &[]))
    }

    /// Whether the server warned since that was last asked.
    pub(super) fn has_warned(&mut self) -> bool {
        std::mem::take(&mut self.line.has_warned)
    }

    /// Whether it has come to its end.
    pub(super) fn is_over(&self) -> bool {
        self.line.is_given_up || self.client.is_closed()
    }

    /// The process that notifies next, for as long as that is waited for.
    pub(super) fn notified(&mut self, wait: Duration) -> Result<Option<i32>, Broken> {
        let Line { runtime, messages, notified, has_warned, .. } = &mut self.line;
        let coming = poll_fn(|context| {
            let is_open = listen(messages, (&mut *notified, &mut *has_warned), context)?;
            match notified.pop_front() {
                None if is_open => Poll::Pending,
                process => Poll::Ready(Ok::<_, Error>(process)),
            }
        });
        let came = runtime.block_on(async { timeout(wait, coming).await });
        came.map_or(Ok(None), |came| came.map_err(Broken::Said))
    }
}

impl Rows<'_> {
    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Broken> {
        let stream = &mut self.stream;
        self.line.wait(async { poll_fn(|context| stream.as_mut().poll_next(context)).await.transpose() })
    }

    /// How many rows the statement touched, once there is no further one.
    pub(super) fn touched(&self) -> u64 {
        self.stream.rows_affected().unwrap_or(0)
    }
}

impl Line {
    /// Waits for an answer, and hears what else the server says meanwhile.
    fn wait<T>(&mut self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Broken> {
        let Self { runtime, messages, notified, has_warned, patience, is_given_up } = self;
        if *is_given_up {
            return Err(Broken::Silent(patience.unwrap_or_default()));
        }
        let mut answer = pin!(answer);
        let answered = poll_fn(|context| {
            let _is_open = listen(messages, (&mut *notified, &mut *has_warned), context)?;
            answer.as_mut().poll(context)
        });
        let Some(patience) = *patience else { return Ok(runtime.block_on(answered)?) };
        match runtime.block_on(async { timeout(patience, answered).await }) {
            Ok(answered) => Ok(answered?),
            Err(_) => {
                *is_given_up = true;
                Err(Broken::Silent(patience))
            }
        }
    }
}

/// Takes in what has come; whether more can come.
fn listen(
    messages: &mut Messages,
    (notified, has_warned): (&mut VecDeque<i32>, &mut bool),
    context: &mut Context<'_>,
) -> Result<bool, Error> {
    loop {
        match messages(context) {
            Poll::Ready(Some(Ok(AsyncMessage::Notification(notification)))) => {
                notified.push_back(notification.process_id());
            }
            Poll::Ready(Some(Ok(AsyncMessage::Notice(notice)))) => {
                if notice.severity() != "NOTICE" {
                    tracing::warn!(said = notice.message(), "PostgreSQL");
                    *has_warned = true;
                }
            }
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(Some(Err(error))) => return Err(error),
            Poll::Ready(None) => return Ok(false),
            Poll::Pending => return Ok(true),
        }
    }
}
