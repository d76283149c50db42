"""The commands of `dita`: their modules, what each does, and an example. A module is loaded when called."""

from typing import Final, NamedTuple


class Listed(NamedTuple):
    """A command, as the list of commands shows it.

    Attributes:
        name: The word after `dita`.
        place: Its module in `dita.cli`, after a colon the object in it. It has `DESCRIPTION`, `EPILOG`,
            `add_options(parser)`, and `run(options)` unless its actions have one each.
        help: What it does.
        example: A call.
    """

    name: str
    place: str
    help: str
    example: str


COMMANDS: Final = (
    Listed("demo",          "demo",             "replay a market through a strategy on the paper venue",             "dita demo --data FILE"),
    Listed("example",       "example",          "write a sample strategy into a file",                               "dita example ema-cross my_strategy.py"),
    Listed("backtest",      "backtest",         "play market files to a strategy, and report",                       "dita backtest STRATEGY --data FILE"),
    Listed("paper",         "paper",            "trade on paper, at the market's own pace",                          "dita paper STRATEGY --data FILE --speed 60"),
    Listed("engine",        "engine",           "take orders as lines, give events as NDJSON",                       "dita engine --stdio"),
    Listed("run",           "run",              "trade on a venue's live market",                                    "dita run STRATEGY -c binance -p BTC/USDT"),
    Listed("serve",         "serve",            "own the accounts; strategies connect from other processes",         "dita serve --config dita.toml"),
    Listed("shadow",        "shadow",           "quote both sides of a market without trading, and report",          "dita shadow --shadow --symbols BTCUSDT"),
    Listed("doctor",        "doctor",           "is an account ready to trade?",                                     "dita doctor -c binance -p BTC/USDT"),
    Listed("download",      "download",         "a venue's bars, trades or funding, for backtests",                  "dita download -c binance -p BTC/USDT --kind bars --from 2026-01-01"),
    Listed("record",        "record",           "record a venue's live market",                                      "dita record -c binance -p BTC/USDT --out market"),
    Listed("convert",       "convert",          "convert raw captures of a market's depth to columns",               "dita convert FILE -o OUT"),
    Listed("sweep",         "sweep",            "backtest every combination of parameters",                          "dita sweep STRATEGY --data FILE --param NAME=1,2,3"),
    Listed("walk-forward",  "walk_forward",     "choose parameters on the past, test them on what follows",          "dita walk-forward STRATEGY --data FILE --param NAME=1,2,3 --train 30d --test 7d"),
    Listed("inspect",       "graphs:INSPECT",   "show what a strategy graph is",                                     "dita inspect cross.0 -v --svg cross.svg"),
    Listed("verify",        "graphs:VERIFY",    "check a strategy graph and its proofs",                             "dita verify cross.0"),
    Listed("compose",       "graphs:COMPOSE",   "put strategy graphs together",                                      "dita compose signal.0 sizing.0 -o whole.0"),
    Listed("drift",         "drift",            "draw K, E and the named parts of their difference",                 "dita drift --log main --html d.html"),
    Listed("replay",        "log_replay",       "show the state at any moment of a log",                             "dita replay /var/lib/dita/main --until 2026-03-01T14:30:00Z"),
    Listed("explain",       "explain",          "tell a trade's whole story, or the drift's, out of a log",          "dita explain t17 --log /var/lib/dita/main"),
    Listed("what-if",       "what_if",          "replay a log with other fees, limits or latency",                   "dita what-if /var/lib/dita/main --taker-rate 0.0004"),
    Listed("twin",          "twin",             "why live does not look like the backtest",                          "dita twin mine --market market"),
    Listed("verify-log",    "verify_log",       "check a log: checksums, chain, sequence, snapshots, replay",        "dita verify-log /var/lib/dita/main"),
    Listed("log",           "log_stats",        "count what is in a log",                                            "dita log stats /var/lib/dita/main"),
    Listed("backup",        "backup",           "copy a log, also a live one, and verify the copy",                  "dita backup /var/lib/dita/main /backup/main"),
    Listed("follow",        "follow",           "write a log's journal or projection, or say how its followers are", "dita follow /var/lib/dita/main --journal journal.db"),
    Listed("audit",         "audit",            "write, verify and head an audit ledger; prove a trade",             "dita audit verify data/lakehouse"),
    Listed("journal",       "journal",          "ask the journal in ClickHouse",                                     "dita journal trade t17 --journal journal.db"),
    Listed("exchange",      "exchange",         "an exchange to practise on",                                        "dita exchange --venue binance"),
    Listed("venues",        "venues",           "list the venues, and what each can do",                             "dita venues"),
    Listed("certify-venue", "certify_venue",    "play the contract suite against a venue adapter",                   "dita certify-venue my_package:MyRig"),
    Listed("torture",       "torture",          "try to break the kernel, with seeded faults and auditors",          "dita torture --seeds 200"),
    Listed("second-names",  "second_names",     "list the names of the older systems, and what they are here",       "dita second-names"),
    Listed("halt",          "halt:HALT",        "stop everything that increases risk, cancel entries",               "dita halt --control /run/dita/controls.json"),
    Listed("resume",        "halt:RESUME",      "open the gate again",                                               "dita resume --control hazelcast://127.0.0.1:5701/dita --by ops"),
    Listed("flatten",       "halt:FLATTEN",     "halt, and close every position at market",                          "dita flatten --control hazelcast://127.0.0.1:5701/dita --by ops"),
    Listed("freeze",        "halt:FREEZE",      "let no new entries through, cancel none",                           "dita freeze --control /run/dita/controls.json --by risk"),
    Listed("limits",        "halt:LIMITS",      "show the controls, or set limits",                                  "dita limits --control /run/dita/controls.json max_order_notional=5000 max_daily_loss=250"),
    Listed("status",        "hosts:STATUS",     "what a host has: money, trades, controls",                          "dita status paper"),
    Listed("orders",        "hosts:ORDERS",     "the orders at work",                                                "dita orders paper"),
    Listed("pnl",           "pnl",              "what was earned and paid, in all or by period",                     "dita pnl paper --period day"),
    Listed("portfolio",     "portfolio",        "plan and apply target weights",                                     "dita portfolio plan portfolio_optimized_v3.json"),
    Listed("provenance",    "provenance",       "audited runs, the regime, and overrides",                           "dita provenance add RUN --why good --sign key.pem"),
    Listed("bots",          "bots",             "several bots on one account: their money and budgets",              "dita bots list"),
    Listed("strategies",    "hosts:STRATEGIES", "the strategies of a host",                                          "dita strategies paper"),
    Listed("pause",         "hosts:PAUSE",      "stop sending events to strategies",                                 "dita pause paper"),
    Listed("start",         "hosts:START",      "start strategies, or send them events again",                       "dita start paper"),
    Listed("stop",          "hosts:STOP",       "end a host, or one of its strategies",                              "dita stop paper"),
    Listed("config",        "configuration",    "check the configuration, or show it",                               "dita config check"),
    Listed("gateway",       "gateway",          "a running host in a browser, and over HTTP",                        "dita gateway paper"),
    Listed("token",         "token",            "who may use a gateway: add, list, revoke",                          "dita token add anna --role read"),
    Listed("alert",         "alert",            "whether alerts arrive",                                             "dita alert test"),
    Listed("hazelcast",     "hazelcast",        "start and stop Hazelcast members, and ask them in SQL",             "dita hazelcast up"),
    Listed("watch",         "watch",            "see a kernel live in the terminal",                                 "dita watch"),
)  # fmt: skip
