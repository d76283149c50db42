//! The kernel with its simulated venue, as the player calls it.

use dita_engine::{Engine, EngineError, Progress};
use dita_kernel::id::Id;
use dita_kernel::input::Input;
use dita_kernel::num::Money;
use dita_sim::{SimError, SimVenue};

/// What an account is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Valuation {
    /// What the wallet must hold.
    pub capital: Money,
    /// That and the unrealised profit of what is open.
    pub equity: Money,
    /// What the venue says that the wallet holds.
    pub wallet: Option<Money>,
}

/// Where markets are played: an engine, whoever owns it.
pub trait Backend {
    /// What ends the run.
    type Error;

    /// Calls the venue at a time (ns, where one is told), and lets the kernel work until quiet.
    ///
    /// # Errors
    /// The venue does not take it, or the kernel cannot go on.
    fn call(
        &mut self,
        time_ns: Option<i64>,
        call: impl FnOnce(&mut SimVenue, i64, &mut Vec<Input>) -> Result<(), SimError>,
    ) -> Result<(), Self::Error>;

    /// Lets time pass without a market's word: what is due by it happens.
    ///
    /// # Errors
    /// The kernel cannot go on.
    fn advance(&mut self, time_ns: i64) -> Result<(), Self::Error>;

    /// Reads the engine once the marks that wait are taken.
    ///
    /// # Errors
    /// The kernel cannot go on.
    fn read_settled<R>(&mut self, read: impl FnOnce(&Engine) -> R) -> Result<R, Self::Error>;

    /// Reads the engine.
    ///
    /// # Errors
    /// The kernel cannot be used any more.
    fn read<R>(&mut self, read: impl FnOnce(&Engine) -> R) -> Result<R, Self::Error>;

    /// True where something has happened to trades that the owner has not dealt with yet.
    fn has_news(&mut self) -> bool;
}

/// What an account is worth, in an asset.
pub(crate) fn worth(engine: &Engine, asset: &Id) -> Option<Valuation> {
    let kernel = engine.kernel();
    let (capital, equity) = dita_engine::worth(kernel, kernel.asset_of(asset)?)?;
    let wallet = engine.simulated_venue().and_then(|venue| venue.wallet_balance(asset));
    Some(Valuation { capital, equity, wallet })
}

/// An engine of one's own, with a simulated venue.
impl Backend for Engine {
    type Error = EngineError;

    fn call(
        &mut self,
        time_ns: Option<i64>,
        call: impl FnOnce(&mut SimVenue, i64, &mut Vec<Input>) -> Result<(), SimError>,
    ) -> Result<(), EngineError> {
        if let Some(time_ns) = time_ns {
            self.tell_time(time_ns);
        }
        self.with_venue(call)?;
        work(self)
    }

    fn advance(&mut self, time_ns: i64) -> Result<(), EngineError> {
        self.tell_time(time_ns);
        self.bring_due(false)?;
        work(self)
    }

    fn read_settled<R>(&mut self, read: impl FnOnce(&Engine) -> R) -> Result<R, EngineError> {
        self.settle_marks()?;
        Ok(read(self))
    }

    fn read<R>(&mut self, read: impl FnOnce(&Engine) -> R) -> Result<R, EngineError> {
        Ok(read(self))
    }

    fn has_news(&mut self) -> bool {
        false
    }
}

fn work(engine: &mut Engine) -> Result<(), EngineError> {
    loop {
        match engine.run() {
            Progress::Quiet => return Ok(()),
            Progress::Yield => {}
            Progress::Call(_) => return Err(EngineError::NoSimulatedVenue),
            Progress::Failed(error) => return Err(error),
        }
    }
}
