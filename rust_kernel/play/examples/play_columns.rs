//! Plays a file of columns through venue and kernel without a listener, for a profiler: `play_columns FILE [quotes-set-marks]`.
//! Prints events, levels and seconds; of the file's reading alone first.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use dita_engine::{Engine, EngineConfig, Port};
use dita_kernel::id::Id;
use dita_kernel::input::{Input, InstrumentSpec};
use dita_kernel::num::{Decimal, Money};
use dita_play::columns::ColumnReader;
use dita_play::{FileSource, Market, Player, Settings, Step, Window};
use dita_sim::{SimConfig, SimVenue};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("play_columns FILE")?;
    let path = Path::new(&path);
    let queue_position = arguments.next().is_some();

    let started = Instant::now();
    let mut reader = ColumnReader::open(path)?;
    let mut events = 0_u64;
    while reader.next_event()?.is_some() {
        events += 1;
    }
    let levels = reader.counts().map_or(0, |counts| counts.levels);
    println!("read alone: {events} events, {levels} levels, {:.3} s", started.elapsed().as_secs_f64());

    let id = |text: &str| Id::new(text).map_err(|_| "an id");
    let dec = |text: &str| Decimal::parse(text).map_err(|_| "a number");
    let config = SimConfig { queue_position, ..SimConfig::default() };
    let venue = SimVenue::new(config)?;
    let mut engine = Engine::new(EngineConfig::default(), Port::Sim(Box::new(venue)))?;
    let symbol = id(reader.symbol())?;
    let spec = InstrumentSpec::linear(symbol.clone(), id("BTC")?, id("USDT")?, dec("0.1")?, dec("0.001")?);
    engine.with_venue(|venue, _, _| venue.add_instrument(&spec))?;
    engine.with_venue(|venue, _, _| venue.deposit(&id("USDT").unwrap_or_default(), Decimal::ONE))?;
    engine.push(Input::Instrument(Box::new(spec)), false)?;
    engine.push(Input::Seed { asset: id("USDT")?, amount: dec("10000")? }, false)?;
    engine.run();

    let mut player = Player::new(Settings {
        asset: id("USDT")?,
        capital: Money::from_decimal(dec("10000")?).map_err(|_| "money")?,
        window: Window::default(),
        round_prices: false,
        stops_first: false,
        speed: None,
        resume_ns: None,
    });
    let source = Box::new(FileSource::Columns(Box::new(ColumnReader::open(path)?)));
    player.add_market(Market { symbol, tick: dec("0.1")?, step_ns: 1_000_000_000, source });
    let started = Instant::now();
    while !matches!(player.next(&mut engine, u32::MAX), Ok(Step::End)) {}
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "played: {} events, {seconds:.3} s, {:.0} levels a second",
        player.counts().0,
        levels as f64 / seconds
    );
    Ok(())
}
