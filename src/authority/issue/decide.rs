//! What registration decides before any key is asked: who may have what, and until when.

use super::{super::StoryError, Issuance, IssuedCertificate};
use crate::{
    audit::Draft,
    authority::{
        Authority,
        enclosed::{four_facts, verified_requests},
        enrol::{Card, Enrolment, Person},
        exception::Excepted,
        once::Telling,
        wording::FactsMade,
    },
    kind::Kind,
    municipality::{self, Municipality, MunicipalityCode},
    ports::{CardNumber, CardRecord, CertificateRecord, Dossier, HolderRecord, HolderReference, Step},
    rules::{
        Asked, CertificateState, Day, FourFacts, Holding, LiveCertificate, PairAsked, PairReplacement, Policy, Refusal,
        Validity, ValidityFacts, Warning, calendar::day_of, decide_pair_replacement,
        eligibility::decide_eligibility_with, exception::Exception, renewal_window, validity::decide_validity_with,
    },
    x509::{UnixTime, VerifiedRequest},
};

/// What the rules decide before any key is there: who may have what today, and until when.
pub(in crate::authority) struct Terms {
    place: &'static Municipality,
    holder: HolderRecord,
    card: CardRecord,
    dossier: Option<Dossier>,
    replacement: PairReplacement,
    validity: Validity,
    /// Whether the AUTH that is kept could be renewed today.
    auth_window_is_open: bool,
    /// Whether the card ends within the window of its renewal (W-05).
    card_window_is_open: bool,
    now: UnixTime,
}

/// An application that the rules allow, with its keys.
pub(super) struct Decision {
    terms: Terms,
    renewal_opens: Day,
    facts: Option<FactsMade>,
    excepted: Option<Excepted>,
    requests: Vec<(Kind, VerifiedRequest)>,
}

/// Who asks, for which card, for which kinds, and as what.
#[derive(Clone, Copy)]
pub(in crate::authority) struct Wish<'a> {
    pub(in crate::authority) person: &'a Person,
    pub(in crate::authority) card: &'a Card,
    pub(in crate::authority) kinds: &'a [Kind],
    pub(in crate::authority) mode: Mode,
    pub(in crate::authority) exception: Option<&'a Exception>,
}

/// As what certificates are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::authority) enum Mode {
    /// Each kind as this.
    As(Asked),
    /// A renewal where one is live, and anew where none is (any more): what was applied for before is issued as the day of
    /// issue has it (section 1.4, example 28).
    OfTheDay,
}

/// The applicant as the register and the store have them.
pub(in crate::authority) struct Resident {
    place: &'static Municipality,
    pub(in crate::authority) dossier: Option<Dossier>,
    pub(in crate::authority) holder: HolderRecord,
}

impl Authority {
    /// Decides an application, reading the holder's dossier at one instant.
    pub(super) fn decide_issue(
        &self,
        telling: &Telling<'_>,
        mode: Mode,
        enrolment: &Enrolment,
    ) -> Result<Decision, StoryError> {
        let resident = self.resident(telling, &enrolment.holder)?;
        let requests = verified_requests(enrolment)?;
        let kinds = enrolment.requests.kinds();
        let excepted = match mode {
            Mode::As(asked) => self.excepted(telling, asked, enrolment, &resident.holder)?,
            // An application is not taken for who may not have it.
            Mode::OfTheDay => None,
        };
        let exception = excepted.as_ref().map(|excepted| &excepted.exception);
        let wish = Wish { person: &enrolment.holder, card: &enrolment.card, kinds: &kinds, mode, exception };
        self.eligible(&resident.holder, wish, day_of(telling.now))?;
        let facts = four_facts(enrolment, &self.parts().substitutes)?;
        let terms = self.decide_terms(telling, resident, wish)?;
        let renewal_opens = opening(&terms.validity, &requests, &self.parts().policy);
        Ok(Decision { terms, renewal_opens, facts, excepted, requests })
    }

    /// The applicant, if this municipality acts for them.
    pub(in crate::authority) fn resident(
        &self,
        telling: &Telling<'_>,
        person: &Person,
    ) -> Result<Resident, StoryError> {
        let own = telling.actor.municipality()?;
        let place = self.taking_part(own)?;
        let dossier = self.store().dossier(&person.reference)?;
        let holder = match &dossier {
            Some(dossier) => {
                telling.actor.municipality_of(&dossier.holder)?;
                known_holder(&dossier.holder, person)?
            }
            None => new_holder(place, person),
        };
        Ok(Resident { place, dossier, holder })
    }

    /// Decides what needs no keys: eligibility, what the application is today, the card, and until when.
    pub(in crate::authority) fn decide_terms(
        &self,
        telling: &Telling<'_>,
        Resident { place, dossier, holder }: Resident,
        wish: Wish<'_>,
    ) -> Result<Terms, StoryError> {
        let policy = &self.parts().policy;
        let (now, today) = (telling.now, day_of(telling.now));
        self.allowed_by_register((dossier.as_ref(), place), wish.card, today)?;
        let excepted = self.eligible(&holder, wish, today)?;
        let holding = holding(dossier.as_ref())?;
        let replacement = decide_pair_replacement(holding, wish.asked(holding, today), today, policy)?;
        let card_last_day = self.decide_card((wish.person, wish.card), dossier.as_ref(), &replacement, now)?;
        let validity = decide_validity_with(
            &ValidityFacts {
                birth: holder.birth,
                issue_day: today,
                card_issue_day: Some(wish.card.issue_day),
                card_application_day: wish.card.application_day,
                card_last_day: Some(card_last_day),
                stay_last_day: wish.card.stay_last_day,
                auth_last_day: bound_of_sign(&replacement, card_last_day),
                renewing: replacement.renewing(),
            },
            excepted,
            policy,
        )?;
        let card = card_record(wish, dossier.as_ref(), &validity);
        let kept = replacement.kept_auth_last_day;
        let auth_window_is_open = kept.is_some_and(|last| renewal_window(last, policy).contains(&today));
        let card_window_is_open = renewal_window(validity.card_last_day, policy).contains(&today);
        Ok(Terms { place, holder, card, dossier, replacement, validity, auth_window_is_open, card_window_is_open, now })
    }

    /// Whether each kind can be had at all (E-05, E-06), and whether that takes the exception (E-07).
    fn eligible(&self, holder: &HolderRecord, wish: Wish<'_>, today: Day) -> Result<bool, Refusal> {
        let (policy, of) = (self.counter(holder.municipality), (holder.birth, holder.ward));
        let decide = |kind: &Kind| decide_eligibility_with(*kind, of, wish.exception, today, &policy);
        wish.kinds.iter().try_fold(false, |excepted, kind| Ok(excepted | decide(kind)?.by_exception()))
    }

    /// The facts of an enrolment, checked as for issuing.
    pub(in crate::authority) fn check_made(&self, enrolment: &Enrolment) -> Result<(), Refusal> {
        four_facts(enrolment, &self.parts().substitutes).map(drop)
    }

    /// The place of a municipality that takes part: only those have lists, and what is issued must be revocable.
    pub(in crate::authority) fn taking_part(&self, own: MunicipalityCode) -> Result<&'static Municipality, StoryError> {
        if !self.places.takes_part(self.store(), own)? {
            let refusal = Refusal::new("E-02", format!("municipality {own} does not take part in this service"))
                .with_ja("この市区町村は、このサービスに参加していません。");
            return Err(refusal.in_case("no-municipality").into());
        }
        municipality::find(own).ok_or_else(|| StoryError::Corrupt(format!("no municipality {own}")))
    }
}

impl Wish<'_> {
    fn asked(&self, holding: Holding, today: Day) -> PairAsked {
        let asked = |kind: Kind, one: Option<LiveCertificate>| {
            let live = one.is_some_and(|one| !one.held && one.last_day >= today);
            let asked = match self.mode {
                Mode::As(asked) => asked,
                Mode::OfTheDay if live => Asked::Renewal,
                Mode::OfTheDay => Asked::New,
            };
            self.kinds.contains(&kind).then_some(asked)
        };
        PairAsked { auth: asked(Kind::Auth, holding.auth), sign: asked(Kind::Sign, holding.sign) }
    }
}

impl Terms {
    /// What the application is for each kind.
    pub(in crate::authority) fn replacement(&self) -> PairReplacement {
        self.replacement
    }

    /// Until when card and certificates are valid.
    pub(in crate::authority) fn validity(&self) -> &Validity {
        &self.validity
    }
}

impl Decision {
    /// The kinds to issue, AUTH first (rule V-03).
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.requests.iter().map(|(kind, _)| *kind)
    }

    /// The proven request for a kind.
    pub(super) fn request(&self, kind: Kind) -> Option<&VerifiedRequest> {
        self.requests.iter().find(|(other, _)| *other == kind).map(|(_, request)| request)
    }

    /// The holder.
    pub(super) fn holder(&self) -> &HolderReference {
        &self.terms.holder.reference
    }

    /// The card.
    pub(super) fn card(&self) -> &CardNumber {
        &self.terms.card.number
    }

    /// The counter saw a face-authentication card: so it is recorded, if it is new to the service. Of a known one the record says it.
    pub(super) fn on_face_authentication_card(&mut self) {
        let known = self.terms.dossier.as_ref().and_then(|dossier| dossier.card(&self.terms.card.number));
        self.terms.card.face_authentication |= known.is_none();
    }

    /// The municipality that issues.
    pub(super) fn place(&self) -> &'static Municipality {
        self.terms.place
    }

    /// The four facts, for the kind that carries them.
    pub(super) fn facts(&self, kind: Kind) -> Option<&FourFacts> {
        self.facts.as_ref().filter(|_| kind == Kind::Sign).map(|made| &made.facts)
    }

    /// What is recorded beside the SIGN, once it is reserved: the register's text that it was made from, and the exception that
    /// is used up, of which the audit entry tells.
    pub(super) fn beside_sign<'r>(
        &self,
        mut records: impl Iterator<Item = &'r CertificateRecord>,
        audit: &mut Draft,
    ) -> Result<Vec<Step>, StoryError> {
        let Some(sign) = records.find(|record| record.kind == Kind::Sign) else { return Ok(Vec::new()) };
        let text = self.facts.as_ref().and_then(|made| made.beside.as_ref());
        let text = text.map(|text| text.record(sign.index)).transpose()?;
        let mut steps: Vec<Step> = text.into_iter().map(|record| Step::RegisterText(Box::new(record))).collect();
        steps.extend(self.excepted.as_ref().map(|excepted| excepted.using(sign.index, audit)));
        Ok(steps)
    }

    /// The last instant of a kind.
    pub(super) fn not_after(&self, kind: Kind) -> Result<UnixTime, StoryError> {
        match kind {
            Kind::Auth => Ok(self.terms.validity.auth_not_after),
            Kind::Sign => {
                self.terms.validity.sign_not_after.ok_or_else(|| StoryError::Fault("SIGN was refused late".into()))
            }
        }
    }

    /// The certificate of a kind that stands now.
    pub(super) fn standing(&self, kind: Kind) -> Option<&CertificateRecord> {
        self.terms.dossier.as_ref()?.current(kind, self.terms.now)
    }

    /// The certificate that the new one of a kind comes after.
    pub(super) fn predecessor(&self, kind: Kind) -> Option<&CertificateRecord> {
        self.terms.dossier.as_ref()?.newest(kind)
    }

    /// What changes beside the certificates: the holder, the cards, and what has run out unnoticed.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::Holder(self.terms.holder.clone()), Step::Card(self.terms.card.clone())];
        steps.extend(self.run_out().map(|one| Step::Status {
            kind: one.kind,
            index: one.index,
            from: one.state,
            to: CertificateState::Expired,
            revocation: None,
        }));
        steps
    }

    /// The newest of each kind to issue, where it has run out and is not recorded as such.
    fn run_out(&self) -> impl Iterator<Item = &CertificateRecord> {
        let standing = |state| matches!(state, CertificateState::Live | CertificateState::Held);
        let newest = self.kinds().filter_map(|kind| self.terms.dossier.as_ref()?.newest(kind));
        newest.filter(move |one| standing(one.state) && one.not_after < self.terms.now)
    }

    /// The dossier as the change of [`Self::steps`] leaves it, without what it reserves.
    pub(super) fn left(mut self) -> Dossier {
        let over: Vec<(Kind, u64)> = self.run_out().map(|one| (one.kind, one.index)).collect();
        let holder = HolderRecord { version: self.terms.holder.version + 1, ..self.terms.holder };
        let known = self.terms.dossier.take();
        let (cards, mut certificates) = known.map(|known| (known.cards, known.certificates)).unwrap_or_default();
        for one in certificates.iter_mut().filter(|one| over.contains(&(one.kind, one.index))) {
            one.state = CertificateState::Expired;
        }
        Dossier { holder, cards, certificates }
    }

    /// The outcome, once these are issued.
    pub(super) fn issuance<'r>(&self, records: impl Iterator<Item = &'r CertificateRecord>) -> Issuance {
        let certificates = records.map(|record| IssuedCertificate {
            kind: record.kind,
            generation: record.generation,
            serial: record.serial,
            not_before: record.not_before,
            not_after: record.not_after,
        });
        Issuance {
            certificates: certificates.collect(),
            card: self.terms.card.number.clone(),
            card_last_day: self.terms.validity.card_last_day,
            renewal_opens: self.renewal_opens,
            warnings: self.warnings(),
        }
    }

    fn warnings(&self) -> Vec<Warning> {
        let (terms, mut warnings) = (&self.terms, Vec::new());
        let beside = self.facts.as_ref().and_then(|made| made.beside.as_ref());
        if let Some(count) = beside.map(|beside| beside.count()).filter(|count| *count > 0) {
            warnings.push(Warning::substitutes(count));
        }
        if terms.card_window_is_open {
            warnings.push(Warning::card_ends(terms.validity.card_last_day));
        }
        let Some(sign) = terms.validity.sign_last_day.filter(|_| self.request(Kind::Sign).is_some()) else {
            return warnings;
        };
        if terms.replacement.auth.is_none() && terms.replacement.kept_auth_last_day.is_none() {
            return warnings;
        }
        if sign < terms.validity.auth_last_day {
            warnings.push(Warning::sign_ends_before_auth(sign, terms.validity.auth_last_day));
        }
        if let Some(kept) = terms.replacement.kept_auth_last_day
            && sign == kept
            && terms.auth_window_is_open
        {
            warnings.push(Warning::sign_ends_with_auth(kept));
        }
        warnings
    }
}

/// What bounds SIGN: the AUTH that is kept; where there is none and none is asked for, the card alone (V-02 ii).
fn bound_of_sign(replacement: &PairReplacement, card_last_day: Day) -> Option<Day> {
    replacement.kept_auth_last_day.or_else(|| replacement.auth.is_none().then_some(card_last_day))
}

fn known_holder(known: &HolderRecord, person: &Person) -> Result<HolderRecord, Refusal> {
    if !known.registered {
        return Err(Refusal::new("E-01", "the holder is not recorded in the resident register")
            .with_ja("住民票に記録がありません。"));
    }
    if known.birth != person.birth {
        return Err(Refusal::new("R-26", "the date of birth is not the recorded one; report the correction first")
            .with_ja("生年月日が記録と異なります。先に職権修正を届け出てください。"));
    }
    Ok(HolderRecord { ward: person.ward.unwrap_or(known.ward), ..known.clone() })
}

/// Somebody of whom the store knows nothing yet, as they apply.
pub(in crate::authority) fn new_holder(place: &Municipality, person: &Person) -> HolderRecord {
    HolderRecord {
        reference: person.reference.clone(),
        municipality: place.code,
        moving_to: None,
        birth: person.birth,
        ward: person.ward.unwrap_or(false),
        registered: true,
        version: 0,
    }
}

/// What the holder has, for the rules. A reservation is another request that is being answered.
fn holding(dossier: Option<&Dossier>) -> Result<Holding, StoryError> {
    let Some(dossier) = dossier else { return Ok(Holding::default()) };
    if dossier.certificates.iter().any(|one| one.state == CertificateState::Reserved) {
        return Err(StoryError::InProgress);
    }
    let live = |kind: Kind| {
        let standing = dossier.newest(kind)?;
        let held = standing.state == CertificateState::Held;
        let counts = held || standing.state == CertificateState::Live;
        counts.then(|| LiveCertificate { last_day: day_of(standing.not_after), held })
    };
    Ok(Holding { auth: live(Kind::Auth), sign: live(Kind::Sign) })
}

/// The card from now on. The day of the application of a known card is the recorded one: left out, it is not forgotten.
fn card_record(wish: Wish<'_>, dossier: Option<&Dossier>, validity: &Validity) -> CardRecord {
    let Card { number, issue_day, application_day, .. } = wish.card;
    let known = dossier.and_then(|dossier| dossier.card(number));
    CardRecord {
        number: number.clone(),
        holder: wish.person.reference.clone(),
        issue_day: *issue_day,
        application_day: known.map(|card| card.application_day).or(*application_day).unwrap_or(*issue_day),
        last_day: validity.card_last_day,
        void: false,
        face_authentication: known.is_some_and(|card| card.face_authentication),
    }
}

/// The first day on which what is issued may be renewed: the earlier one, should the two ends differ.
fn opening(validity: &Validity, requests: &[(Kind, VerifiedRequest)], policy: &Policy) -> Day {
    let signs = requests.iter().any(|(kind, _)| *kind == Kind::Sign);
    let sign = validity.sign_last_day.filter(|_| signs);
    sign.map_or(validity.renewal_opens, |last| *renewal_window(last, policy).start())
}
