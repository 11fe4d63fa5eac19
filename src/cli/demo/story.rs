//! The story, step by step. Every step acts over the network as a counter, an operator or a relying party would.

use serde_json::json;
use time::macros::date;

use super::{
    super::failure::Failure,
    feed,
    people::{Card, Person},
    stage::{Certified, Stage},
    two,
    weeks::{self, Sent},
};
use crate::{
    kind::Kind,
    ports::Clock,
    rules::{
        Day,
        calendar::{day_of, minus_months, nth_birthday_after, plus_days, plus_months},
    },
    scope::CrlScope,
    x509::RevocationReason,
};

/// The counter of Suginami, and of Itami.
pub(super) const SUGINAMI: &str = "13115";
pub(super) const ITAMI: &str = "28207";

/// How many days the story begins in the past.
pub(super) const PAST: u16 = 60;

const SUGINAMI_STREET: &str = "東京都杉並区試験町１丁目２番３号　実印荘１０１";

/// A certificate that the story leaves behind, for the list of samples.
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) certified: Certified,
    pub(super) place: &'static str,
}

/// The story with what it has left behind so far.
pub(super) struct Story<'a> {
    stage: &'a Stage,
    samples: Vec<Sample>,
}

impl<'a> Story<'a> {
    /// Plays everything and gives the samples.
    pub(super) fn play(stage: &'a Stage) -> Result<Vec<Sample>, Failure> {
        let mut story = Self { stage, samples: Vec::new() };
        let (hanako, card, pair) = story.a_pair_is_issued()?;
        let short_stay = story.somebody_s_stay_will_end()?;
        let forgotten = story.an_agent_comes_twice()?;
        story.two_months_pass(&forgotten)?;
        let auth = story.she_moves(&hanako, pair)?;
        story.she_comes_for_a_new_signing_certificate(&hanako, &card, auth)?;
        story.she_asks_too_early(&hanako, &card)?;
        story.a_renewal_in_its_window()?;
        story.a_lost_card()?;
        story.a_death()?;
        story.a_file_takes_two()?;
        story.the_register_tells_of_a_move()?;
        story.certificates_for_testers(short_stay)?;
        story.the_lists_are_published()?;
        story.a_relying_party_asks()?;
        Ok(story.samples)
    }

    fn today(&self) -> Day {
        day_of(self.stage.clock.now())
    }

    fn a_pair_is_issued(&mut self) -> Result<(Person, Card, Vec<Certified>), Failure> {
        let stage = self.stage;
        // A birthday within the two months that pass: what is issued before it ends a year sooner than what comes after.
        let birthday = plus_days(self.today(), 30).unwrap_or(date!(1980 - 02 - 17));
        let birth = minus_months(birthday, 12 * 38).unwrap_or(birthday);
        let hanako = Person {
            reference: "TEST-HANAKO",
            name: "試験　花子",
            name_flags: None,
            birth,
            sex: "2",
            address: SUGINAMI_STREET,
        };
        let card = Card { number: "CARD-HANAKO".into(), issue_day: months_ago(self.today(), 24), last_day: None };
        stage.chapter(format!(
            "Two months ago, at the counter of Suginami ({SUGINAMI}): a pair for {}, over mutual TLS",
            hanako.name
        ));
        let pair = stage.enrol(SUGINAMI, "/v1/certificates", (&hanako, &card), &Kind::BOTH)?;
        for one in &pair {
            stage.tell(format!("   {} {}  until {}", one.kind.word().to_uppercase(), one.serial, one.not_after));
            stage.check_status("Hanako's", one, None)?;
        }
        stage.check("AUTH and SIGN end together", pair[0].not_after == pair[1].not_after);
        Ok((hanako, card, pair))
    }

    fn somebody_s_stay_will_end(&mut self) -> Result<Vec<Certified>, Failure> {
        let today = self.today();
        let person = Person {
            reference: "TEST-EXPIRED",
            name: "ＥＸＡＭＰＬＥ　ＡＬＥＸ",
            name_flags: None,
            birth: date!(1995 - 06 - 30),
            sex: "3",
            address: SUGINAMI_STREET,
        };
        let card = Card {
            number: "CARD-EXPIRED".into(),
            issue_day: months_ago(today, 10),
            last_day: plus_days(today, PAST - 10),
        };
        self.stage.enrol(SUGINAMI, "/v1/certificates", (&person, &card), &Kind::BOTH)
    }

    fn an_agent_comes_twice(&mut self) -> Result<Sent, Failure> {
        let stage = self.stage;
        let (answered, forgotten) = weeks::agents_come(stage, self.today())?;
        self.until(PAST - 21)?;
        for one in answered.is_answered(stage)? {
            stage.check_status("the ill person's", &one, None)?;
            self.leave("two-visits", "good", one, ITAMI);
        }
        Ok(forgotten)
    }

    /// Time passes, until so many days ago, and the timer has done in it what it does.
    fn until(&self, days_ago: u16) -> Result<(), Failure> {
        self.stage.clock.fall_behind(days_ago);
        self.stage.house.renew_delegates()?;
        self.stage.house.authority.keep_access_list()?;
        Ok(())
    }

    fn two_months_pass(&self, forgotten: &Sent) -> Result<(), Failure> {
        let stage = self.stage;
        stage.chapter("Two months have passed: the OCSP responders get new certificates, new lists appear");
        self.until(0)?;
        let published = stage.house.authority.publish_due()?;
        stage.check(format!("{} lists are due and published", published.len()), !published.is_empty());
        forgotten.has_lapsed(stage)
    }

    fn she_moves(&mut self, hanako: &Person, mut pair: Vec<Certified>) -> Result<Certified, Failure> {
        let stage = self.stage;
        stage.chapter("She moves within Suginami (転居): the address in SIGN is no longer true (R-13)");
        let (sign, auth) = (take(&mut pair, Kind::Sign)?, take(&mut pair, Kind::Auth)?);
        self.register(SUGINAMI, hanako.reference, "move")?;
        stage.check_status("Hanako's", &sign, Some(RevocationReason::AffiliationChanged))?;
        stage.check_status("Hanako's", &auth, None)?;
        self.leave("moved", "revoked", sign, SUGINAMI);
        Ok(auth)
    }

    fn she_comes_for_a_new_signing_certificate(
        &mut self,
        hanako: &Person,
        card: &Card,
        auth: Certified,
    ) -> Result<(), Failure> {
        let stage = self.stage;
        stage.chapter("She asks for a new SIGN; it may not outlive the AUTH she kept (V-02)");
        let mut issued = stage.enrol(SUGINAMI, "/v1/certificates", (hanako, card), &[Kind::Sign])?;
        let sign = take(&mut issued, Kind::Sign)?;
        let alone = nth_birthday_after(hanako.birth, self.today(), 5);
        stage.tell(format!("   SIGN {}  until {}", sign.serial, sign.not_after));
        stage.check("the new SIGN ends with the kept AUTH", sign.not_after == auth.not_after);
        stage
            .check("alone it would have ended a year later", alone.is_some_and(|alone| alone > day_of(sign.not_after)));
        stage.check_status("Hanako's new", &sign, None)?;
        self.leave("moved", "good", auth, SUGINAMI);
        self.leave("reissued", "good", sign, SUGINAMI);
        Ok(())
    }

    fn she_asks_too_early(&self, hanako: &Person, card: &Card) -> Result<(), Failure> {
        let stage = self.stage;
        stage.chapter("She asks to renew years too early: the service says no, and from when on (V-12)");
        let keys = vec![(Kind::Auth, super::people::CardKey::make()?)];
        let body = super::people::enrolment(hanako, card, &keys);
        let (status, problem) = stage.post(SUGINAMI, "/v1/renewals", &body)?;
        stage.tell(format!(
            "   {} {}",
            problem["rule"].as_str().unwrap_or("?"),
            problem["detail"].as_str().unwrap_or("?")
        ));
        stage.check("the renewal is refused by V-12", status == 422 && problem["rule"] == "V-12");
        Ok(())
    }

    fn a_renewal_in_its_window(&mut self) -> Result<(), Failure> {
        let (stage, today) = (self.stage, self.today());
        stage.chapter(
            "A resident whose stay ended soon has it extended, and renews the pair in its window (V-11, V-13)",
        );
        let person = Person {
            reference: "TEST-RENEWED",
            name: "ＳＡＭＰＬＥ　ＲＯＢＩＮ",
            name_flags: None,
            birth: date!(1990 - 07 - 07),
            sex: "1",
            address: SUGINAMI_STREET,
        };
        let issue_day = months_ago(today, 12);
        let card = Card { number: "CARD-RENEWED".into(), issue_day, last_day: plus_days(today, 40) };
        let old = stage.enrol(SUGINAMI, "/v1/certificates", (&person, &card), &Kind::BOTH)?;
        let extended = Card { last_day: plus_months(today, 36), ..card };
        let new = stage.enrol(SUGINAMI, "/v1/renewals", (&person, &extended), &Kind::BOTH)?;
        for (old, new) in old.into_iter().zip(new) {
            stage.tell(format!("   {} {}  until {}", new.kind.word().to_uppercase(), new.serial, new.not_after));
            stage.check_status("the old", &old, Some(RevocationReason::Superseded))?;
            stage.check_status("the new", &new, None)?;
            self.leave("superseded", "revoked", old, SUGINAMI);
            self.leave("renewed", "good", new, SUGINAMI);
        }
        Ok(())
    }

    fn a_lost_card(&mut self) -> Result<(), Failure> {
        let stage = self.stage;
        stage.chapter("A card is lost: both certificates are held by telephone (R-21); found, AUTH lives again and SIGN does not (C-08)");
        let (_, card, mut pair) = self.somebody("TEST-FOUND", "試験　一時")?;
        let (sign, auth) = (take(&mut pair, Kind::Sign)?, take(&mut pair, Kind::Auth)?);
        stage.must("operator", "/v1/holds", &json!({ "card": card.number }))?;
        for one in [&auth, &sign] {
            stage.check_status("the lost", one, Some(RevocationReason::CertificateHold))?;
        }
        stage.must(SUGINAMI, "/v1/releases", &json!({ "card": card.number }))?;
        stage.check_status("the found", &auth, None)?;
        stage.check_status("the found", &sign, Some(RevocationReason::CessationOfOperation))?;
        self.leave("released", "good", auth, SUGINAMI);
        self.leave("released", "revoked", sign, SUGINAMI);
        Ok(())
    }

    fn a_death(&mut self) -> Result<(), Failure> {
        let stage = self.stage;
        stage.chapter("A death is recorded: both end, and the reason does not tell why (R-15)");
        let (person, _, pair) = self.somebody("TEST-DEATH", "試験　太郎")?;
        self.register(SUGINAMI, person.reference, "death")?;
        for one in pair {
            stage.check_status("the late holder's", &one, Some(RevocationReason::CessationOfOperation))?;
            self.leave("death", "revoked", one, SUGINAMI);
        }
        Ok(())
    }

    fn a_file_takes_two(&mut self) -> Result<(), Failure> {
        let stage = self.stage;
        stage.chapter(
            "Two cards come back, by a file: the operator asks, and a second operator approves exactly that file",
        );
        let (_, first, pair) = self.somebody("TEST-BACK-1", "試験　返納")?;
        let (_, second, other) = self.somebody("TEST-BACK-2", "試験　返却")?;
        two::revokes_by_a_file(stage, &[&first.number, &second.number])?;
        for (name, pair) in [("returned", pair), ("returned-too", other)] {
            for one in pair {
                stage.check_status("a returned", &one, Some(RevocationReason::CessationOfOperation))?;
                self.leave(name, "revoked", one, SUGINAMI);
            }
        }
        Ok(())
    }

    fn the_register_tells_of_a_move(&mut self) -> Result<(), Failure> {
        let (person, card, pair) = self.somebody("TEST-AWAY", "試験　転出")?;
        feed::tells_of_a_move(self.stage, self.today(), (person.reference, &card.number), &pair)?;
        for one in pair {
            let state = if one.kind == Kind::Sign { "revoked" } else { "good" };
            self.leave("moved-away", state, one, SUGINAMI);
        }
        Ok(())
    }

    fn certificates_for_testers(&mut self, expired: Vec<Certified>) -> Result<(), Failure> {
        let (stage, today) = (self.stage, self.today());
        stage.chapter("For people who test their software: certificates in every other state");
        for one in expired {
            stage.check_status("an expired", &one, None)?;
            self.leave("expired", "expired", one, SUGINAMI);
        }
        let (_, card, pair) = self.somebody("TEST-HELD", "試験　保留")?;
        stage.must("operator", "/v1/holds", &json!({ "card": card.number }))?;
        pair.into_iter().for_each(|one| self.leave("held", "held", one, SUGINAMI));

        let plain = |reference, name| Person {
            reference,
            name,
            name_flags: None,
            birth: date!(1985 - 01 - 01),
            sex: "3",
            address: "兵庫県伊丹市試験４丁目５番地",
        };
        let itami: [(&'static str, Person, Card); 4] = [
            ("live", plain("TEST-LIVE", "試験　現在"), card_of("LIVE", today, None)),
            ("near-expiry", plain("TEST-NEAR", "試験　間近"), card_of("NEAR", today, plus_days(today, 3))),
            (
                "substituted",
                // The register writes another character for 崎; the certificate carries a substitute and says so (N-05).
                Person { name_flags: Some("01000"), ..plain("TEST-SUBSTITUTED", "山崎　代字") },
                card_of("SUBSTITUTED", today, None),
            ),
            (
                "leap-day",
                Person { birth: date!(2000 - 02 - 29), ..plain("TEST-LEAP", "試験　閏") },
                card_of("LEAP", today, None),
            ),
        ];
        for (name, person, card) in itami {
            for one in stage.enrol(ITAMI, "/v1/certificates", (&person, &card), &Kind::BOTH)? {
                stage.check_status(name, &one, None)?;
                self.leave(name, "good", one, ITAMI);
            }
        }
        Ok(())
    }

    fn the_lists_are_published(&self) -> Result<(), Failure> {
        let stage = self.stage;
        stage.chapter("The lists are published; each municipality's carries what it issued");
        stage.must("operator", "/v1/crls", &json!({}))?;
        for kind in Kind::BOTH {
            for (word, scope) in [("Suginami", SUGINAMI), ("Itami", ITAMI)] {
                let scope_of = CrlScope::from_word(scope).ok_or_else(|| Failure::fault("no such place"))?;
                let mut listed: Vec<_> =
                    stage.list((kind, 1, scope_of))?.into_iter().map(|(serial, _)| serial).collect();
                let ended = |sample: &&Sample| sample.place == scope && matches!(sample.state, "revoked" | "held");
                let expected = self.samples.iter().filter(ended).filter(|sample| sample.certified.kind == kind);
                let mut expected: Vec<_> = expected.map(|sample| sample.certified.serial).collect();
                listed.sort_unstable();
                expected.sort_unstable();
                let kind = kind.word().to_uppercase();
                stage.check(
                    format!("{word}'s {kind} list has its {} entries and no other", expected.len()),
                    listed == expected,
                );
            }
        }
        if stage.has_openssl() {
            for sample in self.samples.iter().filter(|sample| sample.state != "expired") {
                let accepted = stage.openssl_accepts(&sample.certified, sample.place)?;
                let kind = sample.certified.kind.word().to_uppercase();
                stage.check(
                    format!(
                        "openssl verify -crl_check: {} {kind} is {}",
                        sample.name,
                        if accepted { "good" } else { "refused" }
                    ),
                    accepted == (sample.state == "good"),
                );
            }
        } else {
            stage.tell("   --   openssl is not installed, so it was not asked (apt-get install openssl)");
        }
        Ok(())
    }

    fn a_relying_party_asks(&self) -> Result<(), Failure> {
        let of = |name: &str, kind: Kind| {
            let found = self.samples.iter().find(|sample| sample.name == name && sample.certified.kind == kind);
            found.map(|sample| &sample.certified).ok_or_else(|| Failure::fault(format!("no {kind} of {name}")))
        };
        let (before, after) = (of("moved", Kind::Sign)?, of("reissued", Kind::Sign)?);
        super::party::asks(self.stage, before, after, of("moved", Kind::Auth)?)?;
        super::consent::is_given(self.stage, before, after)
    }

    /// Somebody of Suginami with a new pair.
    fn somebody(&self, reference: &'static str, name: &'static str) -> Result<(Person, Card, Vec<Certified>), Failure> {
        let birth = date!(1975 - 03 - 03);
        let person = Person { reference, name, name_flags: None, birth, sex: "3", address: SUGINAMI_STREET };
        let card = card_of(reference, self.today(), None);
        let pair = self.stage.enrol(SUGINAMI, "/v1/certificates", (&person, &card), &Kind::BOTH)?;
        Ok((person, card, pair))
    }

    fn register(&self, client: &str, holder: &str, change: &str) -> Result<(), Failure> {
        self.stage.must(client, "/v1/register-changes", &json!({ "holder": holder, "change": change })).map(drop)
    }

    fn leave(&mut self, name: &str, state: &'static str, certified: Certified, place: &'static str) {
        self.samples.push(Sample { name: name.into(), state, certified, place });
    }
}

fn card_of(suffix: &str, today: Day, last_day: Option<Day>) -> Card {
    Card { number: format!("CARD-{suffix}"), issue_day: months_ago(today, 6), last_day }
}

fn months_ago(day: Day, months: u16) -> Day {
    minus_months(day, months).unwrap_or(day)
}

fn take(pair: &mut Vec<Certified>, kind: Kind) -> Result<Certified, Failure> {
    let at =
        pair.iter().position(|one| one.kind == kind).ok_or_else(|| Failure::fault(format!("no {kind} certificate")))?;
    Ok(pair.remove(at))
}
