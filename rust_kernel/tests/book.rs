//! A book, without the kernel around it: whatever is changed in it, it is worth what it would be had it been so all along.

use dita_kernel::book::{Book, ENTRIES_KEPT, Entry, Execution, Gone, as_booked};
use dita_kernel::num::{Money, Qty};
use dita_kernel::order::OrderRef;
use dita_kernel::position::Basis;
use proptest::prelude::*;

const DECIMALS: Option<u8> = Some(8);
const SECOND: i64 = 1_000_000_000;

fn order(number: u64) -> OrderRef {
    OrderRef { place: 0, number }
}

fn worth(qty: i128, price: i128) -> Money {
    Money(qty * price * 1_000_000_007)
}

fn execution(at: u64, time_ns: i64, (qty, price): (i128, i128)) -> Execution {
    Execution { order: order(at), time_ns, sequence: at as i64 + 1, qty: Qty(qty), value: worth(qty, price) }
}

/// A book of executions, a minute apart, and their numbers.
fn book(executions: &[(i128, i128)]) -> (Book, Vec<u64>) {
    let mut book = Book::default();
    let numbers = executions.iter().zip(1..).map(|(&(qty, price), at)| {
        let time_ns = i64::from(at) * 60 * SECOND;
        book.execute(&execution(u64::from(at as u32), time_ns, (qty, price))).0
    });
    let numbers = numbers.collect();
    (book, numbers)
}

/// What the wallet has of the executions that are in the window, as the fold says.
fn booked(book: &Book) -> Money {
    book.entries().fold(Money::ZERO, |sum, (_, entry)| sum + as_booked(entry.figures().2, DECIMALS))
}

fn exact(book: &Book) -> Money {
    book.entries().fold(Money::ZERO, |sum, (_, entry)| sum + entry.figures().2)
}

fn executions() -> impl Strategy<Value = Vec<(i128, i128)>> {
    let one = (prop_oneof![-9_i128..0, 1_i128..10], 90_i128..110);
    prop::collection::vec(one, 1..40)
}

proptest! {
    #[test]
    fn a_change_leaves_the_book_that_it_would_have_been(
        before in executions(),
        after in executions(),
        turns in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let count = before.len().min(after.len());
        let (mut changed, numbers) = book(&before[..count]);
        let (first, first_booked) = (exact(&changed), booked(&changed));
        let (mut moved, mut wallet) = (Money::ZERO, Money::ZERO);
        let mut order: Vec<usize> = (0..count).collect();
        for (at, turn) in turns.iter().enumerate().take(count) {
            order.swap(at, turn.index(count));
        }
        let mut missing: Vec<usize> = (0..count).filter(|at| !order.contains(at)).collect();
        order.append(&mut missing);
        for at in order {
            let (qty, price) = after[at];
            let own = changed.entries().find(|(number, _)| *number == numbers[at]).map(|(_, one)| one.figures().2);
            let refolded = changed.change(numbers[at], Qty(qty), worth(qty, price), DECIMALS).expect("in the window");
            prop_assert!(changed.adds_up());
            let edited = refolded.changed.iter().find(|one| one.number == numbers[at]).expect("the edited one");
            moved += refolded.exact;
            wallet += refolded.booked + edited.booked.expect("not reported")
                - as_booked(own.expect("an entry"), DECIMALS);
        }
        let (wanted, _) = book(&after[..count]);
        prop_assert_eq!(changed.position, wanted.position);
        prop_assert_eq!(exact(&changed), exact(&wanted));
        prop_assert_eq!(first + moved, exact(&wanted), "what it said that it moved");
        prop_assert_eq!(first_booked + wallet, booked(&wanted), "and in the wallet");
    }

    #[test]
    fn executions_in_any_order_leave_the_book_of_the_venues_order(
        all in executions(),
        turns in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let mut received: Vec<usize> = (0..all.len()).collect();
        for (at, turn) in turns.iter().enumerate().take(all.len()) {
            received.swap(at, turn.index(all.len()));
        }
        let mut late = Book::default();
        let mut wallet = Money::ZERO;
        for at in received {
            let one = execution(at as u64 + 1, (at as i64 + 1) * 60 * SECOND, all[at]);
            if late.is_late(one.sequence) {
                let (_, closing, refolded) = late.execute_late(&one, DECIMALS);
                wallet += as_booked(closing.realized, DECIMALS) + refolded.booked;
            } else {
                wallet += as_booked(late.execute(&one).1.realized, DECIMALS);
            }
            prop_assert!(late.adds_up() && late.is_numbered());
        }
        let (wanted, _) = book(&all);
        prop_assert_eq!(late.position, wanted.position);
        prop_assert_eq!((exact(&late), wallet), (exact(&wanted), booked(&wanted)));
    }

    #[test]
    fn an_execution_that_is_taken_back_at_once_has_never_been(before in executions(), which: prop::sample::Index) {
        let at = which.index(before.len());
        let (mut busted, numbers) = book(&before);
        let (qty, price) = before[at];
        let time_ns = (at as i64 + 1) * 60 * SECOND;
        let gone = Gone {
            number: numbers[at],
            order: order(at as u64 + 1),
            time_ns,
            qty: Qty(qty),
            value: worth(qty, price),
            profit: Money::ZERO,
        };
        let first = exact(&busted);
        let (number, refolded) = busted.revise(&gone, time_ns + SECOND, (Qty::ZERO, Money::ZERO), DECIMALS);
        prop_assert_eq!(number, 0);
        let mut others = before.clone();
        others.remove(at);
        let (wanted, _) = book(&others);
        prop_assert!(busted.adds_up());
        prop_assert_eq!(busted.position, wanted.position);
        prop_assert_eq!(exact(&busted), exact(&wanted));
        prop_assert_eq!(first + refolded.exact, exact(&wanted));
    }

    #[test]
    fn an_execution_that_is_taken_back_later_goes_at_the_cost_of_then(before in executions(), which: prop::sample::Index) {
        let at = which.index(before.len());
        let (mut busted, numbers) = book(&before);
        // Independently: every execution, and then the linear way back.
        let (mut basis, mut own) = (Basis::FLAT, Money::ZERO);
        for (nth, &(qty, price)) in before.iter().enumerate() {
            let profit = basis.apply(Qty(qty), worth(qty, price)).realized;
            if nth == at {
                own = profit;
            }
        }
        let (qty, price) = before[at];
        basis.adjust(Qty(-qty), -worth(qty, price) - own);
        let gone = Gone {
            number: numbers[at],
            order: order(at as u64 + 1),
            time_ns: (at as i64 + 1) * 60 * SECOND,
            qty: Qty(qty),
            value: worth(qty, price),
            profit: Money::ZERO,
        };
        let late_ns = 10_000 * SECOND;
        busted.revise(&gone, late_ns, (Qty::ZERO, Money::ZERO), DECIMALS);
        prop_assert!(busted.adds_up());
        prop_assert_eq!(busted.position, basis);
    }

    #[test]
    fn an_execution_in_two_parts_is_the_same_position(before in executions(), which: prop::sample::Index, half in 0_i128..9) {
        let at = which.index(before.len());
        let (qty, price) = before[at];
        let part = half.min(qty.abs()) * qty.signum();
        let (whole, _) = book(&before);
        let (mut parted, numbers) = book(&before);
        let (second, _) = parted.part(numbers[at], Qty(part), worth(part, price), DECIMALS).expect("in the window");
        prop_assert!(parted.adds_up() && parted.has(second) && parted.is_numbered());
        prop_assert_eq!(parted.position.qty, whole.position.qty);
        // Two divisions round where one did.
        prop_assert!((parted.position.cost - whole.position.cost).abs() <= Money(40));
    }

    #[test]
    fn a_reported_profit_stands_whatever_changes_before_it(before in executions(), price in 90_i128..110) {
        let (mut book, numbers) = book(&before);
        let last = *numbers.last().expect("an execution");
        book.set_reported(last, Some(Money(77)));
        let others: Money = book.entries().fold(Money::ZERO, |sum, (number, entry)| {
            if number == last { sum } else { sum + as_booked(entry.figures().2, DECIMALS) }
        });
        let first = as_booked(book.entries().next().expect("one").1.figures().2, DECIMALS);
        let refolded = book.change(numbers[0], Qty(before[0].0), worth(before[0].0, price), DECIMALS).expect("one");
        let after: Money = book.entries().fold(Money::ZERO, |sum, (number, entry)| {
            if number == last { sum } else { sum + as_booked(entry.figures().2, DECIMALS) }
        });
        let edited = refolded.changed.iter().find(|one| one.number == numbers[0]).expect("it").booked;
        let own = if numbers.len() == 1 { Money::ZERO } else { edited.expect("not reported") - first };
        prop_assert_eq!(refolded.booked + own, after - others);
        let kept = refolded.changed.iter().find(|one| one.number == last).expect("the last");
        prop_assert!(kept.booked.is_none());
    }
}

#[test]
fn a_million_executions_take_no_more_room_than_the_window() {
    let mut book = Book::default();
    let mut most = 0;
    for at in 0..1_000_000_u64 {
        let qty = if at % 2 == 0 { 3 } else { -3 };
        book.execute(&execution(at, 0, (qty, 100 + i128::from(at % 7))));
        if at % 1_000 == 0 {
            most = most.max(book.entries().count());
        }
    }
    most = most.max(book.entries().count());
    assert!(most > ENTRIES_KEPT && most <= 2 * ENTRIES_KEPT, "{most} entries");
    assert_eq!(size_of::<Entry>(), 128, "bytes an entry");
    assert!(book.adds_up());
}

#[test]
fn an_execution_behind_the_window_is_taken_back_by_what_it_did() {
    let count = 3 * ENTRIES_KEPT as i128;
    let executions: Vec<(i128, i128)> = (0..count).map(|at| (1, 100 + at % 5)).collect();
    let (mut book, numbers) = book(&executions);
    let (before, old) = (book.position, numbers[3]);
    assert!(!book.has(old));
    assert!(book.change(old, Qty(1), worth(1, 50), DECIMALS).is_none(), "it is known to its order alone");
    assert_eq!(book.position, before, "and nothing has moved");
    let value = worth(1, 103);
    let refolded = book.change_base(Qty::ZERO, worth(1, 50) - value, DECIMALS);
    assert_eq!((book.position.cost, refolded.exact), (before.cost + worth(1, 50) - value, Money::ZERO));
    let gone = Gone {
        number: old,
        order: order(4),
        time_ns: 1,
        qty: Qty(1),
        value: worth(1, 50),
        profit: Money::ZERO,
    };
    let (_, refolded) = book.revise(&gone, 1_000_000 * SECOND, (Qty::ZERO, Money::ZERO), DECIMALS);
    assert_eq!(book.position, Basis { qty: before.qty - Qty(1), cost: before.cost - value });
    assert_eq!(refolded.exact, Money::ZERO);
    assert!(book.adds_up());
}

#[test]
fn a_correction_of_a_correction_is_found_by_its_new_number() {
    let (mut book, numbers) = book(&[(2, 100), (-1, 110)]);
    let gone = |number, price| Gone {
        number,
        order: order(1),
        time_ns: 60 * SECOND,
        qty: Qty(2),
        value: worth(2, price),
        profit: Money::ZERO,
    };
    let (first, _) = book.revise(&gone(numbers[0], 100), 0, (Qty(2), worth(2, 104)), DECIMALS);
    let (second, _) = book.revise(&gone(first, 104), 0, (Qty(2), worth(2, 106)), DECIMALS);
    assert!(second > first && first > numbers[1]);
    assert_eq!(book.position, Basis { qty: Qty(1), cost: worth(1, 106) });
    assert!(book.adds_up() && book.is_numbered());
}
