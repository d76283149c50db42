//! Prints the C header: `make docs` writes it down, and `make generated-check` holds it against the code.

use std::fmt::Write;

use cbindgen::{Braces, Builder, Config, DocumentationStyle, Language, LineEndingStyle, Style};
use dita_kernel::names::{
    ExitKind, KernelCommandType, KernelDiagnosticCode, KernelEventKind, Liquidity, OrderSide, OrderType,
    Regime, Severity, TimeInForce, TradeSide, TradeStage, TriggerBy, VenueOrderStatus,
};

const HEAD: &str = "\
/* DITA's C ABI. Generated: `make docs` writes it, rust_kernel/capi is what it says.
 *
 * The library is libdita_v2_kernel.so (.dylib). docs/how-to/write-a-client-in-another-language.md shows how to use
 * it, docs/reference/c-abi.md has the JSON's fields. Every function may be called from any thread. What a function returns is freed by
 * dita_kernel_free_string where its comment says so. Money, prices and sizes are exact decimals: text in JSON.
 */";

fn list(out: &mut String, name: &str, about: &str, members: &[&str]) {
    let _ = writeln!(out, "/** {about} */\nenum {{");
    for (at, member) in members.iter().enumerate() {
        let _ = writeln!(out, "  DITA_{name}_{member} = {at},");
    }
    let _ = writeln!(out, "}};\n");
}

macro_rules! lists {
    ($($class:ident $name:literal $about:literal)+) => {{
        let mut out = String::from("\n");
        $(list(&mut out, $name, $about, &$class::ALL.iter().map(|it| it.name()).collect::<Vec<_>>());)+
        out
    }};
}

fn main() {
    let lists = lists! {
        TradeSide "SIDE" "A position's side."
        KernelCommandType "ACTION" "What a strategy asks for."
        OrderType "ORDER_TYPE" "An order's type."
        TimeInForce "TIME_IN_FORCE" "How long an order lives."
        TriggerBy "TRIGGER_BY" "Which price a trigger is held against."
        ExitKind "EXIT_KIND" "What an attached exit is for."
        Regime "REGIME" "The market regime that research or an operator sees."
        KernelDiagnosticCode "CODE" "Why the kernel said what it said."
        Severity "SEVERITY" "How bad an outcome is."
        TradeStage "STAGE" "A slot's stage."
        KernelEventKind "EVENT_KIND" "What a venue event says."
        VenueOrderStatus "ORDER_STATUS" "What the venue has reported of an order."
        OrderSide "ORDER_SIDE" "An order's side."
        Liquidity "LIQUIDITY" "Whether a fill took or made liquidity."
    };
    let config = Config {
        language: Language::C,
        header: Some(HEAD.into()),
        after_includes: Some(lists),
        include_guard: Some("DITA_H".into()),
        cpp_compat: true,
        no_includes: true,
        sys_includes: vec!["stddef.h".into(), "stdint.h".into()],
        style: Style::Both,
        braces: Braces::SameLine,
        line_length: 110,
        tab_width: 2,
        usize_is_size_t: true,
        documentation_style: DocumentationStyle::C99,
        line_endings: LineEndingStyle::LF,
        ..Config::default()
    };
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let bindings = Builder::new()
        .with_config(config)
        .with_src(source.join("abi.rs"))
        .with_src(source.join("forms.rs"))
        .generate();
    match bindings {
        Ok(bindings) => {
            let mut bytes = Vec::new();
            bindings.write(&mut bytes);
            // Rust's heading says nothing to C's readers.
            print!("{}", String::from_utf8_lossy(&bytes).replace("//\n// # Safety\n", ""));
        }
        Err(error) => {
            eprintln!("the header cannot be made: {error}");
            std::process::exit(1);
        }
    }
}
