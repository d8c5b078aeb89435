/* Runs the host tests: all of them, or those named. Prints one line each; a failed check names its
 * place and ends the run with 1. */
#include "rig.h"

typedef struct {
  const char *name;
  void (*run)(void);
} test;

static void random_small(void) { test_random(1, 40); }

static const test TESTS[] = {
    {"frames", test_frames},     {"session", test_session},
    {"rules", test_rules},       {"margins", test_rule_margins},
    {"stops", test_stops},       {"modes", test_modes},
    {"monitor", test_monitor},   {"clearances", test_clearances},
    {"record", test_record},     {"store", test_store},
    {"random", random_small},
};

static int named(const char *name, int count, char **names) {
  if (count == 0) return 1;
  for (int k = 0; k < count; k++) {
    if (strcmp(name, names[k]) == 0) return 1;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "--random") == 0) {
    test_random((uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]));
    printf("ok random\n");
    return 0;
  }
  for (size_t k = 0; k < sizeof(TESTS) / sizeof(TESTS[0]); k++) {
    if (!named(TESTS[k].name, argc - 1, argv + 1)) continue;
    TESTS[k].run();
    printf("ok %s\n", TESTS[k].name);
  }
  return 0;
}
