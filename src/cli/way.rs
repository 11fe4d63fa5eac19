//! The way to a registration listener that may be anywhere: a URL, the CA of its certificate, and a credential.

use std::{fs, path::PathBuf, time::Duration};

use clap::Args;
use hyper::header::RETRY_AFTER;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::{
    failure::Failure,
    operator_way::{key, problem},
};
use crate::http::client::{Answer, Client};

/// How often a listener that has no time now is asked.
const TURNS: u32 = 5;

/// Where the registration listener is, and as whom to come.
#[derive(Args, Clone, Debug)]
pub struct WayArgs {
    /// The registration listener: https://HOST:PORT
    #[arg(long)]
    url: String,
    /// The CA that the listener's certificate is of, PEM.
    #[arg(long, value_name = "FILE")]
    server_ca: PathBuf,
    /// The credential: a certificate of the access CA, PEM.
    #[arg(long, value_name = "FILE")]
    credential: PathBuf,
    /// Its key, PEM; if it is encrypted, its passphrase lies beside it in a file of that name that ends in .passphrase.
    #[arg(long, value_name = "FILE")]
    credential_key: PathBuf,
}

/// A no of the service.
pub struct No {
    /// The rule.
    pub rule: String,
    /// What the command comes to by it.
    pub failure: Failure,
}

impl From<No> for Failure {
    fn from(no: No) -> Self {
        no.failure
    }
}

/// A client of a registration listener.
pub struct Way {
    client: Client,
    base: String,
    runtime: Runtime,
}

impl WayArgs {
    /// Reads the credential.
    ///
    /// # Errors
    /// [`Failure`] where a file cannot be read or used.
    pub fn open(&self) -> Result<Way, Failure> {
        let read =
            |path: &PathBuf| fs::read(path).map_err(|cause| Failure::fault(format!("{}: {cause}", path.display())));
        let key = key(&self.credential_key, &self.credential_key.with_extension("passphrase"))?;
        let (ca, credential) = (read(&self.server_ca)?, read(&self.credential)?);
        let client = Client::new(&ca, &credential, key.as_bytes()).map_err(Failure::fault)?;
        Way::new(client, self.url.trim_end_matches('/'))
    }
}

impl Way {
    /// A way by that client.
    ///
    /// # Errors
    /// [`Failure`] where the machine gives no runtime.
    pub fn new(client: Client, base: &str) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::fault)?;
        Ok(Self { client, base: base.to_owned(), runtime })
    }

    /// POSTs under a key, and again while the listener has no time: the yes, or the no with its rule.
    ///
    /// # Errors
    /// [`Failure`] where no answer came, or none that is one: it may have been done, and the same key tells.
    pub fn post(&self, path: &str, key: &str, body: &Value) -> Result<Result<Value, No>, Failure> {
        let url = format!("{}{path}", self.base);
        self.runtime.block_on(async {
            let mut turn = 1;
            loop {
                let answer = self.client.post_json(&url, key, body).await.map_err(Failure::fault)?;
                if answer.status.is_success() {
                    return Ok(Ok(answer.body));
                }
                let rule = answer.body["rule"].as_str();
                // Turned away before the request was looked at, or the same holder is being served: it says nothing of what
                // the same key did before, so it is no no.
                let turned_away = match answer.status.as_u16() {
                    408 | 429 | 503 => true,
                    409 => rule.is_none(),
                    _ => false,
                };
                if let Some(rule) = rule.filter(|_| !turned_away) {
                    return Ok(Err(No { rule: rule.to_owned(), failure: problem(&answer) }));
                }
                if !turned_away {
                    return Err(problem(&answer));
                }
                if turn == TURNS {
                    return Err(Failure::fault(problem(&answer)));
                }
                turn += 1;
                tokio::time::sleep(pause(&answer)).await;
            }
        })
    }
}

fn pause(answer: &Answer<Value>) -> Duration {
    let said = answer.headers.get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    Duration::from_secs(said.unwrap_or(1).clamp(1, 10))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{SocketAddr, TcpListener},
        thread::{self, JoinHandle},
    };

    use super::*;

    /// A listener that gives these answers, one a connection.
    fn listener(answers: &'static [(&'static str, &'static str)]) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let served = thread::spawn(move || {
            for (status, body) in answers {
                let mut stream = listener.accept().unwrap().0;
                let mut asked = Vec::new();
                while !asked.ends_with(b"{}") {
                    let mut octets = [0; 1024];
                    let read = stream.read(&mut octets).unwrap();
                    assert!(read > 0);
                    asked.extend_from_slice(&octets[..read]);
                }
                let length = body.len();
                let head = "content-type: application/json\r\nconnection: close";
                let answer = format!("HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        (address, served)
    }

    fn told(answers: &'static [(&'static str, &'static str)]) -> Result<Result<Value, No>, Failure> {
        let (address, served) = listener(answers);
        let way = Way::new(Client::anonymous(None).unwrap(), &format!("http://{address}")).unwrap();
        let told = way.post("/v1/certificates", "key", &serde_json::json!({}));
        served.join().unwrap();
        told
    }

    const LATER: (&str, &str) = ("429 Too Many Requests", r#"{"rule":"T-15","detail":"too often"}"#);

    #[test]
    fn who_is_told_to_come_later_comes_later_and_takes_it_for_no_no() {
        assert!(told(&[LATER, ("201 Created", r#"{"certificates":[]}"#)]).unwrap().is_ok());
        let failure = told(&[LATER; TURNS as usize]).err().unwrap();
        assert!(!failure.is_refused() && failure.to_string().contains("T-15"), "{failure}");
    }

    #[test]
    fn a_refusal_is_a_no_and_a_fault_is_none() {
        let no = told(&[("409 Conflict", r#"{"rule":"E-04","detail":"one is live"}"#)]).unwrap().err().unwrap();
        assert!(no.rule == "E-04" && no.failure.is_refused());
        let failure = told(&[("500 Internal Server Error", r#"{"detail":"internal"}"#)]).err().unwrap();
        assert!(!failure.is_refused());
    }
}
