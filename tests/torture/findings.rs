//! What a campaign finds out: which promises were broken and how; and where its randomness comes from.

use std::sync::Mutex;

/// What the server promises, each looked at by a test of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Rule 1: APPLIED is in the destination; QUEUED is queued, applied or in error, and deleted only on demand.
    Kept,
    /// Rule 2: order per key; and nothing stale stays.
    Order,
    /// Rule 4: a change that is sent again gets its first answer and is no other change.
    Once,
    /// Rule 9.
    BothSides,
    /// Rule 11.
    Figures,
    /// A map is in the state that was last answered, or the one that it leads to.
    States,
    /// The activity log: no gap, none twice, each answered transition once.
    Log,
}

impl Promise {
    pub const ALL: [Promise; 7] = [
        Promise::Kept,
        Promise::Order,
        Promise::Once,
        Promise::BothSides,
        Promise::Figures,
        Promise::States,
        Promise::Log,
    ];
}

/// Broken promises; a few of each are enough.
#[derive(Default)]
pub struct Findings {
    broken: Mutex<Vec<(Promise, String)>>,
}

impl Findings {
    pub fn check(&self, holds: bool, promise: Promise, what: impl FnOnce() -> String) {
        const EACH_MAX: usize = 10;
        if holds {
            return;
        }
        let mut broken = self.broken.lock().expect("no check panics");
        if broken.iter().filter(|(other, _)| *other == promise).count() < EACH_MAX {
            let what = what();
            println!("BROKEN {promise:?}: {what}");
            broken.push((promise, what));
        }
    }

    pub fn any(&self) -> bool {
        !self.broken.lock().expect("no check panics").is_empty()
    }

    /// Panics with all that was found of this promise.
    pub fn assert_kept(&self, promise: Promise) {
        let broken = self.broken.lock().expect("no check panics").clone();
        let of_it: Vec<&str> = broken.iter().filter(|(other, _)| *other == promise).map(|(_, what)| &**what).collect();
        assert!(of_it.is_empty(), "{promise:?}:\n{}", of_it.join("\n"));
    }
}

/// xorshift: which numbers come does not matter, only that they are spread and that a seed gives them again.
#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed | 1)
    }

    /// Other dice, which follow from these.
    pub fn more(&mut self) -> Dice {
        Dice::new(self.throw().wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn throw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 0 to `end`, without `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        (self.throw() >> 11) % end
    }

    pub fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    pub fn choose<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }

    pub async fn rest_below(&mut self, milliseconds: u64) {
        let rest = self.below(milliseconds * 1_000);
        tokio::time::sleep(std::time::Duration::from_micros(rest)).await;
    }
}
