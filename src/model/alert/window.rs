//! A window that slides: how many errors are not older than its length. Exact, in memory that is bounded by the threshold and not by
//! how many errors there are: of more than the threshold only the last ones matter.

use super::setting::Threshold;
use crate::model::failure::ErrorType;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, VecDeque};

/// Errors of one type at one moment, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noted {
    pub time: i64,
    pub kind: ErrorType,
    pub count: u32,
}

impl Noted {
    pub fn at(time: DateTime<Utc>, kind: ErrorType, count: u32) -> Self {
        Self { time: time.timestamp_millis(), kind, count }
    }
}

#[derive(Debug, Clone)]
pub struct Window {
    threshold: Threshold,
    /// Oldest first. Without the first one they are fewer than the threshold.
    noted: VecDeque<Noted>,
    total: u64,
}

impl Window {
    pub fn new(threshold: Threshold) -> Self {
        Self { threshold, noted: VecDeque::new(), total: 0 }
    }

    /// Errors happened.
    pub fn count(&mut self, noted: Noted) {
        self.total += u64::from(noted.count);
        match self.noted.back_mut() {
            Some(last) if (last.time, last.kind) == (noted.time, noted.kind) => {
                last.count = last.count.saturating_add(noted.count);
            }
            _ => self.noted.push_back(noted),
        }
        while let Some(first) = self.noted.front()
            && self.total - u64::from(first.count) >= u64::from(self.threshold.count)
        {
            self.drop_first();
        }
    }

    /// Time has gone on. An error counts until it is as old as the window is long.
    pub fn slide(&mut self, now: DateTime<Utc>) {
        let (now, length) = (now.timestamp_millis(), self.threshold.window_millis());
        while self.noted.front().is_some_and(|first| first.time <= now.saturating_sub(length)) {
            self.drop_first();
        }
        // What is further ahead than the window is long was counted by a clock that was wrong.
        while self.noted.back().is_some_and(|last| last.time > now.saturating_add(length)) {
            if let Some(last) = self.noted.pop_back() {
                self.total -= u64::from(last.count);
            }
        }
    }

    pub fn is_reached(&self) -> bool {
        self.total >= u64::from(self.threshold.count)
    }

    /// Of more errors than the threshold the last ones.
    pub fn counts(&self) -> BTreeMap<ErrorType, u64> {
        let mut counts = BTreeMap::new();
        for noted in &self.noted {
            *counts.entry(noted.kind).or_default() += u64::from(noted.count);
        }
        counts
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.noted.pop_front() {
            self.total -= u64::from(first.count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::setting::SECOND_MILLIS;
    use proptest::prelude::*;
    use std::time::Duration;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(millis).unwrap()
    }

    fn window(count: u32, seconds: u64) -> Window {
        Window::new(Threshold { count, window: Duration::from_secs(seconds) })
    }

    #[test]
    fn it_slides_and_counts_to_the_millisecond() {
        let mut window = window(3, 10);
        for time in [0, 4_000, 9_999] {
            window.count(Noted::at(at(time), ErrorType::Application, 1));
            window.slide(at(time));
        }
        assert!(window.is_reached());
        window.slide(at(10_000));
        assert!(!window.is_reached(), "the first is as old as the window is long");
        window.count(Noted::at(at(13_999), ErrorType::Network, 1));
        window.slide(at(13_999));
        assert!(window.is_reached());
        assert_eq!(window.counts(), BTreeMap::from([(ErrorType::Application, 2), (ErrorType::Network, 1)]));
    }

    #[test]
    fn a_burst_takes_no_memory() {
        let mut window = window(10_000, 900);
        for time in 0..1_000_000 {
            window.count(Noted::at(at(time / 100), ErrorType::Application, 1));
            window.slide(at(time / 100));
        }
        assert!(window.is_reached() && window.noted.len() <= 101, "{}", window.noted.len());
        assert!(window.noted.capacity() <= 10_001);
    }

    #[test]
    fn a_clock_that_was_wrong_does_not_hold_it() {
        let mut window = window(1, 10);
        window.count(Noted::at(at(1_000_000), ErrorType::Application, 1));
        window.slide(at(0));
        assert!(!window.is_reached());
    }

    proptest! {
        /// Against all errors kept.
        #[test]
        fn it_says_what_counting_all_would(
            steps in prop::collection::vec((0_i64..3_000, 0_u32..4), 1..200),
            threshold in 1_u32..12,
            seconds in 1_u64..20,
        ) {
            let mut window = window(threshold, seconds);
            let (mut now, mut all) = (0, Vec::new());
            for (later, errors) in steps {
                now += later;
                if errors > 0 {
                    window.count(Noted::at(at(now), ErrorType::Application, errors));
                    all.extend(std::iter::repeat_n(now, errors as usize));
                }
                window.slide(at(now));
                let length = i64::try_from(seconds).unwrap() * SECOND_MILLIS;
                let within = all.iter().filter(|time| **time > now - length).count();
                prop_assert_eq!(window.is_reached(), within >= threshold as usize);
            }
        }
    }
}
