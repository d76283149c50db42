/* DITA's C ABI. Generated: `make docs` writes it, rust_kernel/capi is what it says.
 *
 * The library is libdita_v2_kernel.so (.dylib). docs/how-to/write-a-client-in-another-language.md shows how to use
 * it, docs/reference/c-abi.md has the JSON's fields. Every function may be called from any thread. What a function returns is freed by
 * dita_kernel_free_string where its comment says so. Money, prices and sizes are exact decimals: text in JSON.
 */

#ifndef DITA_H
#define DITA_H

#include <stddef.h>
#include <stdint.h>

/** A position's side. */
enum {
  DITA_SIDE_LONG = 0,
  DITA_SIDE_SHORT = 1,
  DITA_SIDE_FLAT = 2,
};

/** What a strategy asks for. */
enum {
  DITA_ACTION_ENTER = 0,
  DITA_ACTION_EXIT = 1,
  DITA_ACTION_CANCEL = 2,
  DITA_ACTION_AMEND = 3,
};

/** An order's type. */
enum {
  DITA_ORDER_TYPE_MARKET = 0,
  DITA_ORDER_TYPE_LIMIT = 1,
  DITA_ORDER_TYPE_STOP_MARKET = 2,
  DITA_ORDER_TYPE_STOP_LIMIT = 3,
  DITA_ORDER_TYPE_TAKE_PROFIT = 4,
};

/** How long an order lives. */
enum {
  DITA_TIME_IN_FORCE_GTC = 0,
  DITA_TIME_IN_FORCE_IOC = 1,
  DITA_TIME_IN_FORCE_FOK = 2,
  DITA_TIME_IN_FORCE_GTD = 3,
};

/** Which price a trigger is held against. */
enum {
  DITA_TRIGGER_BY_LAST = 0,
  DITA_TRIGGER_BY_MARK = 1,
};

/** What an attached exit is for. */
enum {
  DITA_EXIT_KIND_STOP = 0,
  DITA_EXIT_KIND_TARGET = 1,
  DITA_EXIT_KIND_TRAIL = 2,
};

/** The market regime that research or an operator sees. */
enum {
  DITA_REGIME_NORMAL = 0,
  DITA_REGIME_CRISIS = 1,
};

/** Why the kernel said what it said. */
enum {
  DITA_CODE_OK = 0,
  DITA_CODE_INVALID_SLOT_ID = 1,
  DITA_CODE_INVALID_INTENT = 2,
  DITA_CODE_SLOT_BUSY = 3,
  DITA_CODE_OPPOSITE_SIDE = 4,
  DITA_CODE_NO_POSITION = 5,
  DITA_CODE_NO_ACTIVE_ORDER = 6,
  DITA_CODE_AMBIGUOUS_ORDER = 7,
  DITA_CODE_NOT_OPENED = 8,
  DITA_CODE_DUPLICATE_INTENT = 9,
  DITA_CODE_DUPLICATE_EVENT = 10,
  DITA_CODE_ENRICHED = 11,
  DITA_CODE_STALE_EVENT = 12,
  DITA_CODE_UNKNOWN_ORDER = 13,
  DITA_CODE_FOREIGN_ORDER = 14,
  DITA_CODE_LATE_FILL = 15,
  DITA_CODE_ORPHAN_FILL = 16,
  DITA_CODE_OVERFILL = 17,
  DITA_CODE_POSITION_FLIPPED = 18,
  DITA_CODE_INFERRED_FILL = 19,
  DITA_CODE_IN_DOUBT = 20,
  DITA_CODE_RATE_LIMITED = 21,
  DITA_CODE_VENUE_REJECTED = 22,
  DITA_CODE_BELOW_FLOOR = 23,
  DITA_CODE_PRECISION = 24,
  DITA_CODE_RISK_BLOCKED = 25,
  DITA_CODE_LIVE_NOT_ARMED = 26,
  DITA_CODE_NO_MARK = 27,
  DITA_CODE_FROZEN = 28,
  DITA_CODE_CONTROL_HALTED = 29,
  DITA_CODE_REDUCE_ONLY = 30,
  DITA_CODE_NOT_AUDITED = 31,
  DITA_CODE_REGIME_BLOCKED = 32,
  DITA_CODE_ILLEGAL_TRANSITION = 33,
  DITA_CODE_RECONCILE_REQUIRED = 34,
  DITA_CODE_CLOCK_SKEW = 35,
  DITA_CODE_BUDGET = 36,
  DITA_CODE_INTENT_TAKEN = 37,
};

/** How bad an outcome is. */
enum {
  DITA_SEVERITY_INFO = 0,
  DITA_SEVERITY_WARNING = 1,
  DITA_SEVERITY_ERROR = 2,
  DITA_SEVERITY_CRITICAL = 3,
};

/** A slot's stage. */
enum {
  DITA_STAGE_IDLE = 0,
  DITA_STAGE_ORDER_REQUESTED = 1,
  DITA_STAGE_ORDER_SENT = 2,
  DITA_STAGE_ENTRY_WORKING = 3,
  DITA_STAGE_POSITION_OPEN = 4,
  DITA_STAGE_EXIT_REQUESTED = 5,
  DITA_STAGE_EXIT_SENT = 6,
  DITA_STAGE_EXIT_WORKING = 7,
  DITA_STAGE_CLOSED = 8,
};

/** What a venue event says. */
enum {
  DITA_EVENT_KIND_ORDER_ACK = 0,
  DITA_EVENT_KIND_PARTIAL_FILL = 1,
  DITA_EVENT_KIND_FULL_FILL = 2,
  DITA_EVENT_KIND_CANCEL_PENDING = 3,
  DITA_EVENT_KIND_CANCEL_ACK = 4,
  DITA_EVENT_KIND_CANCEL_REJECT = 5,
  DITA_EVENT_KIND_AMEND_REJECT = 6,
  DITA_EVENT_KIND_AMEND_PENDING = 7,
  DITA_EVENT_KIND_AMEND_ACK = 8,
  DITA_EVENT_KIND_ORDER_REJECT = 9,
  DITA_EVENT_KIND_EXPIRED = 10,
  DITA_EVENT_KIND_DONE_FOR_DAY = 11,
  DITA_EVENT_KIND_STOPPED = 12,
  DITA_EVENT_KIND_RESTATED = 13,
  DITA_EVENT_KIND_TRIGGERED = 14,
  DITA_EVENT_KIND_TRADE_CORRECT = 15,
  DITA_EVENT_KIND_TRADE_BUST = 16,
  DITA_EVENT_KIND_ORDER_STATUS = 17,
  DITA_EVENT_KIND_ORDER_NOT_FOUND = 18,
  DITA_EVENT_KIND_RATE_LIMITED = 19,
  DITA_EVENT_KIND_SEND_TIMEOUT = 20,
  DITA_EVENT_KIND_LIQUIDATION = 21,
  DITA_EVENT_KIND_ADL = 22,
  DITA_EVENT_KIND_DISCONNECTED = 23,
  DITA_EVENT_KIND_RESYNCED = 24,
};

/** What the venue has reported of an order. */
enum {
  DITA_ORDER_STATUS_NEW = 0,
  DITA_ORDER_STATUS_SENT = 1,
  DITA_ORDER_STATUS_ACKED = 2,
  DITA_ORDER_STATUS_PARTIALLY_FILLED = 3,
  DITA_ORDER_STATUS_FILLED = 4,
  DITA_ORDER_STATUS_PENDING_CANCEL = 5,
  DITA_ORDER_STATUS_PENDING_REPLACE = 6,
  DITA_ORDER_STATUS_CANCELED = 7,
  DITA_ORDER_STATUS_REJECTED = 8,
  DITA_ORDER_STATUS_EXPIRED = 9,
  DITA_ORDER_STATUS_DONE_FOR_DAY = 10,
  DITA_ORDER_STATUS_STOPPED = 11,
};

/** An order's side. */
enum {
  DITA_ORDER_SIDE_BUY = 0,
  DITA_ORDER_SIDE_SELL = 1,
};

/** Whether a fill took or made liquidity. */
enum {
  DITA_LIQUIDITY_MAKER = 0,
  DITA_LIQUIDITY_TAKER = 1,
};



// The version of this interface. What a version has stays as it is; what is added makes no new one.
#define DITA_ABI_VERSION 1

// All is well.
#define DITA_OK 0

// The answer is too large for the buffer and is kept: `dita_take` gives it.
#define DITA_KEPT 1

// A pointer that must not be is NULL.
#define DITA_ERR_NULL_POINTER -1

// There is no kernel of this handle.
#define DITA_ERR_DEAD_HANDLE -2

// Bytes that are no UTF-8.
#define DITA_ERR_NOT_UTF8 -3

// A text that is no JSON.
#define DITA_ERR_NOT_JSON -4

// A value of a type that cannot be taken.
#define DITA_ERR_INVALID_TYPE -5

// A value that cannot be taken.
#define DITA_ERR_INVALID_INPUT -6

// Bytes that are no message, or one that has no place here.
#define DITA_ERR_MALFORMED -7

// The kernel's inbox is full.
#define DITA_ERR_INBOX_FULL -8

// The kernel was closed, or is another process's.
#define DITA_ERR_CLOSED -9

// A step failed half way: make a new kernel from the log.
#define DITA_ERR_POISONED -10

// The log failed, or does not open.
#define DITA_ERR_LOG_FAILED -11

// Something else failed.
#define DITA_ERR_FAILED -12

// Something inside panicked, and was caught.
#define DITA_ERR_PANIC -13

// A kernel. Its pointer is a handle: it is never followed, so a dead one is only an error.
typedef struct dita_kernel dita_kernel;

// An exact decimal: (`high` * 2^64 + `low`) / 10^`scale`. All zeros means absent.
typedef struct dita_decimal {
  // The lower 64 bits of the mantissa.
  uint64_t low;
  // Its upper 64 bits, with the sign.
  int64_t high;
  // How many decimal places, 0 to 28.
  uint8_t scale;
  // 0 where there is no number.
  uint8_t given;
} dita_decimal;

// An exit that an ENTER brings along.
typedef struct dita_exit {
  // DITA_EXIT_KIND_...
  uint8_t kind;
  // DITA_TRIGGER_BY_...
  uint8_t trigger_by;
  // The trigger, in quote units.
  struct dita_decimal trigger_price;
  // How far from the average entry price, as a fraction of it.
  struct dita_decimal offset;
  // The limit, in quote units.
  struct dita_decimal limit_price;
  // TARGET: the part that it closes; absent means 1.
  struct dita_decimal ratio;
} dita_exit;

// What a strategy wants. Set everything to zero first: what is zero is absent or the default. Flags are 0 or 1.
// Texts are NUL-terminated UTF-8, ids at most 64 bytes; NULL means empty.
typedef struct dita_intent {
  // The strategy's time, ns since 1970-01-01 UTC.
  int64_t timestamp_ns;
  // The strategy's id of this intent: the key of idempotence.
  const char *intent_id;
  // The trade.
  const char *trade_id;
  // The instrument.
  const char *asset;
  // The slot.
  uint32_t slot_id;
  // DITA_SIDE_...
  uint8_t side;
  // DITA_ACTION_...
  uint8_t action;
  // DITA_ORDER_TYPE_...
  uint8_t order_type;
  // DITA_TIME_IN_FORCE_...
  uint8_t time_in_force;
  // DITA_TRIGGER_BY_...
  uint8_t trigger_by;
  // Reject rather than take liquidity.
  uint8_t post_only;
  // Never increase the position.
  uint8_t reduce_only;
  // ENTER: adds to the trade that the slot carries.
  uint8_t add;
  // Not 0 where `expire_time_ns` counts.
  uint8_t has_expire_time;
  // Not 0 where `valid_until_ns` counts.
  uint8_t has_valid_until;
  // Not 0 where `regime` counts.
  uint8_t has_regime;
  // DITA_REGIME_...
  uint8_t regime;
  // When a GTD order ends, ns.
  int64_t expire_time_ns;
  // Until when an exit may be resent, ns.
  int64_t valid_until_ns;
  // The price the strategy saw.
  struct dita_decimal reference_price;
  // The order's size, in base units or contracts.
  struct dita_decimal target_size;
  // The leverage wanted at the venue.
  struct dita_decimal leverage;
  // The limit.
  struct dita_decimal limit_price;
  // The trigger.
  struct dita_decimal trigger_price;
  // Spot: the size in quote units.
  struct dita_decimal quote_size;
  // Parts of the position for the exit ladder.
  const struct dita_decimal *exit_leg_ratios;
  // How many.
  size_t exit_leg_ratios_count;
  // ENTER: the exits of its trade.
  const struct dita_exit *exits;
  // How many.
  size_t exits_count;
  // Why, for people.
  const char *reason;
  // The strategy's own stage name, for people.
  const char *stage;
  // Orders of one group cancel one another.
  const char *oco_group;
  // Which order CANCEL or AMEND means.
  const char *target_client_id;
  // Whose trade it is.
  const char *owner;
  // The research run that asked for it.
  const char *source_run;
  // The audited action that lets it through.
  const char *override_ref;
  // A JSON object of at most 4,096 bytes.
  const char *metadata;
} dita_intent;

// A text that lies in the caller's buffer, without a NUL behind it.
typedef struct dita_text {
  // Its first byte.
  const char *data;
  // How many bytes of UTF-8.
  size_t len;
} dita_text;

// What came of an intent. Texts lie in the reply that it was read from.
typedef struct dita_outcome {
  // The input's number.
  uint64_t seq;
  // The trade concerned.
  struct dita_text trade_id;
  // How many stage changes there are.
  size_t transitions_count;
  // How many venue events there are: `dita_event_decode` reads them.
  size_t events_count;
  // The slot, where `has_slot`.
  uint32_t slot_id;
  // The kernel's own verdict.
  uint8_t accepted;
  // Whether it survives a power loss by now.
  uint8_t durable;
  // DITA_CODE_...
  uint8_t code;
  // DITA_SEVERITY_...
  uint8_t severity;
  // 0 where no slot is concerned.
  uint8_t has_slot;
  // 0 where no slot is concerned.
  uint8_t has_state;
  // DITA_STAGE_...: the slot's, afterwards.
  uint8_t state;
} dita_outcome;

// A venue event of an outcome. Texts lie in the reply that it was read from.
typedef struct dita_event {
  // The venue's time, ns.
  int64_t timestamp_ns;
  // DITA_EVENT_KIND_...
  uint8_t kind;
  // DITA_ORDER_STATUS_..., or 255.
  uint8_t status;
  // DITA_ORDER_SIDE_..., or 255.
  uint8_t order_side;
  // DITA_LIQUIDITY_..., or 255.
  uint8_t liquidity;
  // The event's id.
  struct dita_text event_id;
  // The venue's order id.
  struct dita_text venue_order_id;
  // Our order id.
  struct dita_text venue_client_id;
  // The instrument.
  struct dita_text asset;
  // The venue's trade id.
  struct dita_text venue_trade_id;
  // What the fee was paid in.
  struct dita_text fee_asset;
  // The fill's price.
  struct dita_decimal price;
  // The fill's size.
  struct dita_decimal size;
  // What is filled of the order in all.
  struct dita_decimal filled_size;
  // What is left of it.
  struct dita_decimal remaining_size;
  // + a charge.
  struct dita_decimal fee;
  // The venue's realised PnL of the fill, before fees.
  struct dita_decimal realized_pnl;
  // The venue's own number of the message; it counts where `has_venue_sequence` is 1.
  int64_t venue_sequence;
  // 1 where the venue numbers its messages.
  uint8_t has_venue_sequence;
} dita_event;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Linking against this symbol fails with a library of another version.
extern const uint32_t dita_abi_1;

// The version of this interface: DITA_ABI_VERSION of the header that the library goes with.
uint32_t dita_abi_version(void);

// The version of DITA. Do not free it.
const char *dita_version(void);

// What went wrong last in this thread, as {"error": {"code", "field", "value", "what_to_do"}}; empty where nothing has.
// It stays until the next call in this thread that goes wrong. Do not free it.
const char *dita_last_error(void);

// The name of a DITA_CODE_...; NULL where there is none. Do not free it.
const char *dita_code_name(uint8_t code);

// The name of a DITA_SEVERITY_...; NULL where there is none. Do not free it.
const char *dita_severity_name(uint8_t severity);

// The name of a DITA_STAGE_...; NULL where there is none. Do not free it.
const char *dita_stage_name(uint8_t stage);

// The name of a DITA_EVENT_KIND_...; NULL where there is none. Do not free it.
const char *dita_event_kind_name(uint8_t kind);

// Makes a kernel from its configuration, a JSON object. NULL where that does not work: `dita_last_error` says why.
// `config_json` is NULL or ends with a NUL.
struct dita_kernel *dita_kernel_create(const char *config_json);

// Closes a kernel and lets it go: its log is whole. Its handle is dead from then on. 0, or a negative code.
int32_t dita_kernel_destroy(struct dita_kernel *kernel);

// Frees a text that a function of this header has returned. NULL is nothing.
// `text` is NULL, or was returned by a function that says so and was not freed yet.
void dita_kernel_free_string(char *text);

// Tells that this process was forked off the one that made its kernels: they are not its own from then on. Call it in
// the child.
void dita_was_forked(void);

// A slot as it is now. Free the answer.
char *dita_kernel_get_slot_json(struct dita_kernel *kernel, uint32_t slot_id);

// An operator's override of a slot: "by", "reason", and the fields that change. Free the answer.
// `json` is NULL or ends with a NUL.
char *dita_kernel_set_slot_json(struct dita_kernel *kernel, uint32_t slot_id, const char *json);

// Takes an intent, with all that its venue answers at once. Free the answer.
// `json` is NULL or ends with a NUL.
char *dita_kernel_process_intent_json(struct dita_kernel *kernel, const char *json);

// Takes what the venue said of an order, or what came of an effect (LEVERAGE_SET, LEVERAGE_REFUSED, NOT_SENT). Free
// the answer.
// `json` is NULL or ends with a NUL.
char *dita_kernel_on_venue_event_json(struct dita_kernel *kernel,
                                      const char *json);

// Takes over trades known from elsewhere, as `dita_kernel_get_slot_json` gives them: all, or none. Free the answer.
// `json` is NULL or ends with a NUL.
char *dita_kernel_reconcile_slots_json(struct dita_kernel *kernel,
                                       const char *json);

// Controls, slots and account. Free the answer.
char *dita_kernel_snapshot_json(struct dita_kernel *kernel);

// Sets what was brought in: "capital", and "asset" (USDT). Free the answer.
// `json` is NULL or ends with a NUL.
char *dita_kernel_set_seed_capital(struct dita_kernel *kernel, const char *json);

// Sets the venue's instruments and rates. Free the answer.
// `json` is NULL or ends with a NUL.
char *dita_kernel_set_exchange_config_json(struct dita_kernel *kernel, const char *json);

// Holds a fee that was seen against the prediction. Free the answer.
// `json` is NULL or ends with a NUL.
char *dita_kernel_calibrate_fee_json(struct dita_kernel *kernel, const char *json);

// Takes what the venue said of the account. Free the answer.
// `json` is NULL or ends with a NUL.
char *dita_kernel_on_account_event_json(struct dita_kernel *kernel, const char *json);

// Takes the price that positions are valued at: "asset", "price", "timestamp". Free the answer.
// `json` is NULL or ends with a NUL.
char *dita_kernel_mark_price_json(struct dita_kernel *kernel, const char *json);

// Shows the simulated venue a best quote: "asset", "bid", "ask", "bid_size", "ask_size", "timestamp". Free the answer.
// `json` is NULL or ends with a NUL.
char *dita_kernel_quote_json(struct dita_kernel *kernel,
                             const char *json);

// Moves kernel time forward: "timestamp". Free the answer.
// `json` is NULL or ends with a NUL.
char *dita_kernel_advance_time_json(struct dita_kernel *kernel, const char *json);

// What the caller has to carry out and has not taken yet. Needed after `dita_call`, and now and then where the kernel
// goes by the machine's clock: its timer asks about orders. Free the answer.
char *dita_kernel_take_effects_json(struct dita_kernel *kernel);

// BLAKE3 of the whole trading state, in hexadecimal digits. Free the answer.
char *dita_kernel_state_hash(struct dita_kernel *kernel);

// Answers a message: intents that `dita_intents_encode` wrote, or a question of the protocol.
//
// DITA_OK: the answer is in `out`, and `len` is its length. DITA_KEPT: it has no room there, `len` is the room that it
// needs, and `dita_take` gives it; `out` is as it was. A negative code: nothing was taken, and `dita_last_error` says why.
// `n` bytes lie at `in`, `cap` bytes have room at `out`, `len` can be written.
int32_t dita_call(struct dita_kernel *kernel,
                  const uint8_t *in,
                  size_t n,
                  uint8_t *out,
                  size_t cap,
                  size_t *len);

// Gives the answer that `dita_call` kept in this thread for this kernel, once. DITA_OK; DITA_KEPT where it still has no
// room; DITA_ERR_INVALID_INPUT where nothing is kept.
// `cap` bytes have room at `out`, `len` can be written.
int32_t dita_take(struct dita_kernel *kernel,
                  uint8_t *out,
                  size_t cap,
                  size_t *len);

// Writes a message of intents, at most 1,024, for `dita_call`; `number` comes back with the answer. DITA_KEPT where it
// has no room: `len` is the room that it needs, and nothing is kept.
// `count` intents lie at `intents`, with their texts and lists; `cap` bytes have room at `out`, `len` can be written.
int32_t dita_intents_encode(const struct dita_intent *intents,
                            size_t count,
                            uint32_t number,
                            uint8_t *out,
                            size_t cap,
                            size_t *len);

// Reads an outcome of an answer. Its texts lie in `reply`.
// `n` bytes lie at `reply`, `outcome` can be written.
int32_t dita_outcome_decode(const uint8_t *reply, size_t n, size_t index, struct dita_outcome *outcome);

// Reads a venue event of an outcome of an answer. Its texts lie in `reply`.
// `n` bytes lie at `reply`, `event` can be written.
int32_t dita_event_decode(const uint8_t *reply, size_t n, size_t index, size_t at, struct dita_event *event);

// An outcome of an answer whole, as `dita_kernel_process_intent_json` gives it, without effects. Free the answer.
// `n` bytes lie at `reply`.
char *dita_outcome_json(const uint8_t *reply,
                        size_t n,
                        size_t index);

// Reads an exact decimal from text: "61800.20".
// `text` is NULL or ends with a NUL, `value` can be written.
int32_t dita_decimal_parse(const char *text, struct dita_decimal *value);

// Writes a decimal as text, with its NUL. `len` is its length without it. DITA_KEPT where it has no room.
// `value` can be read, `cap` bytes have room at `out`, `len` can be written.
int32_t dita_decimal_write(const struct dita_decimal *value, char *out, size_t cap, size_t *len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DITA_H */
