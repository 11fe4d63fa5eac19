//! Where a certificate says its status is told: the URIs of authorityInfoAccess and cRLDistributionPoints (RFC 5280 §4.2.1.13,
//! §4.2.2.1).

use super::{
    certificate::Tbs,
    der::{DerError, Reader, context, context_constructed},
    oid,
};

/// GeneralName's uniformResourceIdentifier.
const URI: u8 = 6;

/// The first URI of each; none where there is none, as in certificates for software of real cards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusPlaces<'a> {
    /// The OCSP responder.
    pub ocsp: Option<&'a str>,
    /// The revocation list.
    pub crl: Option<&'a str>,
}

impl<'a> StatusPlaces<'a> {
    /// As the certificate says.
    ///
    /// # Errors
    /// [`DerError`] where one of the two extensions is of another shape.
    pub fn of(certificate: &Tbs<'a>) -> Result<Self, DerError> {
        let value = |oid| certificate.extensions.iter().find(|one| one.oid == oid).map(|one| one.value);
        Ok(Self {
            ocsp: value(oid::AUTHORITY_INFO_ACCESS).map(responder).transpose()?.flatten(),
            crl: value(oid::CRL_DISTRIBUTION_POINTS).map(list).transpose()?.flatten(),
        })
    }
}

fn responder(value: &[u8]) -> Result<Option<&str>, DerError> {
    Reader::new(value).sequence(|descriptions| {
        let mut found = None;
        while !descriptions.is_empty() {
            let place = descriptions.sequence(|one| {
                let is_ocsp = one.oid()? == oid::ACCESS_OCSP;
                let name = one.any()?;
                Ok::<_, DerError>((is_ocsp && name.tag == context(URI)).then_some(name.content))
            })?;
            found = found.or(place.map(text).transpose()?);
        }
        Ok(found)
    })
}

fn list(value: &[u8]) -> Result<Option<&str>, DerError> {
    Reader::new(value).sequence(|points| {
        let mut found = None;
        while !points.is_empty() {
            let names = points
                .sequence(|point| point.nested(context_constructed(0), |name| name.read(context_constructed(0))))?;
            let mut names = Reader::new(names);
            while !names.is_empty() {
                let name = names.any()?;
                if name.tag == context(URI) {
                    found = found.or(Some(text(name.content)?));
                }
            }
        }
        Ok(found)
    })
}

fn text(octets: &[u8]) -> Result<&str, DerError> {
    std::str::from_utf8(octets).ok().filter(|text| text.is_ascii()).ok_or(DerError::Content("a URI"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::{CertificateView, extension};

    #[test]
    fn the_places_are_those_that_the_golden_certificates_name() {
        let read = |name: &str| std::fs::read(format!("tests/golden/{name}.der")).unwrap();
        for (name, is_open) in [("open/holder-sign", true), ("open/holder-auth", true), ("compat/holder-sign", false)] {
            let der = read(name);
            let view = CertificateView::from_der(&der).unwrap();
            let places = StatusPlaces::of(&view.tbs).unwrap();
            assert_eq!((places.ocsp.is_some(), places.crl.is_some()), (is_open, is_open), "{name}");
            assert!(places.crl.is_none_or(|uri| uri.starts_with("http://") && uri.ends_with(".crl")), "{places:?}");
        }
    }

    #[test]
    fn what_is_cut_off_is_told() {
        let whole = extension::authority_info_access(Some("http://127.0.0.1/ocsp"), Some("http://127.0.0.1/ca"));
        assert_eq!(responder(&whole), Ok(Some("http://127.0.0.1/ocsp")));
        assert_eq!(responder(&extension::authority_info_access(None, Some("http://127.0.0.1/ca"))), Ok(None));
        let point = extension::distribution_point(&[extension::GeneralName::Uri("http://127.0.0.1/one.crl")]);
        assert_eq!(list(&point), Ok(Some("http://127.0.0.1/one.crl")));
        for cut in 0..whole.len() {
            assert!(responder(&whole[..cut]).is_err(), "{cut}");
        }
        for cut in 0..point.len() {
            assert!(list(&point[..cut]).is_err(), "{cut}");
        }
    }
}
