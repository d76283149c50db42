//! An intent, a venue's event and a stage change, as they lie in a message.

use dita_kernel::input::{Attachment, Intent, Provenance, RareFields, VenueEvent};

use crate::answer::TransitionRecord;
use crate::fields;

fields!(Intent {
    timestamp_ns slot_id action side order_type time_in_force post_only reduce_only
    intent_id trade_id asset owner target_client_id oco_group reason stage
    target_size limit_price trigger_price reference_price leverage quote_size
    expire_time_ns valid_until_ns exit_leg_ratios metadata provenance attached
});

fields!(Attachment { add trigger_by exits });

fields!(Provenance { source_run regime override_ref });

fields!(VenueEvent {
    timestamp_ns received_ns kind status order_side position_side side liquidity slot_id
    event_id trade_id venue_order_id venue_client_id asset
    price size filled_size remaining_size order_size order_price average_price
    venue_trade_id fee fee_asset realized_pnl venue_sequence rare
});

fields!(RareFields {
    reason reason_code request_id parent_order_id ref_trade_id retry_after_ms order_created_ns raw_payload metadata
});

fields!(TransitionRecord {
    timestamp_ns seq slot_id trade_id prev_state next_state trigger rule intent_id event_id mode verbosity
});
