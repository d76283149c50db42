/* Round trips through the C ABI, timed in C: an entry and an exit, filled at once by the simulated venue.
 *
 * Prints JSON: nanoseconds a trip by the binary call (with what is encoded anew for each, and the outcome that is read), and
 * nanoseconds a JSON call. benches/python/capi.py compiles and runs it.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dita.h"

enum { TRIPS = 20000, ROUNDS = 15 };

static const char CONFIG[] =
    "{\"max_slots\": 10, \"simulated\": {\"balances\": {\"USDT\": \"1000000000\"}, %s},"
    " \"exchange\": {\"instruments\": {\"BTCUSDT\": {\"tick_size\": \"0.1\", \"lot_step\": \"0.001\"}}},"
    " \"seed_capital\": {\"USDT\": \"1000000000\"}}";
static const char APART[] = "\"fee_in_fill\": false";
static const char IN_FILL[] = "\"fee_in_fill\": true, \"settle_events\": false";

static void stop_at(const char *what) {
  fprintf(stderr, "%s: %s\n", what, dita_last_error());
  exit(1);
}

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_size(const void *one, const void *other) {
  double a = *(const double *)one, b = *(const double *)other;
  return (a > b) - (a < b);
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, by_size);
  return values[count / 2];
}

static dita_kernel *opened(const char *settings) {
  char config[1024];
  snprintf(config, sizeof config, CONFIG, settings);
  dita_kernel *kernel = dita_kernel_create(config);
  if (kernel == NULL) stop_at("create");
  char *answer = dita_kernel_quote_json(
      kernel, "{\"asset\": \"BTCUSDT\", \"bid\": \"61800.2\", \"ask\": \"61800.3\", \"timestamp\": 0}");
  if (strncmp(answer, "{\"error\"", 8) == 0) stop_at("quote");
  dita_kernel_free_string(answer);
  return kernel;
}

static double binary(const char *settings) {
  dita_kernel *kernel = opened(settings);
  char id[2][24], trade[24];
  dita_intent intents[2] = {{0}, {0}};
  for (int at = 0; at < 2; at++) {
    intents[at].intent_id = id[at];
    intents[at].trade_id = trade;
    intents[at].asset = "BTCUSDT";
    intents[at].action = at == 0 ? DITA_ACTION_ENTER : DITA_ACTION_EXIT;
    dita_decimal_parse("61800.3", &intents[at].reference_price);
  }
  dita_decimal_parse("0.013", &intents[0].target_size);
  static uint8_t messages[TRIPS][2][512];
  static size_t lengths[TRIPS][2];
  uint8_t reply[1 << 15];
  double rounds[ROUNDS];
  long trip = 0;
  for (int round = 0; round < ROUNDS; round++) {
    /* Encoded before: what is timed is the call, and reading what came of it. */
    for (int at = 0; at < TRIPS; at++) {
      trip++;
      snprintf(trade, sizeof trade, "t%ld", trip);
      for (int part = 0; part < 2; part++) {
        snprintf(id[part], sizeof id[part], "%c%ld", part == 0 ? 'e' : 'x', trip);
        intents[part].timestamp_ns = trip;
        if (dita_intents_encode(&intents[part], 1, 0, messages[at][part], sizeof messages[at][part],
                                &lengths[at][part]) != DITA_OK)
          stop_at("encode");
      }
    }
    double from = now_ns();
    for (int at = 0; at < TRIPS; at++) {
      for (int part = 0; part < 2; part++) {
        size_t len = 0;
        dita_outcome outcome;
        if (dita_call(kernel, messages[at][part], lengths[at][part], reply, sizeof reply, &len) != DITA_OK)
          stop_at("call");
        if (dita_outcome_decode(reply, len, 0, &outcome) != DITA_OK) stop_at("outcome");
        if (!outcome.accepted || outcome.state != (part == 0 ? DITA_STAGE_POSITION_OPEN : DITA_STAGE_CLOSED))
          stop_at("trade");
      }
    }
    rounds[round] = (now_ns() - from) / TRIPS;
  }
  dita_kernel_destroy(kernel);
  return median(rounds, ROUNDS);
}

static double json(void) {
  dita_kernel *kernel = opened(IN_FILL);
  double rounds[ROUNDS];
  long trip = 0;
  for (int round = 0; round < ROUNDS; round++) {
    double from = now_ns();
    for (int at = 0; at < TRIPS / 10; at++) {
      trip++;
      for (int part = 0; part < 2; part++) {
        char intent[512];
        snprintf(intent, sizeof intent,
                 "{\"timestamp\": %ld, \"intent_id\": \"%c%ld\", \"trade_id\": \"t%ld\", \"slot_id\": 0,"
                 " \"asset\": \"BTCUSDT\", \"side\": \"LONG\", \"action\": \"%s\", \"reference_price\": \"61800.3\"%s}",
                 trip, part == 0 ? 'e' : 'x', trip, trip, part == 0 ? "ENTER" : "EXIT",
                 part == 0 ? ", \"target_size\": \"0.013\"" : "");
        char *answer = dita_kernel_process_intent_json(kernel, intent);
        if (strncmp(answer, "{\"accepted\":true", 16) != 0) stop_at("trade");
        dita_kernel_free_string(answer);
      }
    }
    rounds[round] = (now_ns() - from) / (TRIPS / 10) / 2;
  }
  dita_kernel_destroy(kernel);
  return median(rounds, ROUNDS);
}

int main(void) {
  printf("{\"binary_trip_ns\": %.0f, \"binary_trip_fee_in_fill_ns\": %.0f, \"json_call_ns\": %.0f}\n", binary(APART),
         binary(IN_FILL), json());
  return 0;
}
