//! The lines that all letters share.

use std::fmt::Write;

use crate::{
    kind::Kind,
    rules::{Day, era::in_japanese},
};

/// A letter on its way to text.
pub(super) struct Page(String);

impl Page {
    /// Begins it: to whom, when, from whom, about what.
    pub(super) fn new(to: &str, day: Day, office: &str, title: &str) -> Self {
        let mut page = Self(String::new());
        page.line("【転送不要】");
        page.line(to);
        page.line("");
        page.line(&format!("{:>20}{}", "", in_japanese(day)));
        page.line(&format!("{:>20}{office}", ""));
        page.line("");
        page.line(&format!("　　　　　{title}"));
        page.line("");
        page
    }

    /// A line.
    pub(super) fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// A name and what stands for it.
    pub(super) fn item(&mut self, name: &str, value: &str) {
        let _ = writeln!(self.0, "　{name}：{value}");
    }

    /// A point of a list.
    pub(super) fn point(&mut self, text: &str) {
        let _ = writeln!(self.0, "　・{text}");
    }

    /// The text, which ends with a line feed.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// 署名用電子証明書 or 利用者証明用電子証明書.
pub(super) const fn kind_ja(kind: Kind) -> &'static str {
    match kind {
        Kind::Sign => "署名用電子証明書",
        Kind::Auth => "利用者証明用電子証明書",
    }
}

/// To whom: the name is printed from the register.
pub(super) fn addressee(holder: &impl std::fmt::Display) -> String {
    format!("（氏名は住民票により印字）　様　　［整理番号 {holder}］")
}
