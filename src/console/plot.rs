//! Pictures made here, as SVG within the page: no script, no other host, in the colours of the page, printable.

use maud::{Markup, html};

use super::{page::day, visit::Visit};
use crate::authority::notice::due::{ForecastDay, PerKind};

const WIDTH: u64 = 720;
const HEIGHT: u64 = 160;
const LEFT: u64 = 40;
const BOTTOM: u64 = 20;

/// Renewals by the day on which they open, AUTH and SIGN on each other; the numbers are in a table below.
pub(super) fn renewals(visit: &Visit<'_>, days: &[ForecastDay]) -> Markup {
    let opening: Vec<_> = days.iter().filter(|day| total(day.opens) > 0).collect();
    let (Some(first), Some(last)) = (opening.first(), opening.last()) else {
        return html! { p { (visit.either("見込みはありません", "none are to be expected")) } };
    };
    let span = (last.day - first.day).whole_days().max(0).cast_unsigned() + 1;
    let highest = opening.iter().map(|day| total(day.opens)).max().unwrap_or(1).max(1);
    let slot = ((WIDTH - LEFT) / span).max(1);
    let bar = |count: u64| count * (HEIGHT - BOTTOM - 10) / highest;
    let all: u64 = opening.iter().map(|day| total(day.opens)).sum();
    html! {
        figure.plot {
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby="plot-title" {
                title id="plot-title" { (visit.either("更新できるようになる電子証明書の数（日ごと）", "Certificates whose renewal opens, by day")) " — " (all) }
                line.axis x1=(LEFT) y1=(HEIGHT - BOTTOM) x2=(WIDTH) y2=(HEIGHT - BOTTOM) {}
                text x=(LEFT - 6) y="16" text-anchor="end" { (highest) }
                text x=(LEFT - 6) y=(HEIGHT - BOTTOM) text-anchor="end" { "0" }
                @for one in &opening {
                    @let at = LEFT + (one.day - first.day).whole_days().max(0).cast_unsigned() * (WIDTH - LEFT) / span;
                    @let (auth, sign) = (bar(one.opens.auth), bar(one.opens.sign));
                    rect.auth x=(at) y=(HEIGHT - BOTTOM - auth) width=(slot.max(3) - 1) height=(auth) {}
                    rect.sign x=(at) y=(HEIGHT - BOTTOM - auth - sign) width=(slot.max(3) - 1) height=(sign) {}
                }
                text x=(LEFT) y=(HEIGHT - 4) { (first.day) }
                @if span > 1 { text x=(WIDTH) y=(HEIGHT - 4) text-anchor="end" { (last.day) } }
            }
            figcaption {
                span.key.auth {} (visit.either("利用者証明用 ", "authentication ")) span.key.sign {} (visit.either("署名用", "signing"))
            }
        }
        details {
            summary { (visit.either("数字で見る", "The numbers")) }
            table {
                thead { tr { th scope="col" { (visit.either("日", "Day")) } th.number scope="col" { (visit.either("利用者証明用", "Authentication")) } th.number scope="col" { (visit.either("署名用", "Signing")) } } }
                tbody { @for one in &opening { tr { td { (day(visit, one.day)) } td.number { (one.opens.auth) } td.number { (one.opens.sign) } } } }
            }
        }
    }
}

/// A bar as long as its share of the most; the number is beside it.
pub(super) fn bar(count: u64, most: u64) -> Markup {
    let length = (count * 160).div_ceil(most.max(1));
    html! { svg.bar viewBox="0 0 160 12" width="160" height="12" aria-hidden="true" { rect.all x="0" y="1" width=(length) height="10" {} } }
}

fn total(count: PerKind) -> u64 {
    count.auth + count.sign
}
