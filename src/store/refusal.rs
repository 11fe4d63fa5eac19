//! What a conflict is about, in the words both engines use.

/// The holder is at another version than the caller read, or is new, or is not there.
pub(super) const HOLDER: &str = "the holder";
/// A card or a certificate of a holder whom the store does not know.
pub(super) const NO_HOLDER: &str = "no such holder";
/// A certificate on a card that the store does not know as this holder's.
pub(super) const NO_CARD: &str = "no such card of this holder";
/// A reservation that is already more than that.
pub(super) const NOT_A_RESERVATION: &str = "a reservation has neither certificate nor revocation";
/// The predecessor is not a certificate of the same kind and holder.
pub(super) const NO_PREDECESSOR: &str = "no such predecessor";
/// The other certificate is not one of the other kind on the same card.
pub(super) const NO_PAIR: &str = "no such other certificate on this card";
/// The certificate is not there or in another state.
pub(super) const STATE: &str = "the state of the certificate";
/// rules §3.4 has no such change of state.
pub(super) const NO_TRANSITION: &str = "there is no such change of state";
/// A revocation where none belongs, or none where one belongs.
pub(super) const REVOCATION: &str = "held and revoked carry a revocation, other states none";
/// The list is not the next of its scope.
pub(super) const CRL_NUMBER: &str = "the number of the list";
/// The generation is not the next of its CA.
pub(super) const GENERATION: &str = "the number of the generation";
/// The generation is not there, or its compromise is known already.
pub(super) const COMPROMISE: &str = "the compromise of the generation";
/// The key of the CA generation is compromised: nothing more is issued by it.
pub(super) const COMPROMISED: &str = "the CA generation is compromised";
/// The consent is not there, or another stands in its place, or it was ended.
pub(super) const CONSENT: &str = "the consent";
/// A new consent that is already over, or to nothing.
pub(super) const NEW_CONSENT: &str = "a new consent is not over and allows something";
/// The municipality used the number of the event before.
pub(super) const REGISTER_ENTRY: &str = "the number of the register's event";
/// A new notice is not sent yet, names a certificate, and never a death.
pub(super) const NEW_NOTICE: &str = "a new notice is to be sent, about a certificate and no death";
/// The notice is not there, or was sent.
pub(super) const NOTICE: &str = "the notice";
/// The SIGN of the register's text is not reserved, or has one.
pub(super) const REGISTER_TEXT: &str = "the register's text of the certificate";
/// The exception is at another version than the caller read, or is there, or was used, or approved otherwise.
pub(super) const EXCEPTION: &str = "the exception";
/// A new exception that is more than asked for, or one that who asked approved, or used without approval.
pub(super) const NO_EXCEPTION: &str =
    "a new exception is asked for only, and another officer approves it before it is used";
/// The value has no place in the schema: a number beyond 2^63, a date the calendar does not have.
pub(super) const OUTSIDE: &str = "a value that the store cannot hold";
/// The relying party is at another version than the caller read, or is new, or is not there.
pub(super) const PARTY: &str = "the relying party";
/// Terms are agreed with who has a credential.
pub(super) const NO_CREDENTIAL: &str = "no relying party's credential of that name";
/// A disclosure about a certificate that the store does not know as this holder's.
pub(super) const NO_CERTIFICATE: &str = "no such certificate of this holder";
/// The application is at another version than the caller read, or is new, or has ended.
pub(super) const APPLICATION: &str = "the application";
/// A new application that is more than received, or an ended one that keeps what only an open one may.
pub(super) const NO_APPLICATION: &str = "a new application is received only, and an ended one keeps no address";
/// What is kept of a holder is not what was decided about.
pub(super) const RETAINED: &str = "what is kept of the holder";
/// Something of a holder whose term is not over, or of a certificate that has not ended.
pub(super) const KEPT: &str = "a term that is not over";
/// A leap under a fence that does not rise, or back to numbers that were given.
pub(super) const LEAP: &str = "a leap raises the fence, and no number falls";
/// A lost certificate that the store has, or whose number its CA has not given.
pub(super) const LOST: &str = "a lost certificate is held or revoked, of a number that was given, and not in the store";
/// The credential was revoked, for good and as it was recorded.
pub(super) const CREDENTIAL: &str = "the credential was revoked";
/// A list of the access CA follows another, or its number does not rise.
pub(super) const ACCESS_LIST: &str = "the access CA's list";
