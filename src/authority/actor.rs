//! Who asks.

use crate::{
    municipality::MunicipalityCode,
    ports::{CertificateRecord, CredentialRecord, HolderRecord, HolderReference, Role},
    rules::Refusal,
};

/// An authenticated client of the registration listener, or the service itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Nothing for the service itself.
    role: Option<Role>,
    name: String,
    municipality: Option<MunicipalityCode>,
    /// Of a holder: who it is.
    holder: Option<HolderReference>,
}

impl Actor {
    /// The client of that credential.
    #[must_use]
    pub fn client(credential: &CredentialRecord) -> Self {
        Self {
            role: Some(credential.role),
            name: credential.name.clone(),
            municipality: credential.municipality,
            holder: None,
        }
    }

    /// The service itself: timers, start-up.
    #[must_use]
    pub fn service() -> Self {
        Self { role: None, name: "service".into(), municipality: None, holder: None }
    }

    /// The holder of a certificate that was found to stand. Named by the certificate, with a `/` that no credential's name has.
    pub(super) fn holder_of(certificate: &CertificateRecord) -> Self {
        let name = format!("{}/{}", Role::Holder.word(), certificate.serial);
        Self { role: Some(Role::Holder), name, municipality: None, holder: Some(certificate.holder.clone()) }
    }

    /// Who the holder is; nothing for everyone else.
    #[must_use]
    pub fn holder(&self) -> Option<&HolderReference> {
        self.holder.as_ref()
    }

    /// The credential's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The role, unless it is the service itself.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.role
    }

    /// How the audit names it: `municipality/13115`; a holder by the certificate, `holder/7A01…`.
    #[must_use]
    pub fn audit_name(&self) -> String {
        self.role
            .filter(|role| *role != Role::Holder)
            .map_or_else(|| self.name.clone(), |role| format!("{}/{}", role.word(), self.name))
    }

    /// The municipality that it acts for.
    ///
    /// # Errors
    /// `E-02` for everyone else: applications go through the mayor of the municipality of residence.
    pub fn municipality(&self) -> Result<MunicipalityCode, Refusal> {
        let none = || {
            Refusal::new("E-02", "only the municipality of residence may ask for this")
                .with_ja("住所地の市区町村だけが行えます。")
        };
        self.municipality.filter(|_| self.role == Some(Role::Municipality)).ok_or_else(none)
    }

    /// The municipality that it acts for, if the holder lives there.
    ///
    /// # Errors
    /// `E-02` otherwise; it does not tell where the holder lives.
    pub fn municipality_of(&self, holder: &HolderRecord) -> Result<MunicipalityCode, Refusal> {
        let own = self.municipality()?;
        if holder.municipality != own {
            return Err(Refusal::new("E-02", format!("the holder is not a resident of municipality {own}"))
                .with_ja("この市区町村の住民ではありません。"));
        }
        Ok(own)
    }

    /// Whether it sees what is of every municipality: an operator, or an auditor.
    #[must_use]
    pub fn oversees(&self) -> bool {
        matches!(self.role, Some(Role::Operator | Role::Auditor))
    }

    /// Checks that it is an operator or an auditor, who sees what an operator sees and changes nothing.
    ///
    /// # Errors
    /// `T-08` for everyone else.
    pub fn overseer(&self) -> Result<&Self, Refusal> {
        let refused = || {
            Refusal::new("T-08", "only an operator or an auditor may ask for this")
                .with_ja("運用者または監査人だけが行えます。")
        };
        self.oversees().then_some(self).ok_or_else(refused)
    }

    /// Checks that it is an operator.
    ///
    /// # Errors
    /// `T-08` for everyone else.
    pub fn operator(&self) -> Result<&Self, Refusal> {
        if self.role == Some(Role::Operator) {
            Ok(self)
        } else {
            Err(Refusal::new("T-08", "only an operator may ask for this").with_ja("運用者だけが行えます。"))
        }
    }
}
