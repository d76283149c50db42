//! What is put is taken as it was, whatever is there of it and whatever is not.

use dita_kernel::codec;
use dita_kernel::input::{Attachment, Provenance, RareFields};

use super::*;

/// Where an input begins in its room: behind the head.
const AT: usize = HEAD_BYTES;
/// What was in the room before.
const BEFORE: u8 = 0xA5;

/// Numbers that are as good as random, and the same each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn number(&mut self) -> i64 {
        let any = self.next().cast_signed();
        self.pick(&[0, 1, -1, i64::MAX, i64::MIN, 1_700_000_000_000_000_000, any])
    }

    fn decimal(&mut self) -> Decimal {
        let word = 1_i128 << 64;
        let any = i128::from(self.next()) << 31 | i128::from(self.next());
        let mantissa =
            self.pick(&[0, 1, 618_003, word - 1, word, word + 1, (1 << 95) - 1, any % (1 << 95), any >> 50]);
        let signed = if self.below(2) == 0 { mantissa } else { -mantissa };
        let lowest = if self.below(20) == 0 { -(1 << 95) } else { signed };
        Decimal::new(lowest, self.below(29) as u8).unwrap()
    }

    /// Of every length, of ASCII or not.
    fn id(&mut self) -> Id {
        let length = 1 + self.below(ID_BYTES_MAX);
        let mut text: String = (0..length).map(|_| char::from(b'!' + self.below(94) as u8)).collect();
        if length > 1 && self.below(4) == 0 {
            text.truncate(length - 2);
            text.push('ß');
        }
        Id::new(&text).unwrap()
    }
}

/// Parts that are there so often, of a hundred.
struct Source {
    chance: Chance,
    percent: usize,
}

impl Source {
    fn new(seed: u64) -> Source {
        let mut chance = Chance(seed);
        let percent = chance.pick(&[0, 5, 50, 95, 100]);
        Source { chance, percent }
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Chance) -> T) -> Option<T> {
        (self.chance.below(100) < self.percent).then(|| make(&mut self.chance))
    }

    fn id(&mut self) -> Id {
        self.maybe(Chance::id).unwrap_or_default()
    }

    fn decimal(&mut self) -> Option<Decimal> {
        self.maybe(Chance::decimal)
    }

    fn intent(&mut self) -> Intent {
        Intent {
            timestamp_ns: self.chance.number(),
            intent_id: self.id(),
            trade_id: self.id(),
            slot_id: self.chance.next() as u32,
            asset: self.id(),
            side: self.chance.pick(TradeSide::ALL),
            action: self.chance.pick(KernelCommandType::ALL),
            reference_price: self.decimal(),
            target_size: self.decimal(),
            leverage: self.decimal(),
            exit_leg_ratios: Vec::new(),
            reason: self.id(),
            stage: self.id(),
            order_type: self.chance.pick(OrderType::ALL),
            limit_price: self.decimal(),
            time_in_force: self.chance.pick(TimeInForce::ALL),
            expire_time_ns: self.maybe(Chance::number),
            post_only: self.chance.below(2) == 0,
            reduce_only: self.chance.below(2) == 0,
            trigger_price: self.decimal(),
            quote_size: self.decimal(),
            oco_group: self.id(),
            target_client_id: self.id(),
            owner: self.id(),
            valid_until_ns: self.maybe(Chance::number),
            metadata: "".into(),
            provenance: None,
            attached: None,
        }
    }

    fn venue_event(&mut self) -> VenueEvent {
        VenueEvent {
            timestamp_ns: self.chance.number(),
            received_ns: self.chance.number(),
            kind: self.chance.pick(KernelEventKind::ALL),
            status: self.maybe(|chance| chance.pick(VenueOrderStatus::ALL)),
            order_side: self.maybe(|chance| chance.pick(OrderSide::ALL)),
            position_side: self.maybe(|chance| chance.pick(PositionSide::ALL)),
            side: self.maybe(|chance| chance.pick(TradeSide::ALL)),
            liquidity: self.maybe(|chance| chance.pick(Liquidity::ALL)),
            slot_id: self.maybe(|chance| chance.next() as u32),
            event_id: self.id(),
            trade_id: self.id(),
            venue_order_id: self.id(),
            venue_client_id: self.id(),
            asset: self.id(),
            price: self.decimal(),
            size: self.decimal(),
            filled_size: self.decimal(),
            remaining_size: self.decimal(),
            order_size: self.decimal(),
            order_price: self.decimal(),
            average_price: self.decimal(),
            venue_trade_id: self.id(),
            fee: self.decimal(),
            fee_asset: self.id(),
            realized_pnl: self.maybe(Chance::decimal),
            venue_sequence: self.maybe(Chance::number),
            rare: None,
        }
    }

    fn account_event(&mut self) -> AccountEvent {
        AccountEvent {
            kind: self.chance.pick(AccountEventKind::ALL),
            timestamp_ns: self.chance.number(),
            event_id: self.id(),
            venue_txn_id: self.id(),
            asset: self.id(),
            symbol: self.id(),
            venue_trade_id: self.id(),
            amount: self.decimal(),
            realized_pnl: self.decimal(),
            fee: self.decimal(),
            fee_asset: self.id(),
            wallet_balance: self.decimal(),
            available_margin: self.decimal(),
            used_margin: self.decimal(),
            maint_margin: self.decimal(),
            position_side: self.maybe(|chance| chance.pick(PositionSide::ALL)),
            size: self.decimal(),
            entry_price: self.decimal(),
            rate: self.decimal(),
            mark_price: self.decimal(),
            venue_sequence: self.maybe(Chance::number),
        }
    }

    fn mark(&mut self) -> Input {
        Input::Mark {
            symbol: self.id(),
            price: self.chance.decimal(),
            venue_time_ns: self.chance.number(),
            ages: false,
        }
    }
}

/// Its bytes in this form, where nothing was before it.
fn raw(input: &Input) -> Option<Vec<u8>> {
    raw_after(&mut Before::default(), input)
}

/// Its bytes in this form.
fn raw_after(before: &mut Before, input: &Input) -> Option<Vec<u8>> {
    let mut room = [BEFORE; ROOM];
    let end = put(input, &mut room, AT, before)?;
    assert_eq!(room[..AT], [BEFORE; AT], "the head is another's");
    Some(room[AT..end].to_vec())
}

/// What is read where nothing was before it.
fn taken(bytes: &[u8]) -> Option<Input> {
    take(bytes, &mut Before::default())
}

fn encoded(input: &Input) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(input, &mut bytes).unwrap();
    bytes
}

fn check(input: &Input) {
    let bytes = raw(input).unwrap_or_else(|| panic!("it has no raw form: {input:?}"));
    let taken = taken(&bytes).unwrap_or_else(|| panic!("it cannot be read: {input:?}"));
    // The codec's bytes tell more than being equal: 0.10 from 0.1.
    assert_eq!(encoded(&taken), encoded(input), "{input:?}");
    assert_eq!(taken, *input);
}

#[test]
fn what_is_put_is_taken_as_it_was() {
    for seed in 0..20_000 {
        let mut source = Source::new(seed);
        check(&Input::Intent(Box::new(source.intent())));
        check(&Input::Venue(Box::new(source.venue_event())));
        check(&Input::Account(Box::new(source.account_event())));
        check(&source.mark());
    }
}

/// Inputs of one trade, and of others.
#[test]
fn ids_that_come_again_are_taken_as_they_were() {
    for seed in 0..2_000 {
        let mut source = Source::new(seed);
        let ids: Vec<Id> = (0..3).map(|_| source.id()).collect();
        let (mut writer, mut reader) = (Before::default(), Before::default());
        for _ in 0..20 {
            let mut id = || source.chance.pick(&[0, 0, 0, 1, 2]);
            let [trade, order, client, asset] = [id(), id(), id(), id()].map(|at| ids[at].clone());
            let input = match source.chance.below(4) {
                0 => Input::Intent(Box::new(Intent { trade_id: trade, asset, ..source.intent() })),
                1 | 2 => Input::Venue(Box::new(VenueEvent {
                    trade_id: trade,
                    venue_order_id: order,
                    venue_client_id: client,
                    asset,
                    ..source.venue_event()
                })),
                _ => Input::Account(Box::new(AccountEvent { asset, ..source.account_event() })),
            };
            let bytes = raw_after(&mut writer, &input).unwrap();
            let taken = take(&bytes, &mut reader).unwrap_or_else(|| panic!("it cannot be read: {input:?}"));
            assert_eq!(encoded(&taken), encoded(&input), "{input:?}");
        }
    }
}

#[test]
fn an_id_that_comes_again_takes_no_byte() {
    let event = |trade: &str| {
        let ids = |text: &str| Id::new(text).unwrap();
        Input::Venue(Box::new(VenueEvent {
            trade_id: ids(trade),
            asset: ids("BTCUSDT"),
            ..VenueEvent::new(KernelEventKind::OrderAck, 0)
        }))
    };
    let mut before = Before::default();
    let mut length = |trade| raw_after(&mut before, &event(trade)).unwrap().len();
    let (first, again, other, none) = (length("t1"), length("t1"), length("t2"), length(""));
    assert_eq!((first - again, other - again, none - again), (3 + 8, 3, 1));
}

#[test]
fn ids_of_every_length_are_taken_as_they_were() {
    for length in 0..=ID_BYTES_MAX {
        let text: String = (0..length).map(|at| char::from(b'0' + at as u8)).collect();
        let symbol = Id::new(&text).unwrap();
        check(&Input::Mark { symbol, price: Decimal::ONE, venue_time_ns: 0, ages: false });
    }
}

#[test]
fn every_name_is_taken_as_it_was() {
    let mut source = Source { chance: Chance(1), percent: 100 };
    for place in 0..usize::from(ABSENT) {
        let (mut intent, mut event, mut account) =
            (source.intent(), source.venue_event(), source.account_event());
        fn at<T: Copy>(names: &[T], place: usize) -> T {
            names[place % names.len()]
        }
        intent.side = at(TradeSide::ALL, place);
        intent.action = at(KernelCommandType::ALL, place);
        intent.order_type = at(OrderType::ALL, place);
        intent.time_in_force = at(TimeInForce::ALL, place);
        event.kind = at(KernelEventKind::ALL, place);
        event.status = Some(at(VenueOrderStatus::ALL, place));
        event.order_side = Some(at(OrderSide::ALL, place));
        event.position_side = Some(at(PositionSide::ALL, place));
        event.side = Some(at(TradeSide::ALL, place));
        event.liquidity = Some(at(Liquidity::ALL, place));
        account.kind = at(AccountEventKind::ALL, place);
        account.position_side = Some(at(PositionSide::ALL, place));
        check(&Input::Intent(Box::new(intent)));
        check(&Input::Venue(Box::new(event)));
        check(&Input::Account(Box::new(account)));
    }
}

#[test]
fn the_longest_inputs_have_room() {
    let id = Id::new(&"x".repeat(ID_BYTES_MAX)).unwrap();
    let most = Decimal::new(-(1 << 95), 28).unwrap();
    let mut source = Source { chance: Chance(2), percent: 100 };
    let (mut intent, mut event, mut account) =
        (source.intent(), source.venue_event(), source.account_event());
    macro_rules! set {
        ($whole:ident: $($part:ident)+ = $value:expr) => { $($whole.$part = $value;)+ };
    }
    set!(intent: intent_id trade_id asset reason stage oco_group target_client_id = id.clone());
    set!(intent: reference_price target_size leverage limit_price trigger_price quote_size = Some(most));
    set!(event: event_id trade_id venue_order_id venue_client_id asset venue_trade_id fee_asset = id.clone());
    set!(event: price size filled_size remaining_size order_size order_price average_price fee = Some(most));
    set!(account: event_id venue_txn_id asset symbol venue_trade_id fee_asset = id.clone());
    set!(account: amount realized_pnl fee wallet_balance available_margin used_margin maint_margin = Some(most));
    set!(account: size entry_price rate mark_price = Some(most));
    check(&Input::Intent(Box::new(intent)));
    check(&Input::Venue(Box::new(event)));
    check(&Input::Account(Box::new(account)));
}

#[test]
fn what_has_a_seldom_part_has_no_such_form() {
    let mut source = Source { chance: Chance(3), percent: 50 };
    let plain = source.intent();
    for input in [
        Intent { exit_leg_ratios: vec![Decimal::ONE], ..plain.clone() },
        Intent { metadata: "{}".into(), ..plain.clone() },
        Intent { provenance: Some(Box::new(Provenance::default())), ..plain.clone() },
        Intent { attached: Some(Box::new(Attachment::NONE)), ..plain },
    ] {
        assert_eq!(raw(&Input::Intent(Box::new(input))), None);
    }
    let event = VenueEvent { rare: Some(Box::new(RareFields::default())), ..source.venue_event() };
    assert_eq!(raw(&Input::Venue(Box::new(event))), None);
    assert_eq!(raw(&Input::Time), None);
}

#[test]
fn bytes_that_are_none_of_it_are_refused() {
    assert_eq!(taken(&[MARK + 1]), None, "of no kind");
    for percent in [0, 50, 100] {
        let mut source = Source { chance: Chance(4), percent };
        only_bytes_of_it_are_read(&Input::Intent(Box::new(source.intent())));
        only_bytes_of_it_are_read(&Input::Venue(Box::new(source.venue_event())));
        only_bytes_of_it_are_read(&Input::Account(Box::new(source.account_event())));
        only_bytes_of_it_are_read(&source.mark());
    }
}

#[test]
fn what_could_be_shorter_is_refused() {
    let mark = |price: &[u8]| taken(&[&[MARK], &[0; 9][..], price, &[1, b'x']].concat());
    let one =
        Input::Mark { symbol: Id::new("x").unwrap(), price: Decimal::ONE, venue_time_ns: 0, ages: false };
    assert_eq!(mark(&[0, 1, 0, 0, 0]), Some(one));
    assert_eq!(mark(&[1 << LENGTH_SHIFT, 1, 0, 0, 0, 0, 0, 0, 0]), None);
    assert_eq!(mark(&[2 << LENGTH_SHIFT, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None);
    assert_eq!(mark(&[&[3 << LENGTH_SHIFT, 1][..], &[0; 15]].concat()), None, "of no length");

    let trade_id = Id::new("t1").unwrap();
    let event = VenueEvent { trade_id: trade_id.clone(), ..VenueEvent::new(KernelEventKind::OrderAck, 0) };
    let bytes = raw(&Input::Venue(Box::new(event))).unwrap();
    assert!(taken(&bytes).is_some());
    assert_eq!(take(&bytes, &mut Before { trade_id, ..Before::default() }), None, "it was there before");
}

fn only_bytes_of_it_are_read(input: &Input) {
    let bytes = raw(input).unwrap();
    for end in 0..bytes.len() {
        assert_eq!(taken(&bytes[..end]), None, "cut at {end}: {input:?}");
    }
    assert_eq!(taken(&[&bytes[..], &[0]].concat()), None, "a byte too many: {input:?}");
    for at in 1..bytes.len() {
        for bit in 0..8 {
            let mut other = bytes.clone();
            other[at] ^= 1 << bit;
            // Whatever it is now, it is nothing, or another input: one input has one form.
            if let Some(taken) = taken(&other) {
                assert_ne!(encoded(&taken), encoded(input), "bit {bit} of byte {at}");
            }
        }
    }
}
