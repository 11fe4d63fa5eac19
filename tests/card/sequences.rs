//! Any sequence of commands; the check is the fuzzer's (`fuzz/checks/apdu.rs`).

use proptest::{collection::vec, prelude::*};

#[expect(clippy::allow_attributes, reason = "whether something is unreachable differs between the two crates")]
#[allow(unreachable_pub, reason = "the fuzz crate shares it")]
#[path = "../../fuzz/checks/apdu.rs"]
mod apdu;

/// Commands that mean something three times of four, so that sequences come far.
fn step() -> impl Strategy<Value = Vec<u8>> {
    let known = 0..apdu::COMMANDS.len() as u8;
    let own = vec(any::<u8>(), 0..24).prop_map(|own| [&[apdu::OWN, own.len() as u8][..], &own].concat());
    let bent = (known.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(number, at, octet)| {
        let mut command = apdu::COMMANDS[usize::from(number)].to_vec();
        let at = at.index(command.len());
        command[at] = octet;
        [&[apdu::OWN, command.len() as u8][..], &command].concat()
    });
    prop_oneof![
        12 => known.prop_map(|number| vec![number]),
        3 => bent,
        1 => own,
        1 => prop_oneof![Just(vec![apdu::RESET, 0]), Just(vec![apdu::REOPEN, 0])],
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_sequence_of_commands_breaks_the_card(steps in vec(step(), 1..60)) {
        let mut input = vec![0];
        input.extend(steps.concat());
        apdu::check(&input);
    }
}

#[test]
fn the_sequences_that_come_far_pass() {
    for (_, sequence) in apdu::sequences() {
        apdu::check(&sequence);
    }
}
