//! Whether a report fits what the register has of the holder.

use super::Register;
use crate::{
    authority::change::{RegisterChange, RegisterEvent, arrived::next, history::Entry},
    rules::Refusal,
};

impl Register {
    /// Whether this municipality may report this of the holder now.
    pub(super) fn fits(&self, change: &RegisterChange, entry: &Entry) -> Result<(), Refusal> {
        let reporter = entry.municipality;
        match change.change {
            RegisterEvent::MoveIn if self.municipality == reporter && self.registered && !self.abroad => {
                let detail = "the service has the holder in this municipality already; an arrival from elsewhere has its effect \
                              once the municipality that the holder left reports it (転出届)";
                return Err(Refusal::new("E-02", detail)
                    .with_ja(
                        "すでにこの市区町村の住民として記録されています。他の市区町村からの転入は、\
                         転出元の市区町村が転出届を届け出た後に反映されます。",
                    )
                    .in_case("here-already"));
            }
            RegisterEvent::MoveIn if self.moving_to() != Some(reporter) => {
                let detail = "the municipality of residence has not announced this move (転出届)";
                return Err(Refusal::new("E-02", detail)
                    .with_ja("転出元の市区町村から転出届の届出がありません。")
                    .in_case("no-move"));
            }
            // Who is not recorded lives in no municipality: the one that records reports it.
            RegisterEvent::MoveIn | RegisterEvent::Registration => {}
            _ if self.municipality != reporter => {
                let detail = format!("the holder is not a resident of municipality {reporter}");
                return Err(Refusal::new("E-02", detail)
                    .with_ja("この市区町村の住民ではありません。")
                    .in_case("not-resident"));
            }
            _ => {}
        }
        match (change.change, self.registered) {
            (RegisterEvent::Registration, true) if !self.abroad => {
                let detail = "the holder is recorded in the resident register already";
                return Err(Refusal::new("E-01", detail)
                    .with_ja("すでに住民票に記録されています。")
                    .in_case("recorded"));
            }
            // Two municipalities do not order the events of one day together: on that day, who came back and left again and who
            // left and came back look the same.
            (RegisterEvent::Registration, _)
                if self.gone.is_some_and(|(by, day)| by != reporter && entry.day <= day) =>
            {
                let detail = "another municipality recorded on that day that the holder is off the register, or abroad; who is \
                              recorded elsewhere after that is recorded on a later day";
                return Err(Refusal::new("E-01", detail)
                    .with_ja(
                        "同じ日に、別の市区町村で消除または国外転出が記録されています。\
                         その後の住民登録は翌日以後の日付で届け出てください。",
                    )
                    .in_case("same-day")
                    .possible_from(next(entry.day)));
            }
            (RegisterEvent::Registration, _) | (_, true) => {}
            (_, false) => {
                return Err(Refusal::new("E-01", "the holder is not recorded in the resident register")
                    .with_ja("住民票に記録がありません。"));
            }
        }
        self.fits_where_they_live(change.change)
    }

    /// Whether this can happen to who lives here, or abroad, and has announced to move or has not.
    fn fits_where_they_live(&self, event: RegisterEvent) -> Result<(), Refusal> {
        match event {
            RegisterEvent::Move
            | RegisterEvent::MoveOut
            | RegisterEvent::OverseasMove
            | RegisterEvent::OverseasMoveWithContinuedUse
                if self.abroad =>
            {
                let detail = "the holder lives abroad; who comes back is recorded by `registration`, and so is a departure \
                              that did not happen";
                Err(Refusal::new("E-01", detail)
                    .with_ja(
                        "国外に居住しています。帰国の場合（実際には転出しなかった場合も）は、\
                         住民登録として届け出てください。",
                    )
                    .in_case("departed"))
            }
            RegisterEvent::OverseasMoveWithContinuedUse if self.moving.is_some() => {
                let detail = "the holder has announced a move to another municipality (転出届); report its cancellation first \
                              (`move-out-cancelled`)";
                Err(Refusal::new("R-20", detail)
                    .with_ja("他の市区町村への転出届が出ています。先に転出の取消しを届け出てください。")
                    .in_case("moving"))
            }
            RegisterEvent::MoveInMissed if self.moving.is_none() => {
                Err(Refusal::new("R-17", "no move to another municipality was announced (転出届)")
                    .with_ja("他の市区町村への転出届は出ていません。"))
            }
            RegisterEvent::MoveOutCancelled if self.moving.is_none() => {
                Err(Refusal::new("R-16", "no move to another municipality was announced (転出届)")
                    .with_ja("他の市区町村への転出届は出ていません。")
                    .in_case("no-move"))
            }
            _ => Ok(()),
        }
    }
}
