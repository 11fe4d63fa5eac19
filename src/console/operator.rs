//! The operating room: is all well, how many certificates, which lists, who asks how much, what was done last.

use maud::{Markup, html};

use super::{
    Trouble, chain,
    form::{Field, Form},
    home::search,
    lists,
    page::{day, heading, instant, state, trouble, what_is_wrong},
    plot,
    visit::{Shown, Stop, Visit},
    vitals::{self, Measures},
    words::{self, Say},
};
use crate::{
    authority::{
        glance::{Causes, Waiting},
        oversee::Count,
    },
    kind::Kind,
    municipality::{self, MunicipalityCode},
    rules::{Cause, CertificateState},
};

pub(super) fn show(visit: &Visit<'_>) -> Shown {
    page(visit, 200, None)
}

pub(super) fn page(visit: &Visit<'_>, status: u16, refused: Option<&Trouble>) -> Shown {
    let title = Say::new("運用", "Operation");
    let text = visit.interface.measures();
    let measures = Measures::read(&text);
    let content = html! {
        (heading(visit, &title))
        (what_is_wrong(visit, &Form::default()))
        @if let Some(refused) = refused { (trouble(visit, refused)) }
        (signs(visit)?)
        (search(visit, &Form::default()))
        (counts(visit, &visit.authority.counts(visit.actor)?))
        (lists::show(visit)?)
        (forecast(visit)?)
        (parties(visit)?)
        (causes(visit, &visit.authority.causes(visit.actor)?))
        (vitals::ocsp(visit, &measures))
        (vitals::freshness(visit, &measures))
        (waiting(visit, &visit.authority.waiting(visit.actor)?))
        (chain::entries(visit, &visit.authority.newest_entries(visit.actor, None, 10)?))
        p { a href="/console/audit" { (visit.either("監査記録をもっと見る", "More of the audit")) } }
    };
    Ok(visit.page(status, &title, &content))
}

fn signs(visit: &Visit<'_>) -> Result<Markup, Stop> {
    let signs = visit.authority.signs(visit.actor)?;
    let well = signs.iter().all(|sign| sign.cause.is_none());
    Ok(html! {
        section.health.ill[!well] aria-labelledby="health" {
            h2 id="health" { (if well { visit.either("正常に稼働しています", "All is well") } else { visit.either("異常があります", "Something is wrong") }) }
            ul { @for sign in &signs { li {
                span aria-hidden="true" { (if sign.cause.is_none() { "✓" } else { "✕" }) } " " code { (sign.name) }
                @if let Some(cause) = &sign.cause { " " strong lang="en" { (cause) } }
            } } }
        }
    })
}

fn counts(visit: &Visit<'_>, counts: &[Count]) -> Markup {
    let count = |kind, state| {
        counts.iter().filter(|one| (one.kind, one.state) == (kind, state)).map(|one| one.count).sum::<u64>()
    };
    let states = [CertificateState::Live, CertificateState::Held, CertificateState::Revoked];
    html! {
        section aria-labelledby="counts" {
            h2 id="counts" { (visit.either("電子証明書の数", "Certificates by state")) }
            div.scroll tabindex="0" role="group" aria-labelledby="counts" { table {
                thead { tr { th scope="col" { (visit.either("種類", "Kind")) } @for one in states { th.number scope="col" { (state(visit, one)) } } } }
                tbody { @for kind in Kind::BOTH { tr {
                    th scope="row" { (visit.say(&words::kind(kind))) }
                    @for one in states { td.number { (count(kind, one)) } }
                } } }
            } }
        }
    }
}

fn forecast(visit: &Visit<'_>) -> Result<Markup, Stop> {
    let places = visit.authority.municipalities(visit.actor)?;
    let query = visit.query();
    let named = query.text("municipality").parse::<MunicipalityCode>().ok();
    let Some(chosen) = named.filter(|code| places.contains(code)).or_else(|| places.first().copied()) else {
        return Ok(html! {});
    };
    let forecast = visit.authority.forecast_for(visit.actor, chosen)?;
    let mut form = Form::default();
    form.fill("municipality", chosen.to_string());
    let name = |code: &MunicipalityCode| {
        municipality::find(*code).map_or_else(|| Say::new("", ""), |place| Say::new(place.name, place.romaji))
    };
    let choices: Vec<_> = places.iter().map(|code| (code.to_string(), name(code))).collect();
    Ok(html! {
        section aria-labelledby="renewals" {
            h2 id="renewals" { (visit.either("これから3か月の更新の見込み", "Renewals to expect in three months")) }
            form.inline method="get" action="/console/" {
                (Field::new("municipality", &Say::new("市区町村", "Municipality")).choice(visit, &form, &choices))
                button { (visit.either("表示", "Show")) }
            }
            (plot::renewals(visit, &forecast.days))
        }
    })
}

fn parties(visit: &Visit<'_>) -> Result<Markup, Stop> {
    let parties = visit.authority.relying_parties(visit.actor)?;
    let today = visit.today();
    let mut rows = Vec::new();
    for party in &parties {
        let usage = visit.authority.usage(visit.actor, &party.name, (Some(today), Some(today)))?;
        rows.push((
            party,
            usage.iter().map(|one| one.answered).sum::<u64>(),
            usage.iter().map(|one| one.refused).sum::<u64>(),
        ));
    }
    Ok(html! {
        section aria-labelledby="parties" {
            h2 id="parties" { (visit.either("署名検証者等", "Relying parties")) }
            @if rows.is_empty() { p { (visit.either("登録はありません", "none is registered")) } }
            @else { div.scroll tabindex="0" role="group" aria-labelledby="parties" { table {
                thead { tr {
                    th scope="col" { (visit.either("名称", "Name")) } th scope="col" { (visit.either("区分", "Purposes")) }
                    th.number scope="col" { (visit.either("本日の回答", "Answered today")) } th.number scope="col" { (visit.either("拒否", "Refused")) }
                    th.number scope="col" { (visit.either("上限", "Quota")) } th scope="col" { (visit.either("認定期限", "Recognised until")) }
                } }
                tbody { @for (party, answered, refused) in rows { tr {
                    td { (party.title) " " code { (party.name) } @if party.suspended.is_some() { " " strong { (visit.either("停止中", "suspended")) } } }
                    td { @for purpose in &party.purposes { (visit.say(&words::purpose(*purpose))) " " } }
                    td.number { (answered) } td.number { (refused) } td.number { (party.daily_quota) } td { (day(visit, party.recognised_until)) }
                } } }
            } } }
        }
    })
}

/// What held and ended certificates, the most frequent first, with a bar for each.
fn causes(visit: &Visit<'_>, causes: &Causes) -> Markup {
    let count = |cause, kind| causes.counts.get(&(cause, kind)).copied().unwrap_or(0);
    let mut rows: Vec<(Cause, u64)> = Vec::new();
    for ((cause, _), number) in &causes.counts {
        match rows.last_mut().filter(|(last, _)| last == cause) {
            Some((_, sum)) => *sum += number,
            None => rows.push((*cause, *number)),
        }
    }
    rows.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
    let most = rows.first().map_or(1, |(_, sum)| *sum);
    html! {
        section aria-labelledby="causes" {
            h2 id="causes" { (visit.either("事由別の失効・一時停止", "Revocations and holds by cause")) }
            p.help {
                @if let Some(since) = causes.since.filter(|_| !causes.are_all) {
                    (visit.either("直近の状態変更", "The last ")) (causes.changes) (visit.either("件（発行を含む）。最初の記録：", " changes of status, issuance among them, since ")) (instant(visit, since))
                } @else { (visit.either("はじめからのすべて（カナリア証明書を含む）", "All there ever were, canaries among them")) }
            }
            @if rows.is_empty() { p { (visit.either("ありません", "none")) } }
            @else { div.scroll tabindex="0" role="group" aria-labelledby="causes" { table {
                thead { tr {
                    th scope="col" { (visit.either("事由", "Cause")) }
                    @for kind in Kind::BOTH { th.number scope="col" { (visit.say(&words::kind(kind))) } }
                    th scope="col" { span.unseen { (visit.either("割合", "Share")) } }
                } }
                tbody { @for (cause, sum) in &rows { tr {
                    th scope="row" { (visit.say(&words::cause(*cause))) }
                    @for kind in Kind::BOTH { td.number { (count(*cause, kind)) } }
                    td { (plot::bar(*sum, most)) }
                } } }
            } } }
        }
    }
}

fn waiting(visit: &Visit<'_>, waiting: &Waiting) -> Markup {
    let name =
        |code: &MunicipalityCode| municipality::find(*code).map_or("", |place| visit.either(place.name, place.romaji));
    html! {
        section aria-labelledby="waiting" {
            h2 id="waiting" { (visit.either("承認待ち", "Approvals that wait")) }
            @if waiting.exceptions.is_empty() { p { (visit.either("本日、二人目の承認を待つ例外はありません（E-07）。", "No exception of today waits for its second officer (E-07).")) } }
            @else { div.scroll tabindex="0" role="group" aria-labelledby="waiting" { table {
                thead { tr { th scope="col" { (visit.either("市区町村", "Municipality")) } th.number scope="col" { (visit.either("件数", "Waiting")) } th scope="col" { (visit.either("求めた職員", "Asked by")) } } }
                tbody { @for (code, waits) in &waiting.exceptions { tr {
                    td { (name(code)) " " code { (code) } } td.number { (waits.len()) } td { @for one in waits { code { (one.asked_by) } " " } }
                } } }
            } } }
            @if waiting.unseen > 0 { p { strong { (waiting.unseen) } (visit.either("の市区町村は確認していません。", " municipalities were not looked at.")) } }
            p.help { (if waiting.takes_two { visit.either(
                "二人承認（T-16）：有効。承認は操作と一緒に送られるため、ここで待つものはありません（jitsuin approve）。",
                "Two-person acts (T-16): on. Their approvals come along with the act (jitsuin approve), so none of them waits here.",
            ) } else { visit.either("二人承認（T-16）：無効（設定による）。", "Two-person acts (T-16): off, by the configuration.") }) }
        }
    }
}
