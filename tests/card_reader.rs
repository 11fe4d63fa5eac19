//! The virtual card in a reader, seen by programs that real cards are used with: pcscd, OpenSC, and OpenSSL through PKCS#11.
//!
//! Debian's vpcd listens on every interface and there is one pcscd on a machine, so each test has a network, processes and a
//! `/run/pcscd` of its own (`unshare`, as root). Packages: opensc, pcscd, vsmartcard-vpcd, libengine-pkcs11-openssl, iproute2, which
//! `scripts/test` installs. Where one cannot be had, the tests say so loudly and pass.

#[path = "card_reader/holder.rs"]
mod holder;
#[path = "card_reader/login.rs"]
mod login;
#[path = "card_reader/opensc.rs"]
mod opensc;
#[path = "card_reader/pins.rs"]
mod pins;
#[path = "card_reader/room.rs"]
mod room;
#[path = "card_reader/socket.rs"]
mod socket;
