//! The dice of a life: the same seed and person, the same throws, whatever others do meanwhile.

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64, person: u64) -> Self {
        let mut dice = Self(seed ^ person.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        dice.throw();
        dice
    }

    pub(crate) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..sides`.
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        (self.throw() % sides as u64) as usize
    }

    pub(crate) fn between(&mut self, first: i32, last: i32) -> i32 {
        first + self.below((last - first + 1) as usize) as i32
    }

    pub(crate) fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance as usize
    }

    /// The days until something that happens so many times in a thousand years.
    pub(crate) fn wait(&mut self, per_thousand_years: u32) -> i32 {
        let unit = (self.throw() >> 11) as f64 / (1u64 << 53) as f64;
        let years = -(1.0 - unit).ln() * 1000.0 / f64::from(per_thousand_years.max(1));
        1 + (years * 365.25).min(100_000.0) as i32
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
