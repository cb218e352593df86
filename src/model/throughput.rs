//! How fast a map takes changes in and writes them: counts of the last minute, second by second.

use std::time::Duration;

/// Over how many seconds is counted.
const WINDOW: u64 = 60;

/// Changes that moved in one step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    pub accepted: u64,
    /// Written to the destination.
    pub applied: u64,
    /// Went into the queue, and out of it.
    pub queued: u64,
    pub left: u64,
}

impl Flow {
    pub fn add(&mut self, more: Flow) {
        self.accepted += more.accepted;
        self.applied += more.applied;
        self.queued += more.queued;
        self.left += more.left;
    }
}

/// What moved in each of the last seconds. Seconds are counted from its beginning by a clock that never goes back.
#[derive(Debug, Clone)]
pub struct Throughput {
    /// The second at `second % WINDOW`, if it is one of the window still.
    seconds: [(u64, Flow); WINDOW as usize],
}

impl Default for Throughput {
    fn default() -> Self {
        Self { seconds: [(0, Flow::default()); WINDOW as usize] }
    }
}

impl Throughput {
    pub fn count(&mut self, second: u64, flow: Flow) {
        let (of, counted) = &mut self.seconds[(second % WINDOW) as usize];
        if *of != second {
            (*of, *counted) = (second, Flow::default());
        }
        counted.add(flow);
    }

    /// Rates over the minute that ends with this second, or over as much of it as there was.
    pub fn rates(&self, second: u64) -> Rates {
        let begin = (second + 1).saturating_sub(WINDOW);
        let mut sum = Flow::default();
        for (_, counted) in self.seconds.iter().filter(|(of, _)| (begin..=second).contains(of)) {
            sum.add(*counted);
        }
        let seconds = (second + 1 - begin) as f64;
        let rate = |count: u64| count as f64 / seconds;
        Rates { accepted: rate(sum.accepted), applied: rate(sum.applied), growth: rate(sum.queued) - rate(sum.left) }
    }
}

/// Changes per second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    pub accepted: f64,
    pub applied: f64,
    /// By which the queue grows; under 0 it shrinks.
    pub growth: f64,
}

impl Rates {
    /// How long the queue takes to drain; none when it does not become smaller.
    pub fn time_to_drain(&self, queued: u64) -> Option<Duration> {
        (queued > 0 && self.growth < 0.0).then(|| seconds(queued as f64 / -self.growth))?
    }

    /// How long until the queue, with so many records in so many bytes, has reached `bytes_max`; none when it does not grow.
    pub fn time_until_full(&self, queued: u64, bytes: u64, bytes_max: u64) -> Option<Duration> {
        if queued == 0 || self.growth <= 0.0 {
            return None;
        }
        let bytes_per_second = self.growth * (bytes as f64 / queued as f64);
        seconds(bytes_max.saturating_sub(bytes) as f64 / bytes_per_second)
    }
}

/// None for what is too long to be told.
fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok().filter(|time| time.as_secs() < MAX_SECONDS)
}

/// A hundred years.
const MAX_SECONDS: u64 = 100 * 366 * 24 * 3_600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_counted_and_no_more() {
        let mut throughput = Throughput::default();
        let flow = Flow { accepted: 60, applied: 30, queued: 60, left: 30 };
        throughput.count(0, flow);
        assert_eq!(throughput.rates(0), Rates { accepted: 60.0, applied: 30.0, growth: 30.0 }, "it is a second old");
        assert_eq!(throughput.rates(59), Rates { accepted: 1.0, applied: 0.5, growth: 0.5 });
        assert_eq!(throughput.rates(60), Rates::default());
        throughput.count(60, flow);
        throughput.count(60, flow);
        assert_eq!(throughput.rates(60).accepted, 2.0, "the place of second 0 is taken");
        assert_eq!(throughput.rates(1_000), Rates::default());
    }

    #[test]
    fn times_are_told_where_there_are_any() {
        let rates = |growth| Rates { growth, ..Rates::default() };
        assert_eq!(rates(-50.0).time_to_drain(1_000), Some(Duration::from_secs(20)));
        assert_eq!(rates(50.0).time_to_drain(1_000), None);
        assert_eq!(rates(-50.0).time_to_drain(0), None);
        assert_eq!(rates(50.0).time_until_full(100, 1_000, 6_000), Some(Duration::from_secs(10)));
        assert_eq!(rates(50.0).time_until_full(100, 7_000, 6_000), Some(Duration::ZERO));
        assert_eq!(rates(0.0).time_until_full(100, 1_000, 6_000), None);
        assert_eq!(rates(1e-12).time_until_full(1, 1, u64::MAX), None, "longer than anyone waits");
    }
}
