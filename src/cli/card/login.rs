//! `jitsuin card login`: TLS client authentication with the AUTH key, which stays in the card.
//!
//! The card pads PSS too, so this speaks TLS 1.3, where clients that go through OpenSC's driver cannot.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use clap::Args;
use hyper::Uri;
use ring::digest::{SHA256, SHA384, digest};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::rustls::{
    self, ClientConfig, ClientConnection, RootCertStore, SignatureAlgorithm, SignatureScheme, StreamOwned,
    crypto::ring::default_provider,
    sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey},
};

use super::{
    CardArgs,
    holder::{PinArgs, Session},
};
use crate::{
    card::der_ecdsa,
    cli::{Output, failure::Failure},
    kind::Kind,
    limits::{ANSWER_OCTETS, REQUEST_TIMEOUT},
    x509::KeyAlgorithm,
};

/// Where to log in.
#[derive(Args, Debug)]
pub struct LoginArgs {
    #[command(flatten)]
    card: CardArgs,
    #[command(flatten)]
    pin: PinArgs,
    /// What to ask for: an https URL whose server wants a client certificate.
    #[arg(long)]
    url: Uri,
    /// The CA that the server's certificate is of, PEM.
    #[arg(long, value_name = "FILE")]
    server_ca: PathBuf,
}

/// Logs in and prints what the server answered.
///
/// # Errors
/// [`Failure`]; refused where the PIN is another, the card holds no AUTH certificate, or the server turns it away.
pub fn run(args: &LoginArgs, out: &Output) -> Result<(), Failure> {
    let (host, port, path) = place(&args.url)?;
    let roots = roots(&args.server_ca)?;
    let mut session = Session::begin(&args.card)?;
    let certificate = session.read(0x0A)?;
    let algorithm = session.key_algorithm(Kind::Auth)?;
    session.verify(Kind::Auth, &args.pin.read(Kind::Auth)?)?;
    let key = Arc::new(CardSigningKey { session: Arc::new(Mutex::new(session)), algorithm });
    let certified = CertifiedKey::new(vec![CertificateDer::from(certificate)], key);
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Failure::fault)?
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    let named = |cause: &dyn fmt::Display| format!("{}: {cause}", args.url);
    let tcp = connect((host, port)).map_err(|cause| Failure::fault(named(&cause)))?;
    let answer = ask(config, tcp, (host, port), path).map_err(|cause| match cause.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Failure::fault(named(&"no answer came in time")),
        _ => Failure::refused(named(&cause)),
    })?;
    let told = serde_json::json!({ "version": answer.version, "status": answer.status, "body": answer.body });
    out.print(&told, || format!("{}\n{}", answer.status, answer.body))
}

fn place(url: &Uri) -> Result<(&str, u16, &str), Failure> {
    let host = url.host().filter(|_| url.scheme_str() == Some("https"));
    let host = host.ok_or_else(|| Failure::usage("a login is to an https URL"))?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    Ok((host.trim_matches(['[', ']']), url.port_u16().unwrap_or(443), path))
}

fn roots(file: &std::path::Path) -> Result<RootCertStore, Failure> {
    let named = |cause: &dyn fmt::Display| Failure::fault(format!("{}: {cause}", file.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|cause| named(&cause))? {
        roots.add(certificate.map_err(|cause| named(&cause))?).map_err(|cause| named(&cause))?;
    }
    Ok(roots)
}

struct Answer {
    version: String,
    status: String,
    body: String,
}

/// Connects to the first of the host's addresses that answers.
fn connect(place: (&str, u16)) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the host has no address");
    for address in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, REQUEST_TIMEOUT) {
            Ok(tcp) => {
                tcp.set_read_timeout(Some(REQUEST_TIMEOUT))?;
                tcp.set_write_timeout(Some(REQUEST_TIMEOUT))?;
                return Ok(tcp);
            }
            Err(cause) => last = cause,
        }
    }
    Err(last)
}

fn ask(config: ClientConfig, tcp: TcpStream, (host, port): (&str, u16), path: &str) -> io::Result<Answer> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, tcp);
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nAccept: */*\r\nConnection: close\r\n\r\n")?;
    let mut octets = Vec::new();
    match (&mut stream).take(ANSWER_OCTETS as u64).read_to_end(&mut octets) {
        // Many servers hang up without a close_notify; an alert is another kind.
        Err(cause) if cause.kind() != io::ErrorKind::UnexpectedEof => return Err(cause),
        _ => {}
    }
    let version = stream.conn.protocol_version().map_or_else(String::new, |version| format!("{version:?}"));
    let text = String::from_utf8_lossy(&octets);
    let (head, body) =
        text.split_once("\r\n\r\n").ok_or_else(|| io::Error::other("the server hung up without an answer"))?;
    let status = head.lines().next().unwrap_or_default().to_owned();
    Ok(Answer { version, status, body: body.to_owned() })
}

/// The card's AUTH key as rustls knows keys; its PIN is verified.
struct CardSigningKey {
    session: Arc<Mutex<Session>>,
    algorithm: KeyAlgorithm,
}

/// The key with what the two sides agreed on.
struct CardSigner {
    session: Arc<Mutex<Session>>,
    scheme: SignatureScheme,
}

impl SigningKey for CardSigningKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let own: &[SignatureScheme] = match self.algorithm {
            KeyAlgorithm::Rsa(_) => &[SignatureScheme::RSA_PSS_SHA256, SignatureScheme::RSA_PKCS1_SHA256],
            KeyAlgorithm::P256 => &[SignatureScheme::ECDSA_NISTP256_SHA256],
            KeyAlgorithm::P384 => &[SignatureScheme::ECDSA_NISTP384_SHA384],
        };
        let scheme = *own.iter().find(|scheme| offered.contains(scheme))?;
        Some(Box::new(CardSigner { session: Arc::clone(&self.session), scheme }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.algorithm {
            KeyAlgorithm::Rsa(_) => SignatureAlgorithm::RSA,
            KeyAlgorithm::P256 | KeyAlgorithm::P384 => SignatureAlgorithm::ECDSA,
        }
    }
}

impl Signer for CardSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let (p1, hash) = match self.scheme {
            SignatureScheme::RSA_PSS_SHA256 => (0x04, &SHA256),
            SignatureScheme::ECDSA_NISTP384_SHA384 => (0x02, &SHA384),
            _ => (0x02, &SHA256),
        };
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let signed = session.signature(Kind::Auth, p1, digest(hash, message).as_ref());
        let signature = signed.map_err(|failure| rustls::Error::General(failure.to_string()))?;
        let is_ecdsa =
            matches!(self.scheme, SignatureScheme::ECDSA_NISTP256_SHA256 | SignatureScheme::ECDSA_NISTP384_SHA384);
        Ok(if is_ecdsa { der_ecdsa(&signature) } else { signature })
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

impl fmt::Debug for CardSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardSigningKey({})", self.algorithm)
    }
}

impl fmt::Debug for CardSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CardSigner({:?})", self.scheme)
    }
}
