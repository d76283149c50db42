/* One trade through DITA's C ABI: opened by JSON, closed by the binary call.
 *
 *   cc -std=c11 -Wall -Wextra -Werror -I DIR first_trade.c -o first_trade DIR/libdita_v2_kernel.so -Wl,-rpath,DIR
 *
 * DIR is the folder that `python -c "import dita.capi; print(dita.capi.header().parent)"` prints.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dita.h"

static const char CONFIG[] =
    "{\"max_slots\": 2, \"simulated\": {\"balances\": {\"USDT\": \"10000\"}},"
    " \"exchange\": {\"instruments\": {\"BTCUSDT\": {\"tick_size\": \"0.1\", \"lot_step\": \"0.001\"}}},"
    " \"seed_capital\": {\"USDT\": \"10000\"}}";

static const char ENTER[] =
    "{\"timestamp\": 2, \"intent_id\": \"in\", \"trade_id\": \"t1\", \"slot_id\": 0, \"asset\": \"BTCUSDT\","
    " \"side\": \"LONG\", \"action\": \"ENTER\", \"target_size\": \"0.01\", \"reference_price\": \"60000\"}";

static void stop_at(const char *what) {
  fprintf(stderr, "%s: %s\n", what, dita_last_error());
  exit(1);
}

/* Prints an answer and frees it; an error ends the program. */
static void show(const char *what, char *answer) {
  if (strncmp(answer, "{\"error\"", 8) == 0) stop_at(what);
  printf("%s: %.60s...\n", what, answer);
  dita_kernel_free_string(answer);
}

int main(void) {
  if (dita_abi_version() != DITA_ABI_VERSION) {
    fprintf(stderr, "the library is of version %u, the header of %u\n", dita_abi_version(), DITA_ABI_VERSION);
    return 1;
  }
  dita_kernel *kernel = dita_kernel_create(CONFIG);
  if (kernel == NULL) stop_at("create");

  show("quote", dita_kernel_quote_json(
                    kernel, "{\"asset\": \"BTCUSDT\", \"bid\": \"60000.0\", \"ask\": \"60000.1\", \"timestamp\": 1}"));
  show("enter", dita_kernel_process_intent_json(kernel, ENTER));

  dita_intent leave = {0};
  leave.timestamp_ns = 3;
  leave.intent_id = "out";
  leave.trade_id = "t1";
  leave.asset = "BTCUSDT";
  leave.side = DITA_SIDE_LONG;
  leave.action = DITA_ACTION_EXIT;
  if (dita_decimal_parse("60000", &leave.reference_price) != DITA_OK) stop_at("price");

  uint8_t message[1024];
  uint8_t reply[8192];
  size_t message_len = 0;
  size_t reply_len = 0;
  if (dita_intents_encode(&leave, 1, 1, message, sizeof message, &message_len) != DITA_OK) stop_at("encode");
  if (dita_call(kernel, message, message_len, reply, sizeof reply, &reply_len) != DITA_OK) stop_at("call");

  dita_outcome outcome;
  if (dita_outcome_decode(reply, reply_len, 0, &outcome) != DITA_OK) stop_at("outcome");
  printf("exit: %s, %s\n", dita_code_name(outcome.code), dita_stage_name(outcome.state));
  for (size_t at = 0; at < outcome.events_count; at++) {
    dita_event event;
    char price[64] = "";
    size_t price_len = 0;
    if (dita_event_decode(reply, reply_len, 0, at, &event) != DITA_OK) stop_at("event");
    if (dita_decimal_write(&event.price, price, sizeof price, &price_len) != DITA_OK) stop_at("price");
    printf("  %s %s\n", dita_event_kind_name(event.kind), price);
  }
  show("snapshot", dita_kernel_snapshot_json(kernel));
  return dita_kernel_destroy(kernel) == DITA_OK ? 0 : 1;
}
