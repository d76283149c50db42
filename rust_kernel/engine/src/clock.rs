//! Where kernel time comes from. The core never reads a clock: the engine stamps each input.

use std::time::{SystemTime, UNIX_EPOCH};

/// The source of kernel time, in nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// Real time, for live trading: the machine's clock as it stood at the opening, and the time that has passed since.
    /// A step of the machine's clock does not move it.
    System,
    /// The latest time that the owner has told, for replays, paper on recorded data, and tests.
    Driven,
}

/// A correction is one part in so many of the time that passes: 0.1 %.
const SLEW_DIVISOR: i64 = 1_000;
/// So often the machine's clock is compared with, ns.
const COMPARE_NS: i64 = 100_000_000;
/// A difference from the machine's clock beyond this is told (CLOCK_SKEW), ns.
pub const CLOCK_SKEW_TOLD_NS: i64 = 1_000_000_000;

/// Real time that never jumps and never runs backwards. Between two comparisons with the machine's clock it runs at the
/// pace of the time since the machine was started, suspends included, and up to 0.1 % faster or slower until the two agree.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LiveClock {
    anchor: Option<Anchor>,
}

/// The last comparison.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    /// Time since the machine was started, ns.
    boot_ns: i64,
    /// Kernel time then, ns.
    kernel_ns: i64,
    /// The machine's clock was so much ahead, ns.
    ahead_ns: i64,
}

impl Anchor {
    fn at(&self, boot_ns: i64) -> i64 {
        let passed = boot_ns.saturating_sub(self.boot_ns).max(0);
        let slew = passed / SLEW_DIVISOR;
        let correction = self.ahead_ns.clamp(-slew, slew);
        self.kernel_ns.saturating_add(passed).saturating_add(correction)
    }
}

impl LiveClock {
    /// Kernel time, given the time since the machine was started and a way to read its clock. The first reading takes the
    /// machine's clock as it is, but not from before `last_ns`, the kernel's last input.
    fn read(&mut self, last_ns: i64, boot_ns: i64, wall: impl FnOnce() -> i64) -> i64 {
        match &self.anchor {
            Some(anchor) if boot_ns.saturating_sub(anchor.boot_ns) < COMPARE_NS => anchor.at(boot_ns),
            Some(anchor) => self.compare(anchor.at(boot_ns), boot_ns, wall()),
            None => {
                let wall_ns = wall();
                self.compare(wall_ns.max(last_ns), boot_ns, wall_ns)
            }
        }
    }

    fn compare(&mut self, kernel_ns: i64, boot_ns: i64, wall_ns: i64) -> i64 {
        self.anchor = Some(Anchor { boot_ns, kernel_ns, ahead_ns: wall_ns.saturating_sub(kernel_ns) });
        kernel_ns
    }

    /// Kernel time now, ns.
    #[inline]
    pub(crate) fn now_ns(&mut self, last_ns: i64) -> i64 {
        self.read(last_ns, boot_ns(), system_ns)
    }

    /// By how much the machine's clock was ahead of kernel time when they were last compared, ns.
    pub(crate) fn skew_ns(&self) -> i64 {
        self.anchor.map_or(0, |anchor| anchor.ahead_ns)
    }
}

/// The machine's clock, ns. It steps whenever somebody sets it.
pub fn system_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Time since the machine was started, with the time that it was suspended, ns: nobody sets it.
#[cfg(target_os = "linux")]
pub fn boot_ns() -> i64 {
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    since.tv_sec.saturating_mul(1_000_000_000).saturating_add(since.tv_nsec)
}

/// Time since the first reading, ns, as far as the system counts it: other systems leave suspends out.
#[cfg(not(target_os = "linux"))]
pub fn boot_ns() -> i64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let since = START.get_or_init(std::time::Instant::now).elapsed();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const HOUR: i64 = 3600 * SECOND;
    /// Kernel time at the opening.
    const OPENED: i64 = 1_700_000_000 * SECOND;

    /// A clock that was opened when the machine had run for an hour.
    fn opened() -> LiveClock {
        let mut clock = LiveClock::default();
        assert_eq!(clock.read(0, HOUR, || OPENED), OPENED);
        clock
    }

    #[test]
    fn kernel_time_is_the_wall_clock_at_the_opening_and_the_time_since() {
        let mut clock = opened();
        for passed in [0, 1, 99_999_999, 100_000_000, SECOND, HOUR, 24 * HOUR] {
            assert_eq!(clock.read(0, HOUR + passed, || OPENED + passed), OPENED + passed, "{passed}");
        }
        assert_eq!(clock.skew_ns(), 0);
    }

    #[test]
    #[rustfmt::skip]
    fn a_wall_clock_that_steps_moves_kernel_time_by_a_thousandth_of_what_passes() {
        // step of the wall clock, time after it, correction
        for (step, passed, correction) in [
            (-HOUR,        SECOND,      -1_000_000),
            (HOUR,         SECOND,       1_000_000),
            (-HOUR,        1_000,       -1),
            (HOUR,         999,          0),
            (-500,         SECOND,      -500),
            (500,          SECOND,       500),
            (-SECOND,      HOUR,        -SECOND),
        ] {
            let mut clock = opened();
            let stepped = clock.read(0, 2 * HOUR, || OPENED + HOUR + step);
            assert_eq!(stepped, OPENED + HOUR, "no jump by {step}");
            assert_eq!(clock.skew_ns(), step);
            let later = clock.read(0, 2 * HOUR + passed, || OPENED + HOUR + step + passed);
            assert_eq!(later - stepped, passed + correction, "{step} {passed}");
        }
    }

    #[test]
    fn corrected_a_thousandth_at_a_time_the_two_meet_and_stay_together() {
        let mut clock = opened();
        let mut last = OPENED;
        for tenth in 1..=30_000 {
            let passed = tenth * SECOND / 10;
            let wall = OPENED + passed - 2 * SECOND;
            let now = clock.read(0, HOUR + passed, || wall);
            let pace = now - last;
            assert!((99_900_000..=100_000_000).contains(&pace), "{tenth}: {pace}");
            last = now;
        }
        assert_eq!(last, OPENED + 3000 * SECOND - 2 * SECOND);
        assert_eq!(clock.skew_ns(), 0);
    }

    #[test]
    fn a_kernel_whose_log_ended_ahead_of_the_wall_clock_goes_on_from_there() {
        let mut clock = LiveClock::default();
        assert_eq!(clock.read(OPENED + HOUR, HOUR, || OPENED), OPENED + HOUR);
        assert_eq!(clock.skew_ns(), -HOUR);
        let later = clock.read(OPENED + HOUR, HOUR + 10 * SECOND, || OPENED + 10 * SECOND);
        assert_eq!(later, OPENED + HOUR + 10 * SECOND - SECOND / 100, "it does not stand still");
    }

    #[test]
    fn time_since_the_start_that_seems_to_run_backwards_holds_kernel_time() {
        let mut clock = opened();
        assert_eq!(clock.read(0, HOUR - 1, || 0), OPENED);
    }

    #[test]
    fn the_time_since_the_machine_was_started_runs() {
        let (first, before) = (boot_ns(), std::time::Instant::now());
        while before.elapsed().as_micros() < 100 {}
        let passed = boot_ns() - first;
        assert!((100_000..60 * SECOND).contains(&passed), "{passed}");
    }
}
