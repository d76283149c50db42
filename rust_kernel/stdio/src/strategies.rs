//! The strategies, as the protocol reaches them.

use dita_kernel::id::Id;
use dita_kernel::num::Decimal;

/// What is done with a strategy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// It is shown.
    List,
    /// It starts, or goes on.
    Start,
    /// It ends.
    Stop,
    /// It hears nothing until it is started again.
    Pause,
}

/// How a strategy is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// Running, Paused, Stopped or Error.
    pub state: String,
    /// Why it is in Error.
    pub error: String,
}

/// The strategies of a host. What they do reaches the kernel by their own ways.
pub trait StrategyRunner {
    /// What ends the session.
    type Interrupt;

    /// How they are; an empty name means all.
    ///
    /// # Errors
    /// The session has to end.
    fn list(&mut self, name: &str) -> Result<Vec<Standing>, Self::Interrupt>;

    /// Starts, stops or pauses one; says why that cannot be.
    ///
    /// # Errors
    /// The session has to end.
    fn tell(&mut self, verb: Verb, name: &str) -> Result<Option<String>, Self::Interrupt>;

    /// The market has moved; the venue has had it before.
    ///
    /// # Errors
    /// The session has to end.
    fn quote(&mut self, symbol: &Id, bid: Decimal, ask: Decimal, time_ns: i64)
    -> Result<(), Self::Interrupt>;

    /// A second of kernel time has passed.
    ///
    /// # Errors
    /// The session has to end.
    fn tick(&mut self, time_ns: i64) -> Result<(), Self::Interrupt>;

    /// Something has happened to trades.
    ///
    /// # Errors
    /// The session has to end.
    fn deliver(&mut self) -> Result<(), Self::Interrupt>;

    /// True where there is nobody to tell.
    fn is_empty(&self) -> bool;
}

/// No strategies.
#[derive(Clone, Copy, Debug)]
pub struct NoStrategies<I>(core::marker::PhantomData<I>);

impl<I> Default for NoStrategies<I> {
    fn default() -> NoStrategies<I> {
        NoStrategies(core::marker::PhantomData)
    }
}

impl<I> StrategyRunner for NoStrategies<I> {
    type Interrupt = I;

    fn list(&mut self, _: &str) -> Result<Vec<Standing>, I> {
        Ok(Vec::new())
    }

    fn tell(&mut self, _: Verb, name: &str) -> Result<Option<String>, I> {
        Ok(Some(format!("strategy: {name:?} is none: there are no strategies")))
    }

    fn quote(&mut self, _: &Id, _: Decimal, _: Decimal, _: i64) -> Result<(), I> {
        Ok(())
    }

    fn tick(&mut self, _: i64) -> Result<(), I> {
        Ok(())
    }

    fn deliver(&mut self) -> Result<(), I> {
        Ok(())
    }

    fn is_empty(&self) -> bool {
        true
    }
}
