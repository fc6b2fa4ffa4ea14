/* What the C clients share: the arguments, the clock, and the line of JSON with which each run ends. */
#ifndef COMMON_H
#define COMMON_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define TOPIC "demo/bench"
#define CLIENT_ID "GID_bench@@@client"
#define USER "Signature|access-key-id|post-cn-bench"

/* CLIENT ROLE name=value... */
static const char *text(char **argv, const char *name, const char *otherwise) {
    size_t length = strlen(name);
    for (char **arg = argv + 2; *arg; arg++)
        if (!strncmp(*arg, name, length) && (*arg)[length] == '=') return *arg + length + 1;
    return otherwise;
}

static long number(char **argv, const char *name, long otherwise) {
    const char *value = text(argv, name, NULL);
    return value ? atol(value) : otherwise;
}

static inline void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static inline double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static inline double cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

struct watch {
    double started, cpu;
};

static inline struct watch start(void) {
    struct watch watch = {.cpu = cpu()};
    watch.started = now();
    return watch;
}

static inline void stop(struct watch watch, long count, long lost) {
    double seconds = now() - watch.started;
    printf("{\"count\": %ld, \"lost\": %ld, \"seconds\": %.9f, \"cpu\": %.6f}\n", count, lost, seconds,
           cpu() - watch.cpu);
    fflush(stdout);
}

static inline int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* As `stop`, with the percentiles of the times of single operations, in seconds. */
static inline void stop_with_times(struct watch watch, double *times, long count) {
    double seconds = now() - watch.started, used = cpu() - watch.cpu;
    qsort(times, count, sizeof *times, compare_doubles);
#define AT(part) (times[(long)((count - 1) * (part) + 0.5)] * 1e6)
    printf("{\"count\": %ld, \"seconds\": %.9f, \"cpu\": %.6f, \"p50\": %.3f, \"p99\": %.3f, \"p999\": %.3f}\n", count,
           seconds, used, AT(0.5), AT(0.99), AT(0.999));
    fflush(stdout);
}

/* Waits until the n-th moment of a steady pace. */
static inline void pace(double started, long n, double pause) {
    double due = started + n * pause;
    struct timespec time = {.tv_sec = (time_t)due, .tv_nsec = (long)((due - (time_t)due) * 1e9)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

#endif
