/* Runs the tests: all, or those whose names contain one of the arguments. The first failure ends the program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#define FILES(EACH)                                                                                \
    EACH(versions) EACH(errors) EACH(config) EACH(sending) EACH(receiving) EACH(messages) EACH(requests) \
    EACH(credentials) EACH(tokens) EACH(events) EACH(logs) EACH(shared) EACH(threads) EACH(api) EACH(forks)

#define DECLARE(file) extern const test file##_tests[];
FILES(DECLARE)

static bool chosen(const char *name, char **words) {
    if (*words == NULL) return true;
    for (; *words; words++)
        if (strstr(name, *words)) return true;
    return false;
}

static int run(const char *file, const test *tests, char **words) {
    int passed = 0;
    for (; tests->name; tests++) {
        char name[128];
        snprintf(name, sizeof name, "%s: %s", file, tests->name);
        if (!chosen(name, words)) continue;
        printf("test %s ... ", name);
        fflush(stdout);
        int64_t started = now_ms();
        tests->run();
        printf("ok (%.2fs)\n", (double)(now_ms() - started) / 1000);
        passed++;
    }
    return passed;
}

int main(int argc, char **argv) {
    (void)argc;
    int passed = 0;
#define RUN(file) passed += run(#file, file##_tests, argv + 1);
    FILES(RUN)
    printf("test result: ok. %d passed; 0 failed; 0 ignored\n", passed);
    return EXIT_SUCCESS;
}
