//! `jitsuin ceremony script`: the procedure, to be printed, followed and signed.

use super::{ScriptArgs, sharing::Quorum};

const PROCEDURE: &str = include_str!("script.txt");

/// The procedure with the commands of this service in it, Japanese and English, 78 columns.
pub(super) fn script(args: &ScriptArgs, quorum: Quorum) -> String {
    let holders = |indent: &str, line: &dyn Fn(u8) -> String| {
        (1..=quorum.count()).map(line).collect::<Vec<_>>().join(&format!("\n{indent}"))
    };
    let participants = holders("      ", &|number| format!("--participant 'holder {number} 保管者=NAME{number}' \\"));
    let names = holders("      ", &|number| format!("--holder 'NAME{number}' \\"));
    let signatures = holders("  ", &|number| {
        format!("{:<28} ____________________  ____________________", format!("保管者 Holder {number}"))
    });
    [
        ("{dir}", args.dir.display().to_string()),
        ("{out}", args.out.display().to_string()),
        ("{organisation}", args.organisation.clone()),
        ("{shares}", quorum.count().to_string()),
        ("{threshold}", quorum.threshold().to_string()),
        ("{version}", env!("CARGO_PKG_VERSION").to_owned()),
        ("{participants}", participants),
        ("{holders}", names),
        ("{signatures}", signatures),
    ]
    .into_iter()
    .fold(PROCEDURE.to_owned(), |text, (mark, value)| text.replace(mark, &value))
    .trim_end()
    .to_owned()
}
