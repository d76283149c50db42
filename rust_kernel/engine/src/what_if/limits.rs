//! Limits over limits: those that are given take the place of those that stood.

use dita_kernel::input::RiskLimits;

/// Every limit by its name, so that a new one cannot be forgotten.
macro_rules! over {
    ($base:expr, $given:expr, $($name:ident)*) => {{
        let RiskLimits { $($name),* } = $given.clone();
        RiskLimits { $($name: $name.or_else(|| $base.$name.clone())),* }
    }};
}

/// `base` with what `given` has.
pub(super) fn merged(base: &RiskLimits, given: &RiskLimits) -> RiskLimits {
    over!(
        base, given,
        max_order_notional max_total_notional max_leverage price_collar max_open_slots max_order_size
        max_symbol_notional max_asset_notional order_burst orders_per_second order_reserve_for_exits
        cancel_burst cancels_per_second max_daily_loss max_drawdown min_edge_bps edge_freeze_cancels
        max_mark_age
    )
}

/// True where any limit is given.
pub(super) fn is_any(given: &RiskLimits) -> bool {
    *given != RiskLimits::default()
}
