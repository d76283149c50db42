//! Looking again and again for a moment before one sleeps: waking a thread takes longer than what is waited for.

use std::time::{Duration, Instant};

/// How long one looks before one sleeps.
const LOOKS_FOR: Duration = Duration::from_micros(50);
/// So many waits at most are slept through at once, before it is tried anew.
const REST_MAX: u32 = 256;

/// Whether it is worth it: each time that it was in vain, twice as many waits are slept through before it is tried again.
#[derive(Default, Debug)]
pub(crate) struct Spin {
    rests: u32,
    in_vain: u32,
}

impl Spin {
    /// Looks until it is there; false where it did not come in a moment, or where it is not tried this time.
    pub(crate) fn until(&mut self, mut look: impl FnMut() -> bool) -> bool {
        if self.rests > 0 {
            self.rests -= 1;
            return false;
        }
        let began = Instant::now();
        loop {
            if look() {
                self.in_vain = 0;
                return true;
            }
            if began.elapsed() >= LOOKS_FOR {
                break;
            }
            std::hint::spin_loop();
        }
        self.in_vain = (self.in_vain * 2).clamp(1, REST_MAX);
        self.rests = self.in_vain;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often it looks at all in so many waits, where it never comes.
    fn tried(spin: &mut Spin, waits: u32) -> u32 {
        let mut tried = 0;
        for _ in 0..waits {
            let mut looked = false;
            assert!(!spin.until(|| {
                looked = true;
                false
            }));
            tried += u32::from(looked);
        }
        tried
    }

    #[test]
    fn what_comes_at_once_is_taken_without_sleep() {
        let mut spin = Spin::default();
        assert!((0..100).all(|_| spin.until(|| true)));
        let mut looks = 0;
        let third = || {
            looks += 1;
            looks == 3
        };
        assert!(spin.until(third) && looks == 3);
    }

    #[test]
    fn what_never_comes_is_looked_for_ever_less_often() {
        let mut spin = Spin::default();
        // After 1, 2, 4, ... waits, and in the end once in 257.
        assert_eq!(tried(&mut spin, 512), 9);
        assert_eq!(tried(&mut spin, 257 * 3), 3);
    }

    #[test]
    fn once_it_comes_again_it_is_looked_for_each_time() {
        let mut spin = Spin::default();
        tried(&mut spin, 512);
        assert!((0..=REST_MAX).any(|_| spin.until(|| true)));
        assert!((0..100).all(|_| spin.until(|| true)));
    }
}
