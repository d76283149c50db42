//! A kernel that nothing foreign looks at: its venue is the simulated one.

use dita_engine::Observed;
use dita_host::{Foreign, Reply};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::kernel::Kernel;

/// NoStrategies: for a session without another language around it.
#[derive(Clone, Copy, Default, Debug)]
pub struct Alone;

/// What never happens there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interrupted {}

impl Foreign for Alone {
    type Held<'a> = ();
    type Interrupt = Interrupted;
    type Trouble = Interrupted;
    type Question = ();
    type Seen = ();

    fn released<R: Send>((): (), work: impl FnOnce() -> R + Send) -> R {
        work()
    }

    fn check_signals((): ()) -> Result<(), Interrupted> {
        Ok(())
    }

    fn attached<R>(call: impl FnOnce(()) -> R) -> Option<R> {
        Some(call(()))
    }

    fn tell((): (), interrupt: Interrupted) {
        match interrupt {}
    }

    fn answers(&self) -> bool {
        false
    }

    fn question(_: &Kernel, _: Command, _: Option<Id>) {}

    fn ask(&self, (): (), (): (), _: i64) -> Reply<Alone> {
        Reply { inputs: Vec::<Input>::new(), ..Reply::default() }
    }

    fn observes(&self) -> bool {
        false
    }

    fn look(&self, _: &Kernel, _: Vec<Observed>) {}

    fn show(&self, (): (), (): (), _: u64) -> Result<(), Interrupted> {
        Ok(())
    }

    fn catches_up(&self) -> bool {
        false
    }

    fn asleep(&self, (): (), _: i64, _: i64) -> Result<(), Interrupted> {
        Ok(())
    }

    fn repair(&self, (): (), _: i64) -> bool {
        true
    }
}
