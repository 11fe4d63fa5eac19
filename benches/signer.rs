//! How many signatures a second a software key makes, of messages and of digests: `cargo bench --bench signer`.

#![expect(clippy::unwrap_used, reason = "a measurement that fails has no figure")]

use std::time::Instant;

use jitsuin::{
    ports::Signer,
    signer::{KeyKind, PrivateKey, SoftwareSigner},
};

/// Signatures a second, over one second.
fn rate(sign: impl Fn()) -> f64 {
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed().as_millis() < 1000 {
        sign();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

fn main() {
    for kind in KeyKind::ALL {
        let signer = SoftwareSigner::new(&PrivateKey::generate(kind).unwrap()).unwrap();
        let digest = vec![7; if kind == KeyKind::P384 { 48 } else { 32 }];
        let messages = rate(|| drop(signer.sign(&[7; 1500]).unwrap()));
        let digests = rate(|| drop(signer.sign_digest(&digest).unwrap()));
        println!("{kind}: {messages:.0} messages, {digests:.0} digests a second");
    }
}
