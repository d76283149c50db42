//! Lines as commands.
#![allow(missing_docs, clippy::unwrap_used)]

use dita_kernel::names::{OrderSide, TimeInForce};
use dita_kernel::num::Decimal;
use dita_stdio::{Command, OrderLine, Price, Verb, parse};

fn order<'a>(side: OrderSide, at: Price, time_in_force: TimeInForce, post_only: bool) -> Command<'a> {
    let (size, price) = (Decimal::parse("0.5").unwrap(), Decimal::parse("100").unwrap());
    Command::Order(OrderLine {
        side,
        symbol: "BTCUSDT",
        size,
        price,
        client_id: "id-1",
        at,
        time_in_force,
        post_only,
    })
}

#[test]
#[rustfmt::skip]
fn every_form_of_a_command_is_read() {
    use {OrderSide::{Buy, Sell}, Price::{Limit, Market}, TimeInForce::{Fok, Gtc, Ioc}};
    for (line, want) in [
        ("",                                              Command::Nothing),
        ("   \t ",                                        Command::Nothing),
        ("# ORDER BUY",                                   Command::Nothing),
        ("ORDER BUY BTCUSDT 0.5 100 id-1",                order(Buy,  Limit,  Gtc, false)),
        ("order sell BTCUSDT 0.5 100 id-1 limit gtc",     order(Sell, Limit,  Gtc, false)),
        ("ORDER b BTCUSDT 0.5 100 id-1 L G",              order(Buy,  Limit,  Gtc, false)),
        ("BUY BTCUSDT 0.50 1e2 id-1 l IOC",               order(Buy,  Limit,  Ioc, false)),
        ("  Sell\tBTCUSDT  0.5 100.0 id-1 Limit fok \r",  order(Sell, Limit,  Fok, false)),
        ("S BTCUSDT 0.5 100 id-1 l gtx",                  order(Sell, Limit,  Gtc, true)),
        ("B BTCUSDT 0.5 100 id-1 M",                      order(Buy,  Market, Gtc, false)),
        ("CANCEL id-1",                                   Command::Cancel("id-1")),
        ("c id-1",                                        Command::Cancel("id-1")),
        ("Query account",                                 Command::Query { kind: "account", params: "" }),
        ("q ORDER  id-1 and more ",                       Command::Query { kind: "ORDER", params: "id-1 and more" }),
        ("STRATEGY LIST",                                 Command::Strategy { verb: Verb::List, name: "" }),
        ("strategy pause ema",                            Command::Strategy { verb: Verb::Pause, name: "ema" }),
    ] {
        assert_eq!(parse(line.as_bytes()).unwrap(), want, "{line}");
    }
}

#[test]
#[rustfmt::skip]
fn what_is_no_command_says_what_is_wrong_with_it() {
    let long = "x".repeat(61);
    for (line, want) in [
        ("HELLO".to_owned(),                      "command: \"HELLO\" is none of ORDER BUY SELL CANCEL QUERY STRATEGY"),
        ("ORDER".into(),                          "side: is missing"),
        ("ORDER HOLD".into(),                     "side: \"HOLD\" is none of BUY SELL B S"),
        ("BUY".into(),                            "symbol: is missing"),
        ("BUY X".into(),                          "quantity: is missing"),
        ("BUY X 1".into(),                        "price: is missing"),
        ("BUY X 1 1".into(),                      "client_order_id: is missing"),
        ("BUY X nan 1 a".into(),                  "quantity: \"nan\" is no decimal"),
        ("BUY X 1 inf a".into(),                  "price: \"inf\" is no decimal"),
        ("BUY X 0 1 a".into(),                    "quantity: \"0\" must be above zero"),
        ("BUY X -1 1 a".into(),                   "quantity: \"-1\" must be above zero"),
        ("BUY X 1 0 a".into(),                    "price: \"0\" must be above zero"),
        ("BUY X 1 -1 a M".into(),                 "price: \"-1\" must not be below zero"),
        ("BUY X 1e40 1 a".into(),                 "quantity: \"1e40\" is too large"),
        ("BUY X 1 1 a.1".into(),                  "client_order_id: \"a.1\" must have 1 to 60 bytes, and no dot"),
        (format!("BUY X 1 1 {long}"),             "client_order_id: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" must have 1 to 60 bytes, and no dot"),
        ("BUY X 1 1 a STOP".into(),               "order_type: \"STOP\" is none of LIMIT MARKET L M"),
        ("BUY X 1 1 a L DAY".into(),              "time_in_force: \"DAY\" is none of GTC IOC FOK GTX G"),
        ("BUY X 1 1 a M GTX".into(),              "time_in_force: \"GTX\" is for limit orders"),
        ("BUY X 1 1 a L GTC now".into(),          "line: \"now\" is more than the command takes"),
        ("CANCEL".into(),                         "client_order_id: is missing"),
        ("CANCEL a b".into(),                     "line: \"b\" is more than the command takes"),
        ("QUERY".into(),                          "query_type: is missing"),
        ("STRATEGY BREED x".into(),               "action: \"BREED\" is none of LIST START STOP PAUSE"),
        ("STRATEGY START".into(),                 "strategy: is missing"),
        ("x".repeat(4097),                        "line: has more than 4096 bytes"),
    ] {
        assert_eq!(parse(line.as_bytes()).unwrap_err().to_string(), want, "{line}");
    }
    assert_eq!(parse(b"BUY \xff").unwrap_err().to_string(), "line: is no UTF-8");
}
