//! What a session says to commands.
#![allow(missing_docs, clippy::unwrap_used)]

mod desk;

use desk::{MILLI, START_NS, Wanted, field, kernel, only, played, session};

/// Status and reason of the updates of an order.
fn updates(lines: &[String], client_id: &str) -> Vec<String> {
    let of = |line: &&String| field(line, "client_order_id") == client_id;
    let word =
        |line: &String| format!("{} {}", field(line, "status"), field(line, "reason")).trim().to_owned();
    only(lines, &["order_update"]).iter().filter(of).map(word).collect()
}

fn errors(lines: &[String]) -> Vec<String> {
    only(lines, &["error"])
        .iter()
        .map(|line| line[line.find("message\":\"").unwrap() + 10..].replace("\"}", ""))
        .collect()
}

/// Free and locked of an asset, as last told.
fn balance(lines: &[String], asset: &str) -> String {
    let last = only(lines, &["account"]).last().unwrap().clone();
    let from = last.find(&format!("\"asset\":\"{asset}\"")).unwrap();
    format!("{} {}", field(&last[from..], "free"), field(&last[from..], "locked"))
}

#[test]
fn the_whole_transcript_is_as_it_was_recorded_and_the_same_each_time() {
    let script = include_str!("golden/script.txt");
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/transcript.ndjson");
    let wanted = Wanted { market: true, step_ns: 100 * MILLI, ..Wanted::default() };
    let said = played(&wanted, script).join("\n") + "\n";
    assert_eq!(said, played(&wanted, script).join("\n") + "\n");
    if std::env::var_os("DITA_RECORD_ANSWERS").is_some() {
        std::fs::write(golden, &said).unwrap();
    }
    assert_eq!(said, std::fs::read_to_string(golden).unwrap(), "record it anew with DITA_RECORD_ANSWERS=1");
}

#[test]
fn paper_fills_come_after_300_ms_of_kernel_time_in_the_order_in_which_they_are_due() {
    let lines = played(&Wanted::default(), "BUY BTCUSDT 1 100 a\nBUY BTCUSDT 1 90 b\nBUY ETHUSDT 1 80 c");
    let fills: Vec<(String, i64)> = only(&lines, &["fill"])
        .iter()
        .map(|line| (field(line, "client_order_id").into(), field(line, "ts_ns").parse().unwrap()))
        .collect();
    let due = |step: i64| START_NS + step * MILLI + 300 * MILLI;
    assert_eq!(fills, [("a".into(), due(1)), ("b".into(), due(2)), ("c".into(), due(3))]);
    assert_eq!(updates(&lines, "a"), ["ACCEPTED", "FILLED"]);
    assert_eq!(balance(&lines, "USDT"), "99730 0");
    assert_eq!(balance(&lines, "BTC"), "2 0");
}

#[test]
fn what_an_order_may_cost_is_locked_until_it_fills_or_ends() {
    let before = played(&Wanted { step_ns: 1, ..Wanted::default() }, "BUY BTCUSDT 2 1000 a\nQ ACCOUNT\nC a");
    let told: Vec<String> =
        only(&before, &["account"]).iter().map(|line| balance(std::slice::from_ref(line), "USDT")).collect();
    assert_eq!(told, ["100000 0", "98000 2000", "98000 2000", "100000 0"]);
    let sells = "BUY BTCUSDT 2 1000 a\nQ ACCOUNT\nSELL BTCUSDT 1.5 1000 s\nQ ACCOUNT\nC s\n";
    let sold = played(&Wanted { step_ns: 400 * MILLI, delay_ns: 300 * MILLI, ..Wanted::default() }, sells);
    let locked: Vec<String> =
        only(&sold, &["account"]).iter().map(|line| balance(std::slice::from_ref(line), "BTC")).collect();
    assert!(locked.contains(&"0.5 1.5".to_owned()), "{locked:?}");
    assert_eq!(updates(&sold, "s"), ["ACCEPTED", "FILLED", "FILLED order_ended"]);
    assert_eq!(balance(&sold, "BTC"), "0.5 0");
    assert_eq!(balance(&sold, "USDT"), "99500 0");
}

#[test]
#[rustfmt::skip]
fn what_cannot_be_is_an_error_or_a_rejection_and_changes_nothing() {
    let few = || Wanted { slots: 2, ..Wanted::default() };
    for (wanted, script, error, rejected) in [
        (Wanted::default(), "ORDER BUY BTCUSDT 1 0 a MARKET",                      "no market",               ""),
        (few(), "BUY BTCUSDT 1 9 x\nBUY BTCUSDT 1 9 y\nBUY BTCUSDT 1 9 a",         "too many open orders",    ""),
        (Wanted::default(), "BUY DOGEUSDT 1 9 a",                                  "", "REJECTED unknown_symbol"),
        (Wanted::default(), "SELL BTCUSDT 1 9 a",                                  "", "REJECTED insufficient_funds"),
        (Wanted::default(), "BUY BTCUSDT 1 100001 a",                              "", "REJECTED insufficient_funds"),
        (Wanted::default(), "BUY BTCUSDT 0.0000000001 9 a",                        "", "REJECTED precision"),
        (Wanted::default(), "C a",                                                 "", "REJECTED unknown_order"),
        (Wanted::default(), "Q NOTHING",  "query: \\\"NOTHING\\\" is none of ACCOUNT ORDER ORDERS MARKET STRATEGIES", ""),
        (Wanted::default(), "Q ORDER a",  "order: \\\"a\\\" is no order that is known", ""),
        (Wanted::default(), "Q MARKET",   "no market", ""),
        (Wanted::default(), "STRATEGY START s", "strategy: \\\"s\\\" is none: there are no strategies", ""),
    ] {
        let lines = played(&wanted, script);
        let expected: Vec<&str> = Some(error).into_iter().filter(|error| !error.is_empty()).collect();
        assert_eq!(errors(&lines), expected, "{script}");
        let told = updates(&lines, "a");
        assert_eq!(told.last().map_or("", |last| last.as_str()), rejected, "{script}");
        assert_eq!(only(&lines, &["fill"]).iter().filter(|line| field(line, "client_order_id") == "a").count(), 0);
    }
}

#[test]
fn an_id_is_used_once_over_all_orders_also_of_those_that_ended_or_were_rejected() {
    let script =
        "BUY BTCUSDT 1 9 a\nBUY BTCUSDT 1 9 a\nC a\nBUY BTCUSDT 1 9 a\nSELL ETHUSDT 1 1 r\nBUY ETHUSDT 1 1 r";
    let lines = played(&Wanted { step_ns: 1, ..Wanted::default() }, script);
    let duplicate = "REJECTED duplicate_client_order_id";
    assert_eq!(updates(&lines, "a"), ["ACCEPTED", duplicate, "CANCELLED", duplicate]);
    assert_eq!(updates(&lines, "r"), ["REJECTED insufficient_funds", duplicate]);
}

#[test]
fn an_order_against_what_is_held_closes_the_oldest_trades_first_and_opens_with_the_rest() {
    let wanted = Wanted { perpetual: true, step_ns: 400 * MILLI, ..Wanted::default() };
    let script = "BUY BTCUSDT 1 100 a\nBUY BTCUSDT 2 100 b\nSELL BTCUSDT 1.5 100 s\nQ ORDER s\nSELL BTCUSDT 1.5 100 t\n#\nQ ORDERS";
    let lines = played(&wanted, script);
    assert_eq!(updates(&lines, "s"), ["ACCEPTED", "FILLED"]);
    let parts: Vec<String> = only(&lines, &["fill"])
        .iter()
        .map(|line| format!("{} {}", field(line, "client_order_id"), field(line, "qty")))
        .collect();
    assert_eq!(parts, ["a 1", "b 2", "s 1", "s 0.5", "t 1.5"]);
}

#[test]
fn a_slot_is_free_again_once_its_trade_is_over() {
    let mut script = String::new();
    for n in 0..50 {
        script += &format!("BUY BTCUSDT 1 100 b{n}\nSELL BTCUSDT 1 100 s{n}\n");
    }
    let lines = played(&Wanted { slots: 1, step_ns: 301 * MILLI, ..Wanted::default() }, &script);
    assert_eq!(errors(&lines), Vec::<String>::new());
    assert_eq!(only(&lines, &["fill"]).len(), 100);
}

#[test]
fn a_limit_order_waits_for_the_made_up_market_to_come_to_it() {
    let wanted = Wanted { market: true, step_ns: 500 * MILLI, ..Wanted::default() };
    let mut script = "BUY BTCUSDT 1 50300 high GTC\n".replace("GTC", "LIMIT GTC");
    script += "BUY BTCUSDT 0.5 40000 low l g\nORDER S BTCUSDT 1 50470 out L GTX\n";
    script += &"Q MARKET btcusdt\n".repeat(30);
    let lines = played(&wanted, &script);
    assert_eq!(updates(&lines, "high"), ["ACCEPTED", "FILLED"]);
    assert_eq!(updates(&lines, "low"), ["ACCEPTED"]);
    let prices: Vec<&str> =
        only(&lines, &["fill"]).iter().map(|line| field(line, "price").to_owned().leak() as &str).collect();
    // Bought at what was asked, as far as its limit let it; sold at its own limit, once the market came to it.
    assert_eq!(prices.first(), Some(&"50025"), "{lines:#?}");
}

#[test]
fn a_post_only_order_that_would_take_is_rejected() {
    let wanted = Wanted { market: true, ..Wanted::default() };
    let lines = played(&wanted, "BUY BTCUSDT 1 60000 a LIMIT GTX\nBUY BTCUSDT 1 40000 b LIMIT gtx");
    assert!(updates(&lines, "a")[0].starts_with("REJECTED"), "{lines:?}");
    assert_eq!(updates(&lines, "b"), ["ACCEPTED"]);
}

#[test]
fn an_order_that_fills_or_is_killed_says_so() {
    let wanted = Wanted { market: true, ..Wanted::default() };
    let lines = played(&wanted, "BUY BTCUSDT 1 40000 i LIMIT IOC\nBUY BTCUSDT 0.5 60000 f LIMIT FOK");
    assert_eq!(updates(&lines, "i").last().map(|last| &last[..7]), Some("EXPIRED"));
    assert_eq!(updates(&lines, "f"), ["ACCEPTED", "FILLED"]);
}

#[test]
fn a_hundred_thousand_lines_are_the_same_bytes_twice_and_the_money_adds_up() {
    let script = |n: u64| {
        let mut text = String::new();
        for k in 0..n {
            let side = if k % 2 == 0 { "BUY" } else { "SELL" };
            match k % 10 {
                8 => text += &format!("CANCEL o{}\n", k - 8),
                9 => text += "QUERY ACCOUNT\n",
                _ => text += &format!("{side} BTCUSDT 0.01 {} o{k}\n", 100 + k % 7),
            }
        }
        text
    };
    let wanted = Wanted { slots: 512, step_ns: MILLI, ..Wanted::default() };
    let run = || {
        let drain = kernel(&wanted);
        let mut session = session(&drain, &wanted);
        let mut all = Vec::new();
        for line in script(100_000).lines() {
            session.obey(line.as_bytes()).unwrap();
            if session.written().len() > 1 << 16 {
                all.append(session.written());
            }
        }
        session.finish_now().unwrap();
        all.append(session.written());
        let state = drain.settled().map_err(|error| format!("{error:?}")).unwrap();
        dita_kernel::invariant::check(state.core.kernel()).unwrap();
        all
    };
    let first = run();
    let text = String::from_utf8(first.clone()).unwrap();
    assert!(text.ends_with("{\"type\":\"engine_stopped\",\"commands_processed\":100000}\n"));
    assert!(text.matches("\"type\":\"fill\"").count() > 50_000);
    assert!(first == run(), "the second run said something else");
}
