/* The messages that a C client receives: how many, and when. */
#ifndef RECEIVER_H
#define RECEIVER_H

#include <semaphore.h>

#include "common.h"

static sem_t finished;
static long wanted, received;
static double *times;
static struct watch watch;
static int measures_age;

/* Counts a message, and notes its age if its payload begins with the time at which it was sent. */
static void arrived(const void *payload) {
    if (!received && !measures_age) watch = start();
    if (measures_age) {
        double sent;
        memcpy(&sent, payload, sizeof sent);
        times[received] = now() - sent;
    }
    if (++received == wanted) sem_post(&finished);
}

#endif
