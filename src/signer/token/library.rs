//! The vendor's library, the token in it, the login, and a session that has found its key.
//!
//! Why a static: PKCS#11 itself is state of the process. A library is initialised once in it, whoever uses it, and a login
//! holds for all sessions with the token. So libraries are loaded once and never unloaded, and a PIN that a token refused
//! is remembered for all keys in it: each try that goes wrong brings the token nearer to locking itself.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Function, Pkcs11},
    error::{Error, RvError},
    object::{Attribute, ObjectClass, ObjectHandle},
    session::{Session, SessionState, UserType},
    slot::{Limit, Slot, TokenInfo},
};

use super::{
    fault::TokenError,
    life::{Inside, Lives, Occupied},
    pin::{Pin, PinSource},
    public,
    sessions::Device,
    uri::TokenUri,
};
use crate::{limits::TOKEN_RENEWAL_WAIT, x509::SignatureAlgorithm};

static LIBRARIES: Mutex<BTreeMap<PathBuf, Arc<Library>>> = Mutex::new(BTreeMap::new());

/// A library that is loaded.
pub(super) struct Library {
    pub(super) context: Pkcs11,
    pub(super) lives: Lives,
    /// The PIN that a token, by label and serial number, has refused last. Held while logging in.
    refused: Mutex<BTreeMap<String, Pin>>,
}

impl Library {
    /// Loads a library, unless that has been done.
    pub(super) fn load(path: &Path) -> Result<Arc<Self>, TokenError> {
        let fault = |cause: String| TokenError::Module { path: path.into(), cause };
        let real = fs::canonicalize(path).map_err(|cause| fault(cause.to_string()))?;
        let mut libraries = LIBRARIES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = libraries.get(&real) {
            return Ok(Arc::clone(library));
        }
        let context = Pkcs11::new(&real).map_err(|error| fault(error.to_string()))?;
        initialise(&context).map_err(|error| fault(error.to_string()))?;
        let library = Arc::new(Self { context, lives: Lives::default(), refused: Mutex::default() });
        libraries.insert(real, Arc::clone(&library));
        Ok(library)
    }

    /// Goes inside, with the tokens that are there.
    ///
    /// If there are none, or the module does not even say, it is begun anew: some find a device that was away only then, and
    /// no session can be open that this would end.
    fn tokens(&self) -> Result<(Inside<'_>, Vec<Token>), TokenError> {
        let inside = self.lives.enter();
        match self.seen() {
            Ok(tokens) if !tokens.is_empty() => return Ok((inside, tokens)),
            _ => {}
        }
        let life = inside.life;
        drop(inside);
        let mut begun = Ok(());
        let renewed = self.lives.renew(life, TOKEN_RENEWAL_WAIT, || {
            // It may have been ended by others, or refuse; whether it begins is what counts.
            let _ = self.context.clone().finalize();
            begun = initialise(&self.context);
        });
        renewed.map_err(|Occupied| TokenError::Hangs)?;
        begun?;
        let inside = self.lives.enter();
        let tokens = self.seen()?;
        Ok((inside, tokens))
    }

    /// A slot that has just been emptied tells nothing; the others may still hold what is looked for.
    fn seen(&self) -> Result<Vec<Token>, TokenError> {
        let slots = self.context.get_slots_with_token()?.into_iter();
        let tokens = slots.filter_map(|slot| Some((slot, self.context.get_token_info(slot).ok()?)));
        Ok(tokens.filter(|(_, info)| info.token_initialized()).collect())
    }
}

/// A token and where it is.
type Token = (Slot, TokenInfo);

/// Others in the process may have done so; that is as good.
fn initialise(context: &Pkcs11) -> Result<(), TokenError> {
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Where a key is, and how to get at it.
pub(super) struct Place {
    library: Arc<Library>,
    uri: TokenUri,
    pins: Arc<dyn PinSource>,
}

/// A session, logged in, and the handle of the key in it. Dropping it does not close it.
pub(super) struct Keyed {
    pub(super) session: Session,
    pub(super) key: ObjectHandle,
    /// The life of the module in which both were found.
    life: u64,
}

impl Place {
    pub(super) fn new(uri: TokenUri, pins: Arc<dyn PinSource>) -> Result<Self, TokenError> {
        Ok(Self { library: Library::load(uri.module())?, uri, pins })
    }

    /// The one token that the URI names. Slots are looked through each time: a token that was away comes back in another.
    fn slot(&self) -> Result<(Inside<'_>, Token), TokenError> {
        let (inside, tokens) = self.library.tokens()?;
        let wanted = || self.uri.token_words();
        let named = |(_, info): &&Token| self.uri.is_on(info.label(), info.serial_number());
        let mut found = tokens.iter().filter(named);
        match (found.next(), found.next()) {
            (Some(token), None) => Ok((inside, token.clone())),
            (Some(_), Some(_)) => Err(TokenError::Ambiguous { wanted: wanted() }),
            (None, _) => Err(TokenError::Absent { wanted: wanted(), present: present(&tokens) }),
        }
    }

    /// Asks the module for its tokens, and whether the one of the key is among them.
    pub(super) fn sees(&self) -> Result<(), TokenError> {
        self.slot().map(drop)
    }

    /// How many sessions the token says it has, if it says so.
    pub(super) fn sessions(&self) -> Result<Option<usize>, TokenError> {
        let (_inside, (_, info)) = self.slot()?;
        Ok(match info.max_session_count() {
            Limit::Max(most) => usize::try_from(most).ok(),
            Limit::Unavailable | Limit::Infinite => None,
        })
    }

    /// Opens a session, logs in, finds the key.
    pub(super) fn enter(&self) -> Result<Keyed, TokenError> {
        let (inside, (slot, info)) = self.slot()?;
        let session = self.library.context.open_ro_session_no_drop(slot)?;
        let login = if info.login_required() { self.login(&session, slot, &info) } else { Ok(()) };
        match login.and_then(|()| self.private_key(&session)) {
            Ok(key) => Ok(Keyed { session, key, life: inside.life }),
            Err(error) => {
                // What it says of the closing matters less than why.
                let _ = session.close();
                Err(error)
            }
        }
    }

    /// Goes inside to use a session.
    ///
    /// # Errors
    /// As the module itself says it of a session that is gone: the module has been begun anew since it was opened.
    pub(super) fn with(&self, keyed: &Keyed) -> Result<Inside<'_>, TokenError> {
        let inside = self.library.lives.enter();
        if inside.life == keyed.life {
            return Ok(inside);
        }
        Err(Error::Pkcs11(RvError::SessionHandleInvalid, Function::GetSessionInfo).into())
    }

    /// Logs in, unless another session of this process has. One at a time: two who come at once must not both try a PIN.
    fn login(&self, session: &Session, slot: Slot, info: &TokenInfo) -> Result<(), TokenError> {
        let mut refused = self.library.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(session.get_session_info()?.session_state(), SessionState::RoUser | SessionState::RwUser) {
            return Ok(());
        }
        let token = || info.label().to_owned();
        let pin = self.pins.pin().map_err(|cause| TokenError::NoPin { token: token(), cause })?;
        let name = format!("{}/{}", info.label(), info.serial_number());
        if refused.get(&name) == Some(&pin) {
            return Err(TokenError::PinRefusedBefore { token: token() });
        }
        // As it is now, not as it was when the session was opened.
        let info = self.library.context.get_token_info(slot)?;
        let state = [
            (info.user_pin_locked(), "is locked after too many wrong PINs"),
            (info.user_pin_final_try(), "allows one last try of its PIN"),
        ];
        if let Some((_, state)) = state.into_iter().find(|(true_of_it, _)| *true_of_it) {
            return Err(TokenError::LastTry { token: token(), state });
        }
        match session.login(UserType::User, Some(&pin.auth())) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                refused.remove(&name);
                Ok(())
            }
            Err(Error::Pkcs11(said, _)) if is_of_the_pin(said) => {
                refused.insert(name, pin);
                Err(TokenError::PinRefused { token: token(), said: format!("{said:?}") })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn private_key(&self, session: &Session) -> Result<ObjectHandle, TokenError> {
        let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
        template.extend(self.uri.object().map(|label| Attribute::Label(label.into())));
        template.extend(self.uri.id().map(|id| Attribute::Id(id.into())));
        let wanted = || self.uri.key_words();
        match session.find_objects(&template)?.as_slice() {
            [key] => Ok(*key),
            [] => Err(TokenError::KeyAbsent { wanted: wanted() }),
            _ => Err(TokenError::KeyAmbiguous { wanted: wanted() }),
        }
    }
}

fn is_of_the_pin(said: RvError) -> bool {
    use RvError::{PinExpired, PinIncorrect, PinInvalid, PinLenRange, PinLocked, UserPinNotInitialized};
    matches!(said, PinIncorrect | PinInvalid | PinLenRange | PinExpired | PinLocked | UserPinNotInitialized)
}

pub(super) fn present(tokens: &[(Slot, TokenInfo)]) -> String {
    if tokens.is_empty() {
        return "the module shows no token at all".into();
    }
    let names =
        tokens.iter().map(|(_, info)| format!("`{}` with serial number {}", info.label(), info.serial_number()));
    format!("the module shows {}", names.collect::<Vec<_>>().join(", "))
}

/// A key whose algorithm is known.
pub(super) struct Connection {
    pub(super) place: Place,
    pub(super) algorithm: SignatureAlgorithm,
}

impl Device for Connection {
    type Session = Keyed;

    fn open(&self) -> Result<Keyed, TokenError> {
        self.place.enter()
    }

    fn close(&self, keyed: Keyed) {
        let Ok(_inside) = self.place.with(&keyed) else { return };
        if let Err(error) = keyed.session.close() {
            // Not a warning: whoever closes it knows that something is wrong, and has said so.
            tracing::debug!(cause = %TokenError::from(error), "a session with the token was not closed");
        }
    }

    fn sign(&self, keyed: &Keyed, input: &[u8]) -> Result<Vec<u8>, TokenError> {
        let _inside = self.place.with(keyed)?;
        Ok(keyed.session.sign(&public::mechanism(self.algorithm), keyed.key, input)?)
    }
}
