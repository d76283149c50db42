//! Bytes as a stored state: an error, or a kernel that is stored again as the same, and goes on.

use dita_kernel::input::Input;
use dita_kernel::invariant;
use dita_kernel::kernel::Kernel;

use crate::step;

/// So many choices are made for what a taken state meets: they are some thirty inputs.
const CHOICES: usize = 512;

/// Reads the bytes as a state; what is taken must be whole, and go on.
pub fn run(bytes: &[u8]) {
    let Ok(kernel) = Kernel::from_snapshot(bytes) else { return };
    let stored = kernel.to_snapshot().expect("a kernel can be stored");
    let again = Kernel::from_snapshot(&stored).expect("what was stored can be read");
    assert_eq!(again.state_hash(), kernel.state_hash(), "stored and read again it is another state");
    assert_eq!(again.to_snapshot().expect("a kernel can be stored"), stored, "one state has two forms");
    assert_eq!(invariant::check(&kernel), Ok(()), "a state was taken that breaks an invariant");
    // What comes to every kernel that was opened again, and then what the same bytes choose each time.
    step::go_on(kernel, &[Input::Restart, Input::Time], &choices(bytes));
}

/// Choices that follow from the bytes: each state meets its own inputs, and the same ones again.
fn choices(bytes: &[u8]) -> Vec<u8> {
    let seed = bytes.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    core::iter::repeat_with(next).take(CHOICES).collect()
}
