/* Every function of the C ABI, well and badly used: run by itself, and under valgrind by `make capi-valgrind`. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dita.h"

typedef char *(*json_call)(dita_kernel *, const char *);

static const json_call CALLS[] = {
    dita_kernel_process_intent_json, dita_kernel_on_venue_event_json,     dita_kernel_reconcile_slots_json,
    dita_kernel_set_seed_capital,    dita_kernel_set_exchange_config_json, dita_kernel_calibrate_fee_json,
    dita_kernel_on_account_event_json, dita_kernel_mark_price_json,       dita_kernel_quote_json,
    dita_kernel_advance_time_json,
};
static const char *const TEXTS[] = {
    "", "{", "[]", "null", "7", "\"text\"", "{\"a\": 1, \"a\": 2}", "\xff\xfe", "{\"kind\": \"NOT_SENT\"}",
    "{\"timestamp\": 1e99}", "{\"asset\": \"XYZ\", \"price\": \"1\"}", "[[[[[[[[]]]]]]]]", NULL,
};
static const char CONFIG[] =
    "{\"max_slots\": 2, %s, \"exchange\": {\"instruments\": {\"BTCUSDT\": {\"tick_size\": \"0.1\","
    " \"lot_step\": \"0.001\"}}}, \"seed_capital\": {\"USDT\": \"10000\"}}";
static const char *const VENUES[] = {"\"simulated\": {\"balances\": {\"USDT\": \"10000\"}}", "\"venue\": \"caller\""};
static const char OVERRIDE[] = "{\"by\": \"ops\", \"reason\": \"a test\", \"unprotected\": true}";

static int is_error(char *answer) {
  int found = strncmp(answer, "{\"error\"", 8) == 0;
  dita_kernel_free_string(answer);
  return found;
}

static void misuse(dita_kernel *kernel) {
  for (size_t call = 0; call < sizeof CALLS / sizeof *CALLS; call++)
    for (size_t text = 0; text < sizeof TEXTS / sizeof *TEXTS; text++)
      dita_kernel_free_string(CALLS[call](kernel, TEXTS[text]));
  for (size_t text = 0; text < sizeof TEXTS / sizeof *TEXTS; text++)
    assert(is_error(dita_kernel_set_slot_json(kernel, 0, TEXTS[text])));
  assert(is_error(dita_kernel_get_slot_json(kernel, 99)));
  uint8_t bytes[64];
  size_t len = 0;
  for (int seed = 0; seed < 2000; seed++) {
    for (size_t at = 0; at < sizeof bytes; at++) bytes[at] = (uint8_t)(seed * 31 + (int)at * 17 + (seed >> 3));
    bytes[0] = (uint8_t)(seed % 8);
    (void)dita_call(kernel, bytes, sizeof bytes, bytes, 0, &len);
    dita_outcome outcome;
    dita_event event;
    bytes[0] = 67;
    (void)dita_outcome_decode(bytes, sizeof bytes, 0, &outcome);
    (void)dita_event_decode(bytes, sizeof bytes, 0, 0, &event);
    dita_kernel_free_string(dita_outcome_json(bytes, sizeof bytes, 0));
  }
  assert(dita_call(kernel, NULL, 9, bytes, sizeof bytes, &len) == DITA_ERR_NULL_POINTER);
  assert(dita_call(kernel, bytes, 0, bytes, sizeof bytes, NULL) == DITA_ERR_NULL_POINTER);
  assert(dita_call(kernel, bytes, 0, NULL, 5, &len) == DITA_ERR_NULL_POINTER);
  assert(dita_intents_encode(NULL, 1, 0, bytes, 0, &len) == DITA_ERR_NULL_POINTER);
  assert(dita_decimal_parse(NULL, NULL) == DITA_ERR_NULL_POINTER);
  assert(dita_decimal_write(NULL, NULL, 0, &len) == DITA_ERR_NULL_POINTER);
}

static void trade(dita_kernel *kernel) {
  char text[32];
  uint8_t message[512];
  dita_intent intent = {0};
  intent.asset = "BTCUSDT";
  assert(dita_decimal_parse("60000", &intent.reference_price) == DITA_OK);
  dita_decimal ratios[2];
  assert(dita_decimal_parse("0.5", &ratios[0]) == DITA_OK);
  ratios[1] = ratios[0];
  dita_exit stop = {0};
  stop.kind = DITA_EXIT_KIND_STOP;
  assert(dita_decimal_parse("0.1", &stop.offset) == DITA_OK);
  for (int at = 0; at < 100; at++) {
    snprintf(text, sizeof text, "i%d", at);
    intent.timestamp_ns = 2 + at;
    intent.intent_id = text;
    intent.trade_id = "t";
    intent.action = at % 2 == 0 ? DITA_ACTION_ENTER : DITA_ACTION_EXIT;
    intent.exit_leg_ratios = at % 4 == 0 ? ratios : NULL;
    intent.exit_leg_ratios_count = at % 4 == 0 ? 2 : 0;
    intent.exits = at % 8 == 0 ? &stop : NULL;
    intent.exits_count = at % 8 == 0 ? 1 : 0;
    intent.metadata = at % 3 == 0 ? "{\"a\": [1, {\"b\": null}]}" : NULL;
    if (at % 2 == 0)
      assert(dita_decimal_parse("0.01", &intent.target_size) == DITA_OK);
    else
      memset(&intent.target_size, 0, sizeof intent.target_size);
    size_t len = 0;
    assert(dita_intents_encode(&intent, 1, (uint32_t)at, message, sizeof message, &len) == DITA_OK);
    size_t needed = 0;
    assert(dita_call(kernel, message, len, NULL, 0, &needed) == DITA_KEPT);
    uint8_t *reply = malloc(needed);
    assert(reply != NULL);
    assert(dita_take(kernel, reply, needed - 1, &len) == DITA_KEPT);
    assert(dita_take(kernel, reply, needed, &len) == DITA_OK && len == needed);
    assert(dita_take(kernel, reply, needed, &len) == DITA_ERR_INVALID_INPUT);
    dita_outcome outcome;
    assert(dita_outcome_decode(reply, needed, 0, &outcome) == DITA_OK);
    for (size_t one = 0; one < outcome.events_count; one++) {
      dita_event event;
      assert(dita_event_decode(reply, needed, 0, one, &event) == DITA_OK);
      assert(dita_event_kind_name(event.kind) != NULL);
      char price[64];
      assert(dita_decimal_write(&event.price, price, sizeof price, &len) == DITA_OK && len == strlen(price));
    }
    assert(dita_code_name(outcome.code) != NULL && dita_severity_name(outcome.severity) != NULL);
    dita_kernel_free_string(dita_outcome_json(reply, needed, 0));
    free(reply);
  }
}

int main(void) {
  assert(dita_abi_version() == DITA_ABI_VERSION && dita_abi_1 == DITA_ABI_VERSION);
  assert(strlen(dita_version()) > 0 && dita_stage_name(255) == NULL);
  for (size_t text = 0; text < sizeof TEXTS / sizeof *TEXTS; text++) {
    assert(dita_kernel_create(TEXTS[text]) == NULL);
    assert(strncmp(dita_last_error(), "{\"error\"", 8) == 0);
  }
  for (size_t venue = 0; venue < 2; venue++) {
    char config[512];
    snprintf(config, sizeof config, CONFIG, VENUES[venue]);
    dita_kernel *kernel = dita_kernel_create(config);
    assert(kernel != NULL);
    const char mark[] = "{\"asset\": \"BTCUSDT\", \"price\": \"60000\", \"timestamp\": 1}";
    const char quote[] = "{\"asset\": \"BTCUSDT\", \"bid\": \"60000\", \"ask\": \"60000.1\", \"timestamp\": 1}";
    assert(!is_error(dita_kernel_mark_price_json(kernel, mark)));
    assert(is_error(dita_kernel_quote_json(kernel, quote)) == (venue == 1));
    trade(kernel);
    misuse(kernel);
    assert(!is_error(dita_kernel_set_slot_json(kernel, 0, OVERRIDE)) || venue == 1);
    assert(!is_error(dita_kernel_take_effects_json(kernel)));
    assert(!is_error(dita_kernel_snapshot_json(kernel)));
    dita_kernel_free_string(dita_kernel_state_hash(kernel));
    assert(dita_kernel_destroy(kernel) == DITA_OK);
    assert(dita_kernel_destroy(kernel) == DITA_ERR_DEAD_HANDLE);
    assert(is_error(dita_kernel_snapshot_json(kernel)));
  }
  dita_kernel_free_string(NULL);
  assert(dita_kernel_destroy(NULL) == DITA_ERR_NULL_POINTER);
  puts("all of it");
  return 0;
}
