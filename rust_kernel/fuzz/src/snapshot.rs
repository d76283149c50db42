//! Bytes as a stored state: an error, or a kernel that is stored again as the same.

use dita_kernel::effect::Effects;
use dita_kernel::input::{Input, Stamp};
use dita_kernel::invariant;
use dita_kernel::kernel::Kernel;

/// Reads the bytes as a state; what is taken must be whole, and go on.
pub fn run(bytes: &[u8]) {
    let Ok(mut kernel) = Kernel::from_snapshot(bytes) else { return };
    let stored = kernel.to_snapshot().expect("a kernel can be stored");
    let again = Kernel::from_snapshot(&stored).expect("what was stored can be read");
    assert_eq!(again.state_hash(), kernel.state_hash(), "stored and read again it is another state");
    assert_eq!(again.to_snapshot().expect("a kernel can be stored"), stored, "one state has two forms");
    assert_eq!(invariant::check(&kernel), Ok(()), "a state was taken that breaks an invariant");
    go_on(&mut kernel);
}

/// The inputs that come to every kernel that was opened again.
fn go_on(kernel: &mut Kernel) {
    let mut effects = Effects::default();
    let now_ns = kernel.now_ns();
    for input in [Input::Restart, Input::Time] {
        effects.clear();
        kernel.step(Stamp(now_ns), &input, &mut effects);
        assert_eq!(invariant::check(kernel), Ok(()), "after {input:?}");
    }
}
