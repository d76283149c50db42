//! An intent, a venue's event and a stage change, as they lie in a message.

use dita_kernel::input::{Attachment, Intent, Provenance, RareFields, VenueEvent};
use dita_kernel::num::Decimal;

use crate::answer::TransitionRecord;
use crate::fields;
use crate::form::Form;

fields!(Intent {
    timestamp_ns slot_id action side order_type time_in_force post_only reduce_only
    intent_id trade_id asset owner target_client_id oco_group reason stage
    target_size limit_price trigger_price reference_price leverage quote_size
    expire_time_ns valid_until_ns exit_leg_ratios metadata provenance attached
});

fields!(Attachment { add trigger_by exits });

fields!(Provenance { source_run regime override_ref });

/// An event's fields, and its [`End`].
macro_rules! event {
    ($($field:ident)+) => {
        impl Form for VenueEvent {
            #[inline]
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)+
                End::put_of(self.realized_pnl, self.rare.as_deref(), out);
            }

            fn take(left: &mut &[u8]) -> Option<VenueEvent> {
                $(let $field = Form::take(left)?;)+
                let End { realized_pnl, rare } = End::take(left)?;
                Some(VenueEvent { $($field,)+ realized_pnl, rare })
            }
        }
    };
}

event! {
    timestamp_ns received_ns kind status order_side position_side side liquidity slot_id event_id
    trade_id venue_order_id venue_client_id asset price size filled_size remaining_size order_size
    order_price average_price venue_trade_id fee fee_asset venue_sequence
}

/// What an event ends with. Without a realised PnL its bytes are those of `rare` alone, as before there was one.
#[derive(Debug)]
pub struct End {
    /// The fill's.
    pub realized_pnl: Option<Decimal>,
    /// What only few events bring.
    pub rare: Option<Box<RareFields>>,
}

impl End {
    fn put_of(realized_pnl: Option<Decimal>, rare: Option<&RareFields>, out: &mut Vec<u8>) {
        (u8::from(rare.is_some()) | u8::from(realized_pnl.is_some()) << 1).put(out);
        if let Some(profit) = realized_pnl {
            profit.put(out);
        }
        if let Some(rare) = rare {
            rare.put(out);
        }
    }
}

impl Form for End {
    fn put(&self, out: &mut Vec<u8>) {
        End::put_of(self.realized_pnl, self.rare.as_deref(), out);
    }

    fn take(left: &mut &[u8]) -> Option<End> {
        let there = u8::take(left)?;
        let realized_pnl = if there & 2 == 0 { None } else { Some(Decimal::take(left)?) };
        let rare = if there & 1 == 0 { None } else { Some(Box::new(RareFields::take(left)?)) };
        (there < 4).then_some(End { realized_pnl, rare })
    }
}

fields!(RareFields {
    reason reason_code request_id parent_order_id ref_trade_id retry_after_ms order_created_ns raw_payload metadata
});

fields!(TransitionRecord {
    timestamp_ns seq slot_id trade_id prev_state next_state trigger rule intent_id event_id mode verbosity
});
