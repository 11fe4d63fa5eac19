//! A terminal that ends in the middle.

use super::{Terminal, said, words};
use crate::{
    demo::Demo,
    shim::{Shim, Slot},
};

/// About so many steps are tried, all over the command; all of them if `JITSUIN_EVERY_STEP` is set.
const TRIED: i64 = 8;

#[test]
fn whichever_write_of_a_terminal_is_its_last_the_same_again_goes_on() {
    let demo = Demo::start();
    let here = Terminal::new(&demo);
    let counter = Some("28207");
    here.new_card("CALM");
    let shim = Shim::new(here.room.path());
    let mut calm = here.command(&Terminal::issue("CALM"));
    let told = shim.before(calm.args(here.way("28207"))).output().expect("it runs");
    assert!(told.status.success(), "{}", said(&told));
    let steps = shim.get(Slot::Steps);
    assert!(steps > 10, "{steps}");
    let every = std::env::var_os("JITSUIN_EVERY_STEP").is_some();
    let stride = if every { 1 } else { (steps / TRIED).max(1) };
    for step in (1..=steps).step_by(usize::try_from(stride).expect("a stride")) {
        let name = format!("STEP-{step}");
        here.new_card(&name);
        let shim = Shim::new(here.room.path());
        shim.set(Slot::KillAt, step);
        shim.set(Slot::Torn, step % 2);
        let mut killed = here.command(&Terminal::issue(&name));
        let told = shim.before(killed.args(here.way("28207"))).output().expect("it runs");
        assert!(told.status.code().is_none() || step > steps * 3 / 4, "{name}: {}", said(&told));
        if told.status.success() {
            continue;
        }
        // Another act has to wait where something was sent, and nothing is lost.
        let again = here.run(&Terminal::issue(&name), counter);
        let finished = said(&again).contains("E-04");
        assert!(again.status.success() || finished, "{name}: {}", said(&again));
        assert_eq!(here.status(&format!("{name}.card")), (words(&["good", "good"]), Some(0)), "{name}");
        let sign = format!("card sign {name}.card --in {name}.json --out signature --pin-file sign.pin");
        here.done(&sign, None);
    }
    println!("{steps} steps");
}
