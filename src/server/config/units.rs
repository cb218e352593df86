//! Times and sizes as people write them: `30s`, `1d`, `64MiB`. One number and one unit, nothing that depends on a
//! calendar, and always written back in the largest unit that fits exactly.

use std::time::Duration;

const TIMES: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
    ("B", 1),
];

/// A time with its unit, of `ms`, `s`, `m`, `h` and `d`. None when it is none, or is longer than can be counted.
pub fn parse_time(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let (_, ms) = TIMES.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*ms).map(Duration::from_millis)
}

/// A size with its unit, `B`, `KB` (1,000), `KiB` (1,024) and so on up to `GiB`; without a unit it is bytes.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    if unit.is_empty() {
        return Some(number);
    }
    let (_, bytes) = SIZES.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*bytes)
}

pub fn write_time(time: Duration) -> String {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    write(ms, &TIMES, "s")
}

pub fn write_size(bytes: u64) -> String {
    write(bytes, &SIZES, "B")
}

/// The number at the beginning and the unit after it; a space between them is allowed.
fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start()))
}

fn write(count: u64, units: &[(&str, u64)], unit_of_zero: &str) -> String {
    let fits = units.iter().find(|(_, size)| count > 0 && count.is_multiple_of(*size));
    fits.map_or_else(|| format!("{count}{unit_of_zero}"), |(name, size)| format!("{}{name}", count / size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_have_a_unit() {
        for (text, ms) in [("30s", 30_000), ("5m", 300_000), ("1d", 86_400_000), ("2 h", 7_200_000), ("250ms", 250)] {
            assert_eq!(parse_time(text), Some(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "s", "30", "-1s", "1.5s", "1w", "1M", "30 seconds", "1h30m", "99999999999999999999s"] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
        assert_eq!(parse_time("999999999999999d"), None, "it does not wrap around");
    }

    #[test]
    fn sizes_know_both_kinds_of_thousand() {
        for (text, bytes) in [("64MiB", 64 << 20), ("1GB", 1_000_000_000), ("10 KB", 10_000), ("7B", 7), ("4096", 4096)]
        {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for bad in ["", "MiB", "1.5GB", "64mib", "1TB", "-1", "99999999999GiB"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(count in 0..u64::MAX / 2, short in 0..100_000u64) {
            for n in [count, short, short * 1000, short << 20] {
                prop_assert_eq!(parse_size(&write_size(n)), Some(n));
                prop_assert_eq!(parse_time(&write_time(Duration::from_millis(n))), Some(Duration::from_millis(n)));
            }
        }
    }
}
