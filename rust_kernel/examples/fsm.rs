//! Prints docs/fsm.md: the transition table, under its picture. Run by `make docs`.

use dita_kernel::names::TradeStage;
use dita_kernel::slot::table::{Rule, TABLE, rule_number};

fn main() {
    println!("# A slot's states\n");
    println!(
        "Generated from the transition table (`rust_kernel/src/slot/table.rs`) by `make docs`; do not edit.\n"
    );
    println!(
        "A slot carries one trade at a time. Its stage is a function of its entry order, its position and its"
    );
    println!("exit orders. IDLE and CLOSED are free.\n");
    println!("[![A slot's stages and what leads from one to the next](assets/fsm.svg)](assets/fsm.svg)\n");
    table();
    legend();
}

fn table() {
    println!("## Every pair\n");
    println!(
        "Each cell: where the slot goes, or why not, and the number that `KernelTransition.rule` reports.\n"
    );
    print!("| symbol |");
    for stage in TradeStage::ALL {
        print!(" {stage} |");
    }
    println!("\n|---|{}", "---|".repeat(TradeStage::ALL.len()));
    for (symbol, cells) in &TABLE {
        print!("| {symbol} |");
        for (&stage, cell) in TradeStage::ALL.iter().zip(cells) {
            let text = match cell {
                Rule::Go(next) if *next == stage => "stays".to_owned(),
                Rule::Go(next) => format!("**{next}**"),
                Rule::Ignore(code) => format!("ignored: {code}"),
                Rule::Refuse(code)
                    if *code == dita_kernel::names::KernelDiagnosticCode::IllegalTransition =>
                {
                    print!(" – |");
                    continue;
                }
                Rule::Refuse(code) => format!("refused: {code}"),
            };
            print!(" {text} ({}) |", rule_number(stage, *symbol));
        }
        println!();
    }
    println!();
}

fn legend() {
    println!("## Reading it\n");
    println!("- *stays*: the input is taken, facts move, the stage does not.");
    println!("- *ignored*: too late to matter; the code says why.");
    println!("- *refused*: the answer to an intent, with that diagnostic code.");
    println!(
        "- –: cannot happen. Should it happen all the same, what the venue did is booked, the stage follows the"
    );
    println!("  facts, and ILLEGAL_TRANSITION is raised as CRITICAL.\n");
    println!(
        "ENTER passes ORDER_REQUESTED and goes on to ORDER_SENT in the same step, unless a leverage setting has"
    );
    println!("to be confirmed first. What the symbols mean is said at `Symbol` in the table's file.");
}
