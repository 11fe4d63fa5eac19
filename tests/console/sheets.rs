//! The forms of a clerk, and what is typed into them: for the tests that hold every form against something.

use crate::{
    browser::{Browser, Form, Page, new_holder},
    house::{Open, request},
};

pub(crate) const CARD: &str = "/console/holders/TEST-000001/cards/CARD-000001";

/// A form, and what is typed into it when all is well.
#[derive(Clone, Copy)]
pub(crate) struct Sheet {
    pub(crate) word: &'static str,
    pub(crate) typed: &'static [(&'static str, &'static str)],
    pub(crate) dates: &'static [&'static str],
}

const NAMED: [(&str, &str); 3] = [("name", "実印 花子"), ("address", "東京都杉並区阿佐谷南1-15-1"), ("sex", "2")];

/// Every form for a card, in an order in which each can be done after those before.
pub(crate) const SHEETS: [Sheet; 7] = [
    Sheet { word: "renewal", typed: &NAMED, dates: &[] },
    Sheet {
        word: "application",
        typed: &[("procedure", "pin-reset"), ("applicant", "agent"), ("agent", "AGENT-7")],
        dates: &[],
    },
    Sheet { word: "change", typed: &[("change", "move"), ("confirmed", "yes")], dates: &["event_day"] },
    Sheet { word: "issue", typed: &NAMED, dates: &[] },
    Sheet { word: "hold", typed: &[("confirmed", "yes")], dates: &[] },
    Sheet { word: "release", typed: &[("confirmed", "yes")], dates: &[] },
    Sheet {
        word: "revocation",
        typed: &[("cause", "holder-application"), ("kind_auth", "1"), ("confirmed", "yes")],
        dates: &["event_day"],
    },
];

impl Sheet {
    pub(crate) fn path(self) -> String {
        format!("{CARD}/{}", self.word)
    }

    pub(crate) fn takes_keys(self) -> bool {
        ["renewal", "issue"].contains(&self.word)
    }

    pub(crate) async fn shown(self, clerk: &Browser<'_>) -> Form {
        clerk.get(&self.path()).await.is(200).form(&self.path())
    }

    pub(crate) async fn filled_in(self, clerk: &Browser<'_>) -> Form {
        let form = self.shown(clerk).await.with(self.typed);
        // A move ends SIGN: that alone is issued again.
        if self.takes_keys() { form.with(&[("sign", &request())]) } else { form }
    }
}

/// The acts of the record: what the audit has, but for what was refused and who was admitted.
pub(crate) fn acts(open: &Open) -> Vec<String> {
    let entries = open.house.store.audit_after(0, 10_000).unwrap();
    let acts = entries.iter().map(|entry| entry.draft.action.clone());
    acts.filter(|action| !["request.refused", "access.", "credential."].iter().any(|not| action.starts_with(not)))
        .collect()
}

/// What somebody typed, apart from what the page itself put there.
pub(crate) fn typed(form: &Form) -> Vec<(&str, &str)> {
    let own = |name: &str| !["token", "seen"].contains(&name);
    form.fields.iter().filter(|(name, _)| own(name)).map(|(name, text)| (name.as_str(), text.as_str())).collect()
}

/// The page says at the field, by a link above and a word beside, what is wrong there.
pub(crate) fn told_at(page: &Page, field: &str) {
    page.is(422)
        .says(&format!("href=\"#{field}\""))
        .says(&format!("id=\"{field}-error\""))
        .says("aria-invalid=\"true\"");
}

pub(crate) async fn new_filled_in(clerk: &Browser<'_>, number: u32) -> Form {
    let form = clerk.get("/console/new").await.form("/console/new");
    form.with(&new_holder(number)).with(&[("auth", &request()), ("sign", &request())])
}
