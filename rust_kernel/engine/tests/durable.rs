//! The engine on its log: nothing leaves before its cause is durable, and what was taken is there again.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dita_engine::{Engine, EngineConfig, EngineError, LogSettings, Note, Port, Progress, Recovery, Ticket};
use dita_kernel::effect::Command;
use dita_kernel::id::Id;
use dita_kernel::input::{AccountEvent, Input, InstrumentSpec, Intent, RareFields, VenueEvent};
use dita_kernel::kernel::KernelConfig;
use dita_kernel::ledger::Account;
use dita_kernel::names::{
    AccountEventKind, KernelCommandType as Action, KernelDiagnosticCode as Code, KernelEventKind as Kind,
    OrderSide, TradeSide, TradeStage,
};
use dita_kernel::num::Decimal;
use dita_log::disk::{Hook, HookedDisk};
use dita_log::{Disk, DiskFile, FileDisk, LogError, Reader, Span, SyncPolicy, segment_name};

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn dec(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

// ------------------------------------------------------------------------------------------------- places to write

/// A directory of this test alone.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("dita-engine-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(FileDisk::create(&self.0).unwrap())
    }

    /// What a kill would leave: the files as they are, while their owner still has them open.
    fn as_if_killed(&self) -> Directory {
        let copy = Directory::new();
        for entry in std::fs::read_dir(&self.0).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, copy.0.join(path.file_name().unwrap())).unwrap();
        }
        copy
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Counts a disk's syncs of files, and refuses them from a number on.
struct Watch {
    syncs: AtomicU64,
    fails_from: u64,
}

impl Hook for Watch {
    fn sync(&self, _: &str, file: &dyn DiskFile) -> io::Result<()> {
        if self.syncs.fetch_add(1, Ordering::Relaxed) + 1 >= self.fails_from {
            return Err(io::Error::other("the disk is gone"));
        }
        file.sync()
    }
}

impl Watch {
    fn over(disk: Arc<dyn Disk>, fails_from: u64) -> (Arc<Watch>, Arc<dyn Disk>) {
        let watch = Arc::new(Watch { syncs: AtomicU64::new(0), fails_from });
        (watch.clone(), Arc::new(HookedDisk::new(disk, watch)))
    }

    fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }
}

// ------------------------------------------------------------------------------------------------- a venue outside

/// A venue that fills everything at 100, in the order of its questions.
#[derive(Default)]
struct Outside {
    asked: Vec<String>,
    trades: u32,
}

impl Outside {
    fn answer(&mut self, command: &Command, now_ns: i64) -> Vec<Input> {
        match command {
            Command::Submit(order) => {
                self.asked.push(format!("submit {}", order.slot_id));
                self.trades += 1;
                let mut ack = VenueEvent::new(Kind::OrderAck, now_ns);
                ack.venue_client_id = order.venue_client_id.clone();
                ack.venue_order_id = id(&format!("V{}", self.trades));
                let mut fill = VenueEvent::new(Kind::FullFill, now_ns);
                fill.venue_client_id = order.venue_client_id.clone();
                fill.venue_order_id = ack.venue_order_id.clone();
                fill.venue_trade_id = id(&format!("T{}", self.trades));
                fill.size = Some(order.size);
                fill.price = Some(dec("100"));
                fill.fee = Some(dec("0.05"));
                [ack, fill].into_iter().map(|event| Input::Venue(Box::new(event))).collect()
            }
            Command::Query(request) => {
                self.asked.push(format!("query {}", request.slot_id));
                Vec::new()
            }
            Command::Cancel(_) | Command::Amend(_) | Command::SetLeverage { .. } => Vec::new(),
        }
    }
}

/// An engine with what drives it.
struct Rig {
    engine: Engine,
    venue: Outside,
}

fn kernel_config() -> KernelConfig {
    KernelConfig { max_slots: 300, remembered_orders: 8, ..KernelConfig::default() }
}

fn open_on(disk: Arc<dyn Disk>, settings: &LogSettings) -> Result<(Rig, Recovery), EngineError> {
    let config = EngineConfig { kernel: kernel_config(), ..EngineConfig::default() };
    let (engine, recovery) = Engine::recover(config, Port::Foreign, disk, settings, &mut |_| {})?;
    Ok((Rig { engine, venue: Outside::default() }, recovery))
}

fn open(directory: &Directory) -> (Rig, Recovery) {
    open_on(directory.disk(), &LogSettings::default()).unwrap()
}

/// A new rig with BTCUSDT and capital.
fn begun(directory: &Directory) -> Rig {
    let (mut rig, _) = open(directory);
    rig.begin();
    rig
}

impl Rig {
    fn begin(&mut self) {
        let spec = InstrumentSpec::linear(id("BTCUSDT"), id("BTC"), id("USDT"), dec("0.1"), dec("0.001"));
        self.engine.push(Input::Instrument(Box::new(spec)), false).unwrap();
        self.engine.push(Input::Seed { asset: id("USDT"), amount: dec("100000") }, false).unwrap();
        self.mark("100");
        self.drain();
    }

    fn mark(&mut self, price: &str) {
        let input = Input::Mark { symbol: id("BTCUSDT"), price: dec(price), venue_time_ns: 0, ages: false };
        self.engine.push(input, false).unwrap();
        self.drain();
    }

    /// Works until quiet; every request that leaves has a durable cause.
    fn drain(&mut self) {
        loop {
            match self.engine.run() {
                Progress::Quiet => return,
                Progress::Yield => {}
                Progress::Call(call) => {
                    let answers = self.venue.answer(&call.command, self.engine.now_ns());
                    self.engine.feed(call.ticket, answers);
                }
                Progress::Failed(error) => panic!("{error}"),
            }
        }
    }

    fn ask(&mut self, input: Input) -> dita_engine::Answer {
        let ticket = self.engine.push(input, true).unwrap().unwrap();
        self.drain();
        self.engine.take_answer(ticket).unwrap()
    }

    fn trade(&mut self, number: u32, slot: u32) {
        for action in [Action::Enter, Action::Exit] {
            let answer = self.ask(intent(number, slot, action));
            assert!(answer.outcome.accepted && answer.outcome.code == Code::Ok, "{answer:?}");
        }
    }

    fn k(&self) -> String {
        self.engine.kernel().ledger().balance(0, Account::Wallet).to_string()
    }
}

fn intent(number: u32, slot: u32, action: Action) -> Input {
    let trade = id(&format!("t{number}"));
    let name = id(&format!("i{number}-{action}"));
    let mut intent = Intent::new(action, name, trade, slot, id("BTCUSDT"), TradeSide::Long);
    intent.reference_price = Some(dec("100"));
    intent.target_size = (action == Action::Enter).then(|| dec("0.5"));
    Input::Intent(Box::new(intent))
}

fn records(directory: &Directory) -> Vec<(u64, &'static str)> {
    let mut reader = Reader::open(directory.disk(), None, 1, Span::Written).unwrap();
    let mut found = Vec::new();
    while let Some(record) = reader.next().unwrap() {
        found.push((record.seq, dita_engine::kind_name(record.kind)));
    }
    found
}

// ------------------------------------------------------------------------------------------------------------ tests

#[test]
fn what_was_taken_is_there_again_after_a_kill() {
    let directory = Directory::new();
    let mut rig = begun(&directory);
    for number in 0..20 {
        rig.trade(number, number % 3);
    }
    let (hash, seq, k) = (rig.engine.kernel().state_hash(), rig.engine.kernel().seq(), rig.k());
    let killed = directory.as_if_killed();
    let (mut again, recovery) = open(&killed);
    assert_eq!((recovery.last_seq, recovery.replayed, recovery.snapshot_seq), (seq, seq, None));
    assert_eq!((again.engine.kernel().state_hash(), again.k()), (hash, k));
    again.drain();
    again.trade(20, 0);
    assert!(again.venue.asked.iter().all(|asked| asked.starts_with("submit")), "{:?}", again.venue.asked);
}

#[test]
fn a_log_that_was_closed_opens_from_its_snapshot() {
    let directory = Directory::new();
    let mut rig = begun(&directory);
    rig.trade(0, 0);
    let (hash, seq) = (rig.engine.kernel().state_hash(), rig.engine.kernel().seq());
    rig.engine.close_log().unwrap();
    let (again, recovery) = open(&directory);
    assert_eq!((recovery.snapshot_seq, recovery.replayed, recovery.epoch), (Some(seq), 0, 2));
    assert_eq!(again.engine.kernel().state_hash(), hash);
}

#[test]
fn an_entry_that_left_before_the_kill_is_asked_for_and_not_sent_again() {
    let directory = Directory::new();
    let mut rig = begun(&directory);
    let ticket = rig.engine.push(intent(0, 7, Action::Enter), true).unwrap();
    let Progress::Call(call) = rig.engine.run() else { panic!("a request leaves") };
    assert!(matches!(call.command, Command::Submit(_)) && call.ticket == ticket);
    let (mut again, _) = open(&directory.as_if_killed());
    again.drain();
    assert_eq!(again.venue.asked, ["query 7"]);
    assert_eq!(again.engine.kernel().slot(7).unwrap().stage, TradeStage::OrderSent);
}

#[test]
fn an_answer_that_takes_longer_than_the_settling_window_ends_no_order_that_may_be_there() {
    let directory = Directory::new();
    let mut rig = begun(&directory);
    rig.engine.push(intent(0, 7, Action::Enter), true).unwrap();
    let Progress::Call(_) = rig.engine.run() else { panic!("a request leaves") };
    let (mut again, _) = open(&directory.as_if_killed());
    let not_found = |rig: &mut Rig| {
        let Progress::Call(call) = rig.engine.run() else { panic!("a question leaves") };
        let Command::Query(request) = &call.command else { panic!("{:?}", call.command) };
        let mut event = VenueEvent::new(Kind::OrderNotFound, rig.engine.now_ns());
        event.venue_client_id = request.venue_client_id.clone();
        // The venue was asked, and takes its time; a tick that waits comes after its answer.
        rig.engine.tell_time(rig.engine.now_ns() + kernel_config().settling_window_ns);
        rig.engine.push(Input::Time, false).unwrap();
        rig.engine.feed(call.ticket, [Input::Venue(Box::new(event))]);
    };
    not_found(&mut again);
    // That was as of before: the tick asks again, and what is not found now was never received.
    not_found(&mut again);
    assert_eq!(again.engine.kernel().slot(7).unwrap().stage, TradeStage::OrderSent);
    again.drain();
    assert_eq!(again.engine.kernel().slot(7).unwrap().stage, TradeStage::Closed);
    assert_eq!(again.venue.asked, Vec::<String>::new());
}

#[test]
fn a_request_leaves_only_after_its_cause_is_durable() {
    let directory = Directory::new();
    let mut rig = begun(&directory);
    let before = rig.engine.kernel().seq();
    rig.engine.push(intent(0, 0, Action::Enter), true).unwrap();
    let Progress::Call(_) = rig.engine.run() else { panic!("a request leaves") };
    assert!(rig.engine.durable_seq().unwrap() > before);
    // What the file system holds by then leads to the same state, whatever else is lost.
    let (again, _) = open(&directory.as_if_killed());
    assert_eq!(again.engine.kernel().seq(), rig.engine.kernel().seq());
}

#[test]
fn a_batch_becomes_durable_by_one_sync_and_its_answers_come_in_order() {
    let directory = Directory::new();
    let (watch, disk) = Watch::over(directory.disk(), u64::MAX);
    let settings = LogSettings {
        policy: SyncPolicy::Batch { delay_us_max: 60_000_000, records_max: 1_000_000 },
        ..LogSettings::default()
    };
    let (mut rig, _) = open_on(disk, &settings).unwrap();
    rig.begin();
    let before = watch.syncs();
    let tickets: Vec<Ticket> = (0..256)
        .map(|slot| rig.engine.push_batched(intent(slot, slot, Action::Enter), true).unwrap().unwrap())
        .collect();
    rig.drain();
    assert_eq!(watch.syncs() - before, 1);
    let expected: Vec<String> = (0..256).map(|slot| format!("submit {slot}")).collect();
    assert_eq!(rig.venue.asked, expected);
    for ticket in tickets {
        let answer = rig.engine.take_answer(ticket).unwrap();
        assert_eq!(answer.outcome.state, Some(TradeStage::PositionOpen));
        assert!(answer.durable);
    }
}

#[test]
fn a_note_and_the_intents_that_it_comes_with_are_there_together_wherever_a_kill_cuts_the_file() {
    let directory = Directory::new();
    let mut rig = begun(&directory);
    rig.engine.sync_log().unwrap();
    let segment = directory.0.join(segment_name(1));
    let before = directory.as_if_killed();
    let from = std::fs::metadata(&segment).unwrap().len();
    let note = Note { told_seq: 3, time_ns: 0, text: "with them".into() };
    rig.engine.push_noted(intent(0, 0, Action::Enter), true, id("mine"), note).unwrap();
    rig.engine.push_batched(intent(1, 1, Action::Enter), true).unwrap();
    let Progress::Call(_) = rig.engine.run() else { panic!("a request leaves") };
    let bytes = std::fs::read(&segment).unwrap();
    let to = bytes.len() as u64;
    let kinds: Vec<&str> = records(&directory).into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds[kinds.len() - 3..], ["NOTE", "INTENT", "INTENT"]);
    let mut whole = Vec::new();
    for length in (from..to).step_by(5).chain([to]) {
        // Killed while they are written, so nothing of them was synced.
        let killed = before.as_if_killed();
        std::fs::write(killed.0.join(segment_name(1)), &bytes[..length as usize]).unwrap();
        let (again, _) = open(&killed);
        let noted = again.engine.noted(&id("mine")).is_some();
        let taken = [0, 1].map(|slot| !again.engine.kernel().slot(slot).unwrap().stage.is_free());
        assert_eq!(taken, [noted; 2], "cut at {length} of {from} to {to}");
        whole.extend(noted.then_some(length));
    }
    assert_eq!(whole, [to]);
    // What comes after them counts by itself.
    rig.drain();
    rig.trade(2, 2);
    let (again, _) = open(&directory.as_if_killed());
    assert_eq!(again.engine.kernel().state_hash(), rig.engine.kernel().state_hash());
}

#[test]
fn a_batch_that_enters_and_exits_one_slot_does_so_in_turn() {
    let directory = Directory::new();
    let mut rig = begun(&directory);
    let tickets: Vec<Ticket> = [Action::Enter, Action::Exit]
        .into_iter()
        .map(|action| rig.engine.push_batched(intent(0, 0, action), true).unwrap().unwrap())
        .collect();
    rig.drain();
    for ticket in tickets {
        assert!(rig.engine.take_answer(ticket).unwrap().outcome.accepted);
    }
    assert_eq!(rig.engine.kernel().slot(0).unwrap().stage, TradeStage::Closed);
}

#[test]
fn of_many_marks_only_the_one_that_something_reads_is_logged() {
    let directory = Directory::new();
    let mut rig = begun(&directory);
    let before = rig.engine.kernel().seq();
    for price in 0..1_000 {
        rig.mark(&format!("{}", 100 + price % 7));
    }
    assert_eq!(rig.engine.kernel().seq(), before);
    rig.mark("99.5");
    rig.engine.settle_marks().unwrap();
    assert_eq!(rig.engine.kernel().seq(), before + 1);
    let rules = &rig.engine.kernel().instruments()[0];
    let price = rig.engine.kernel().valuation_price(0).unwrap();
    assert_eq!(rules.price_decimal(price).to_string(), "99.5");
    rig.engine.sync_log().unwrap();
    let marks = records(&directory).iter().filter(|(_, kind)| *kind == "MARK").count();
    assert_eq!(marks, 1, "nothing read the ones before");
}

/// A fill of the first trade, long after its order was forgotten.
fn fill_again(trade: &str, order: &str) -> Input {
    let mut fill = VenueEvent::new(Kind::FullFill, 0);
    fill.asset = id("BTCUSDT");
    fill.order_side = Some(OrderSide::Buy);
    fill.venue_order_id = id(order);
    fill.venue_trade_id = id(trade);
    fill.size = Some(dec("0.5"));
    fill.price = Some(dec("100"));
    Input::Venue(Box::new(fill))
}

#[test]
fn a_fill_that_the_memory_has_forgotten_is_found_in_the_log() {
    let directory = Directory::new();
    let mut rig = begun(&directory);
    for number in 0..30 {
        rig.trade(number, 0);
    }
    let before = rig.k();
    let known = rig.ask(fill_again("T1", "V1"));
    assert_eq!((known.outcome.accepted, known.outcome.code), (true, Code::DuplicateEvent));
    assert_eq!(rig.k(), before);
    // The same with the time of its second telling, which is no time of the fill: the log knows it all the same.
    let mut restamped = fill_again("T1", "V1");
    if let Input::Venue(event) = &mut restamped {
        event.timestamp_ns = i64::MAX / 2;
    }
    assert_eq!(rig.ask(restamped).outcome.code, Code::DuplicateEvent);
    assert_eq!(rig.k(), before);
    let new = rig.ask(fill_again("T-late", "V-late"));
    assert_eq!((new.outcome.accepted, new.outcome.code), (true, Code::UnknownOrder));
    let book = |rig: &Rig| rig.engine.kernel().book(0)[0].qty;
    let held = book(&rig);
    let again = rig.ask(fill_again("T-late", "V-late"));
    assert_eq!(book(&rig), held);
    assert_eq!(again.outcome.code, Code::DuplicateEvent);
    // A later fill makes the order a stranger's: those before it are in the log all the same, whatever their time.
    let partial = |trade: &str, total: &str| {
        let mut fill = fill_again(trade, "V5");
        if let Input::Venue(event) = &mut fill {
            (event.kind, event.filled_size, event.timestamp_ns) =
                (Kind::PartialFill, Some(dec(total)), i64::MAX / 2);
        }
        fill
    };
    assert_eq!(rig.ask(partial("T-more", "1")).outcome.code, Code::UnknownOrder);
    let held = book(&rig);
    assert_eq!(rig.ask(partial("T5", "0.5")).outcome.code, Code::DuplicateEvent);
    assert_eq!(book(&rig), held);
    // And after a restart, from the log's index as well; replay asks no index.
    let (mut again, _) = open(&directory.as_if_killed());
    assert_eq!(again.engine.kernel().state_hash(), rig.engine.kernel().state_hash());
    again.drain();
    assert_eq!(again.ask(fill_again("T3", "V3")).outcome.code, Code::DuplicateEvent);
}

#[test]
fn a_late_fill_after_the_opening_of_a_log_with_damaged_indexes_is_found_and_stops_nothing() {
    let directory = Directory::new();
    let settings = LogSettings { segment_bytes_max: 1 << 13, ..LogSettings::default() };
    let (mut rig, _) = open_on(directory.disk(), &settings).unwrap();
    rig.begin();
    for number in 0..120 {
        rig.trade(number, 0);
    }
    let copy = directory.as_if_killed();
    let indexes: Vec<_> = std::fs::read_dir(&copy.0)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "idx"))
        .collect();
    assert!(indexes.len() > 1, "it has sealed segments");
    for path in &indexes {
        let mut bytes = std::fs::read(path).unwrap();
        // Among the keys, where only a look-up used to read.
        bytes[100] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }
    let (mut again, recovery) = open_on(copy.disk(), &settings).unwrap();
    assert_eq!(recovery.remarks.len(), indexes.len(), "{:?}", recovery.remarks);
    again.drain();
    for number in [1, 31, 61, 91] {
        let late = again.ask(fill_again(&format!("T{number}"), &format!("V{number}")));
        assert_eq!(late.outcome.code, Code::DuplicateEvent, "trade {number}");
    }
}

#[test]
fn a_fill_whose_correction_came_first_is_found_in_the_log_too() {
    for kind in [Kind::TradeCorrect, Kind::TradeBust] {
        let directory = Directory::new();
        let mut rig = begun(&directory);
        rig.trade(0, 0);
        let Input::Venue(mut ahead) = fill_again("C-ahead", "V1") else { panic!("a fill") };
        ahead.kind = kind;
        ahead.rare = Some(Box::new(RareFields { ref_trade_id: id("T-ahead"), ..RareFields::default() }));
        assert!(rig.ask(Input::Venue(ahead)).outcome.accepted, "{kind}");
        // What the correction reopened is closed again, or its order would stay in mind.
        let Input::Intent(mut exit) = intent(0, 0, Action::Exit) else { panic!("an intent") };
        exit.intent_id = id("again");
        let _nothing_to_exit = rig.ask(Input::Intent(exit));
        for number in 1..30 {
            rig.trade(number, 0);
        }
        let before = (rig.k(), rig.engine.kernel().book(0)[0].qty);
        let late = rig.ask(fill_again("T-ahead", "V1"));
        assert_eq!(late.outcome.code, Code::DuplicateEvent, "{kind}: it is booked as it was corrected");
        assert_eq!((rig.k(), rig.engine.kernel().book(0)[0].qty), before, "{kind}");
    }
}

/// The venue's figures of a fill, which may say how much was bought (+) or sold (-).
fn settled(trade: &str, size: Option<&str>) -> Input {
    let mut event = AccountEvent::new(AccountEventKind::FillSettled, 0);
    event.symbol = id("BTCUSDT");
    event.venue_trade_id = id(trade);
    event.size = size.map(dec);
    event.fee = Some(dec("0.07"));
    Input::Account(Box::new(event))
}

impl Rig {
    /// What a settlement comes to, and what it has cost. The core's own memory knows nothing of the fill.
    fn settle_forgotten(&mut self, trade: &str, size: Option<&str>) -> (bool, Code, String) {
        assert!(self.forgets(trade), "{trade} is remembered");
        let wallet = |rig: &Rig| rig.engine.kernel().ledger().balance(0, Account::Wallet);
        let before = wallet(self);
        let outcome = self.ask(settled(trade, size)).outcome;
        (outcome.accepted, outcome.code, (before - wallet(self)).to_string())
    }

    fn forgets(&self, trade: &str) -> bool {
        self.engine.kernel().orders().by_fill(0, &id(trade), None).is_none()
    }
}

#[test]
fn a_settlement_of_a_fill_that_is_booked_and_forgotten_is_refused() {
    let directory = Directory::new();
    let mut rig = begun(&directory);
    for number in 0..30 {
        rig.trade(number, 0);
    }
    // Of each trade the first was bought and the second sold: the log knows that, and not what is settled of it.
    for (trade, size) in [("T1", Some("0.5")), ("T2", Some("-0.5")), ("T1", None), ("T2", None)] {
        let refused = (false, Code::ReconcileRequired, "0".into());
        assert_eq!(rig.settle_forgotten(trade, size), refused, "{trade} {size:?}");
    }
}

#[test]
fn a_settlement_that_is_forgotten_with_its_fill_is_known_as_it_was_told() {
    for told in [Some("0.5"), None] {
        let directory = Directory::new();
        let mut rig = begun(&directory);
        rig.trade(0, 0);
        assert_eq!(rig.ask(settled("T1", told)).outcome.code, Code::Ok, "{told:?}");
        for number in 1..30 {
            rig.trade(number, 0);
        }
        let known = (true, Code::DuplicateEvent, "0".into());
        assert_eq!(rig.settle_forgotten("T1", told), known, "{told:?}");
        // In other words it may be of another fill of that id, and of T1 nothing says that it is settled.
        let otherwise = if told.is_some() { None } else { Some("0.5") };
        let refused = (false, Code::ReconcileRequired, "0".into());
        assert_eq!(rig.settle_forgotten("T1", otherwise), refused, "{told:?}");
    }
}

#[test]
fn a_settlement_of_a_fill_that_the_log_has_never_seen_is_booked_ahead_of_it_once() {
    // The last is the other half of a trade with ourselves: T1 was bought.
    for (trade, size) in [("new", Some("0.5")), ("new", Some("-0.5")), ("new", None), ("T1", Some("-0.5"))] {
        let directory = Directory::new();
        let mut rig = begun(&directory);
        for number in 0..30 {
            rig.trade(number, 0);
        }
        let booked = (true, Code::ReconcileRequired, "0.07".into());
        assert_eq!(rig.settle_forgotten(trade, size), booked, "{trade} {size:?}");
        // Settlements whose fills never came are remembered longer than others, and not for ever.
        for number in 0..8 {
            assert!(rig.ask(settled(&format!("never-{number}"), None)).outcome.accepted);
        }
        for number in 30..60 {
            rig.trade(number, 0);
        }
        let known = (true, Code::DuplicateEvent, "0".to_owned());
        assert_eq!(rig.settle_forgotten(trade, size), known, "{trade} {size:?}");
        // Told in other words it is the same one, as long as no fill of that id says otherwise.
        let others = if size.is_some() { &[None][..] } else { &[Some("0.5"), Some("-0.5")] };
        for other in others {
            let known =
                if trade == "T1" { (false, Code::ReconcileRequired, "0".into()) } else { known.clone() };
            assert_eq!(rig.settle_forgotten(trade, *other), known, "{trade} {size:?}, then {other:?}");
        }
        // Replay asks no index: the verdicts are in the log.
        let (again, _) = open(&directory.as_if_killed());
        assert_eq!(again.engine.kernel().state_hash(), rig.engine.kernel().state_hash(), "{trade} {size:?}");
    }
}

#[test]
fn a_strangers_fill_that_is_remembered_may_still_bring_its_fee() {
    let directory = Directory::new();
    let mut rig = begun(&directory);
    let before = rig.engine.kernel().ledger().balance(0, Account::Wallet);
    let told = |fee: Option<&str>| {
        let mut fill = fill_again("T-other", "");
        if let Input::Venue(event) = &mut fill {
            event.fee = fee.map(dec);
        }
        fill
    };
    assert_eq!(rig.ask(told(None)).outcome.code, Code::UnknownOrder);
    assert!(rig.ask(told(Some("0.07"))).outcome.accepted);
    let paid = before - rig.engine.kernel().ledger().balance(0, Account::Wallet);
    assert_eq!(paid.to_string(), "0.07", "the fee that was told, and not the one that was predicted");
}

#[test]
fn a_log_that_cannot_be_synced_lets_nothing_leave() {
    let directory = Directory::new();
    let mut rig = begun(&directory);
    rig.engine.close_log().unwrap();
    let (watch, disk) = Watch::over(directory.disk(), 8);
    let settings = LogSettings { policy: SyncPolicy::Always, ..LogSettings::default() };
    let (mut rig, _) = open_on(disk, &settings).unwrap();
    let mut left = VecDeque::new();
    for number in 0..20 {
        if rig.engine.push(intent(number, number, Action::Enter), true).is_err() {
            break;
        }
        loop {
            match rig.engine.run() {
                Progress::Call(call) => left.push_back(call.command),
                Progress::Quiet => break,
                Progress::Yield => {}
                Progress::Failed(error) => {
                    assert!(matches!(error, EngineError::Log(_)), "{error}");
                    break;
                }
            }
        }
    }
    assert!(watch.syncs() >= 8, "the disk never failed");
    let refused = rig.engine.push(Input::Time, false);
    assert!(matches!(refused, Err(EngineError::Log(LogError::Io { .. }))), "{refused:?}");
    drop(rig);
    let (again, _) = open(&directory);
    for command in left {
        let Command::Submit(order) = command else { continue };
        let known = again.engine.kernel().orders().by_client_id(&order.venue_client_id);
        assert!(known.is_some(), "an order left that the log does not know");
    }
}

#[test]
fn another_kernels_log_is_refused_with_both_settings() {
    let directory = Directory::new();
    drop(begun(&directory));
    let config = EngineConfig {
        kernel: KernelConfig { hedge_mode: true, ..kernel_config() },
        ..EngineConfig::default()
    };
    let opened =
        Engine::recover(config, Port::Foreign, directory.disk(), &LogSettings::default(), &mut |_| {});
    let Err(error) = opened else { panic!("it opened") };
    let text = error.to_string();
    assert!(text.contains("hedge_mode=false") && text.contains("hedge_mode=true"), "{text}");
}

#[test]
fn a_snapshot_in_the_midst_of_things_leads_to_the_same_state_as_the_whole_log() {
    let directory = Directory::new();
    let settings = LogSettings { snapshot_records: 40, ..LogSettings::default() };
    let (mut rig, _) = open_on(directory.disk(), &settings).unwrap();
    rig.begin();
    for number in 0..40 {
        rig.trade(number, number % 5);
    }
    let hash = rig.engine.kernel().state_hash();
    let killed = directory.as_if_killed();
    let (from_snapshot, recovery) = open(&killed);
    assert!(recovery.snapshot_seq.is_some() && recovery.replayed < 60, "{recovery:?}");
    assert_eq!(from_snapshot.engine.kernel().state_hash(), hash);
    drop(from_snapshot);
    let genesis = directory.as_if_killed();
    for entry in std::fs::read_dir(&genesis.0).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "snap") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let (whole, recovery) = open(&genesis);
    assert_eq!(recovery.snapshot_seq, None);
    assert_eq!(whole.engine.kernel().state_hash(), hash);
}

#[test]
fn a_snapshot_that_this_build_cannot_take_costs_time_and_nothing_else() {
    let directory = Directory::new();
    let mut rig = begun(&directory);
    rig.trade(0, 0);
    let (hash, seq) = (rig.engine.kernel().state_hash(), rig.engine.kernel().seq());
    let killed = directory.as_if_killed();
    let config = dita_log::Config::new(&dita_engine::identity(&kernel_config()), dita_kernel::RULES_VERSION);
    let (mut log, found) = dita_log::Log::open(killed.disk(), config, &|_, _, _| {}).unwrap();
    log.write_snapshot(found.last_seq, 0, b"a state in another shape", &[0; 32]).unwrap();
    log.close().unwrap();
    let (again, recovery) = open(&killed);
    assert_eq!((recovery.snapshot_seq, recovery.replayed), (None, seq));
    assert!(recovery.remarks.iter().any(|remark| remark.contains("everything was replayed")), "{recovery:?}");
    assert_eq!(again.engine.kernel().state_hash(), hash);
}
