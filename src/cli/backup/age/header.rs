//! The header: who can open the file.

use std::io::{self, BufRead, Read, Write};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use pkcs8::pkcs5::scrypt;
use ring::{aead, hmac};
use zeroize::Zeroizing;

use super::{AgeError, FILE_KEY, Identity, Opened, Recipient, Sealed, TAG, cipher, derive};
use crate::{
    limits::{BACKUP_HEADER_OCTETS, BACKUP_SCRYPT_LOG_N, BACKUP_SCRYPT_MOST_LOG_N},
    ports::Entropy,
};

const VERSION: &str = "age-encryption.org/v1";
const SCRYPT: &[u8] = b"age-encryption.org/v1/scrypt";
/// Standard alphabet, without padding, and only in the one canonical form.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone),
);
/// Octets of a wrapped file key.
const WRAPPED: usize = FILE_KEY + TAG;

/// With what a file is sealed.
pub enum Sealing {
    /// To each of these; any of them can open it.
    Recipients(Vec<Recipient>),
    /// With a passphrase.
    Passphrase(Zeroizing<String>),
}

/// With what a file is opened.
pub enum Opening {
    /// By any of these.
    Identities(Vec<Identity>),
    /// With a passphrase.
    Passphrase(Zeroizing<String>),
}

/// The stanzas of a header, the octets that its MAC is over, and the MAC.
type Parts = (Vec<Stanza>, Vec<u8>, [u8; 32]);

struct Stanza {
    arguments: Vec<String>,
    body: Vec<u8>,
}

impl Sealing {
    /// Begins a file: what is written to it is sealed on its way, and it is whole when it is [finished](Sealed::finish).
    ///
    /// # Errors
    /// [`AgeError`].
    pub fn begin<W: Write>(&self, mut out: W, entropy: &dyn Entropy) -> Result<Sealed<W>, AgeError> {
        let random = |octets: &mut [u8]| entropy.fill(octets).map_err(|_| AgeError::Entropy);
        let mut file_key = Zeroizing::new([0; FILE_KEY]);
        random(file_key.as_mut())?;
        let mut header = format!("{VERSION}\n");
        match self {
            Self::Recipients(recipients) => {
                for recipient in recipients {
                    let (ephemeral, key) = recipient.wrapping()?;
                    stanza(&mut header, &format!("X25519 {}", BASE64.encode(ephemeral)), &wrap(&key, &file_key));
                }
            }
            Self::Passphrase(passphrase) => {
                let mut salt = [0; 16];
                random(&mut salt)?;
                let key = stretch(passphrase, &salt, BACKUP_SCRYPT_LOG_N)?;
                let named = format!("scrypt {} {BACKUP_SCRYPT_LOG_N}", BASE64.encode(salt));
                stanza(&mut header, &named, &wrap(&key, &file_key));
            }
        }
        header += "---";
        let tag = hmac::sign(&mac_key(&file_key), header.as_bytes());
        writeln!(out, "{header} {}", BASE64.encode(tag))?;
        let mut nonce = [0; 16];
        random(&mut nonce)?;
        out.write_all(&nonce)?;
        Ok(Sealed::new(out, &derive(file_key.as_ref(), &nonce, b"payload")))
    }
}

impl Opening {
    /// Opens a file: the octets that are read are those that were sealed. Only an end that is read proves that nothing is missing.
    ///
    /// # Errors
    /// [`AgeError`].
    pub fn open<R: BufRead>(&self, mut input: R) -> Result<Opened<R>, AgeError> {
        let (stanzas, sealed, tag) = read_header(&mut input)?;
        let file_key = self.file_key(&stanzas)?;
        hmac::verify(&mac_key(&file_key), &sealed, &tag).map_err(|_| AgeError::Header)?;
        let mut nonce = [0; 16];
        input.read_exact(&mut nonce)?;
        Ok(Opened::new(input, &derive(file_key.as_ref(), &nonce, b"payload")))
    }

    fn file_key(&self, stanzas: &[Stanza]) -> Result<Zeroizing<[u8; FILE_KEY]>, AgeError> {
        let is_scrypt = |stanza: &Stanza| stanza.arguments[0] == "scrypt";
        match (self, stanzas) {
            (Self::Passphrase(passphrase), [alone]) if is_scrypt(alone) => {
                let (salt, log_n) = scrypt_of(alone)?;
                unwrap(&*stretch(passphrase, &salt, log_n)?, &alone.body).ok_or(AgeError::Passphrase)
            }
            (Self::Identities(_), [alone]) if is_scrypt(alone) => Err(AgeError::WantsPassphrase),
            (_, some) if some.iter().any(is_scrypt) => Err(AgeError::NotAge("a passphrase stands beside others")),
            (Self::Passphrase(_), _) => Err(AgeError::WantsIdentity),
            (Self::Identities(identities), some) => {
                for stanza in some.iter().filter(|stanza| stanza.arguments[0] == "X25519") {
                    let [_, ephemeral] = stanza.arguments.as_slice() else { return Err(AgeError::NotAge("X25519")) };
                    let ephemeral = octets::<32>(ephemeral)?;
                    for identity in identities {
                        if let Some(key) = unwrap(&*identity.unwrapping(&ephemeral)?, &stanza.body) {
                            return Ok(key);
                        }
                    }
                }
                Err(AgeError::Identity)
            }
        }
    }
}

fn stanza(header: &mut String, arguments: &str, body: &[u8; WRAPPED]) {
    // 43 letters: a short line, which is also the last one.
    *header += &format!("-> {arguments}\n{}\n", BASE64.encode(body));
}

fn scrypt_of(stanza: &Stanza) -> Result<([u8; 16], u8), AgeError> {
    let [_, salt, log_n] = stanza.arguments.as_slice() else { return Err(AgeError::NotAge("scrypt")) };
    let is_plain = !log_n.starts_with('0') && log_n.bytes().all(|letter| letter.is_ascii_digit());
    let log_n = log_n.parse::<u8>().ok().filter(|_| is_plain).ok_or(AgeError::NotAge("the cost of scrypt"))?;
    if log_n > BACKUP_SCRYPT_MOST_LOG_N {
        return Err(AgeError::TooDear(log_n, BACKUP_SCRYPT_MOST_LOG_N));
    }
    Ok((octets(salt)?, log_n))
}

fn octets<const N: usize>(text: &str) -> Result<[u8; N], AgeError> {
    let octets = BASE64.decode(text).map_err(|_| AgeError::NotAge("base64"))?;
    octets.try_into().map_err(|_| AgeError::NotAge("a number of octets"))
}

fn stretch(passphrase: &str, salt: &[u8; 16], log_n: u8) -> Result<Zeroizing<[u8; 32]>, AgeError> {
    let parameters = scrypt::Params::new(log_n, 8, 1).map_err(|_| AgeError::NotAge("the cost of scrypt"))?;
    let mut key = Zeroizing::new([0; 32]);
    let salt = [SCRYPT, &salt[..]].concat();
    scrypt::scrypt(passphrase.as_bytes(), &salt, &parameters, key.as_mut()).map_err(|_| AgeError::Entropy)?;
    Ok(key)
}

fn nonce() -> aead::Nonce {
    // Each wrapping key wraps one file key.
    aead::Nonce::assume_unique_for_key([0; 12])
}

fn wrap(key: &[u8; 32], file_key: &[u8; FILE_KEY]) -> [u8; WRAPPED] {
    let mut body = [0; WRAPPED];
    let (text, tag) = body.split_at_mut(FILE_KEY);
    text.copy_from_slice(file_key);
    let sealed = cipher(key).seal_in_place_separate_tag(nonce(), aead::Aad::empty(), text);
    tag.copy_from_slice(sealed.expect("16 octets are not too many").as_ref());
    body
}

fn unwrap(key: &[u8; 32], body: &[u8]) -> Option<Zeroizing<[u8; FILE_KEY]>> {
    let mut body: Zeroizing<[u8; WRAPPED]> = Zeroizing::new(body.try_into().ok()?);
    let opened = cipher(key).open_in_place(nonce(), aead::Aad::empty(), body.as_mut()).ok()?;
    Some(Zeroizing::new((&*opened).try_into().ok()?))
}

fn mac_key(file_key: &[u8; FILE_KEY]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, derive(file_key, &[], b"header").as_ref())
}

fn read_header(input: &mut impl BufRead) -> Result<Parts, AgeError> {
    let mut lines = Lines { input, read: Vec::new() };
    if lines.next()? != VERSION {
        return Err(AgeError::NotAge("it begins otherwise"));
    }
    let (mut stanzas, mut before) = (Vec::new(), lines.read.len());
    loop {
        let line = lines.next()?;
        if let Some(tag) = line.strip_prefix("--- ") {
            if stanzas.is_empty() {
                return Err(AgeError::NotAge("nobody can open it"));
            }
            let tag = octets(tag)?;
            lines.read.truncate(before + "---".len());
            return Ok((stanzas, lines.read, tag));
        }
        let arguments = line.strip_prefix("-> ").ok_or(AgeError::NotAge("a line of its header"))?;
        let arguments: Vec<_> = arguments.split(' ').map(str::to_owned).collect();
        if arguments.iter().any(String::is_empty) {
            return Err(AgeError::NotAge("a stanza"));
        }
        let body = BASE64.decode(lines.body()?).map_err(|_| AgeError::NotAge("base64"))?;
        stanzas.push(Stanza { arguments, body });
        before = lines.read.len();
    }
}

/// The lines of a header, of bounded length together.
struct Lines<'a, R> {
    input: &'a mut R,
    read: Vec<u8>,
}

impl<R: BufRead> Lines<'_, R> {
    /// The next line, without its end.
    fn next(&mut self) -> Result<String, AgeError> {
        let from = self.read.len();
        let most = BACKUP_HEADER_OCTETS.saturating_sub(from) as u64;
        self.input.by_ref().take(most).read_until(b'\n', &mut self.read)?;
        let line = self.read[from..].strip_suffix(b"\n").ok_or(AgeError::NotAge("its header has no end"))?;
        let is_text = line.iter().all(|octet| (0x20..0x7f).contains(octet));
        let text = std::str::from_utf8(line).ok().filter(|_| is_text);
        text.map(str::to_owned).ok_or(AgeError::NotAge("its header is no text"))
    }

    /// The lines of a stanza's body: full ones of 64 letters, and one that is shorter.
    fn body(&mut self) -> Result<String, AgeError> {
        let mut body = String::new();
        loop {
            let line = self.next()?;
            body += &line;
            match line.len() {
                0..64 => return Ok(body),
                64 => {}
                _ => return Err(AgeError::NotAge("a line of its header is too long")),
            }
        }
    }
}

impl From<AgeError> for io::Error {
    fn from(error: AgeError) -> Self {
        match error {
            AgeError::Io(error) => error,
            other => Self::new(io::ErrorKind::InvalidData, other),
        }
    }
}
