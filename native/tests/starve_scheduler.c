/* starve_scheduler.c: every allocation fails once; a refused call must leave the scheduler as it was.
 *
 * Each operation is tried with its first, second, ... allocation failing until it succeeds. After each refusal
 * everything that can be asked is compared with what it was before. Built with SCHED_TEST_ALLOCATION. */
#include "../internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICKETS = 1200, QUEUES = 20, PROFILES = 20 };

static int64_t allowed = INT64_MAX; /* allocations until one fails */
static int64_t refusals;

void *sched_test_allocation(size_t bytes);

void *sched_test_allocation(size_t bytes) { return allowed-- > 0 ? aligned_alloc(64, bytes) : NULL; }

struct picture {
    int64_t length, next, waiting[QUEUES], peeks[PROFILES], lags[SCHED_GROUPS];
    sched_ticket rows[QUEUES][2 * TICKETS];
    sched_choice choices[PROFILES];
};

static struct picture before, after;
static scheduler *s;

static void take_picture(struct picture *picture) {
    memset(picture, 0, sizeof *picture);
    picture->length = sched_length(s);
    picture->next = sched_next_due(s);
    sched_lags(s, picture->lags);
    for (int64_t i = 0; i < QUEUES; i++) {
        picture->waiting[i] = sched_waiting(s, i);
        sched_rows(s, i, picture->rows[i]);
    }
    for (int64_t i = 0; i < PROFILES; i++) picture->peeks[i] = sched_peek(s, i, 5000, &picture->choices[i]);
}

static void fail(const char *what) {
    fprintf(stderr, "%s, after %" PRId64 " refusals\n", what, refusals);
    abort();
}

/* Tries `operation` under rising allowances; its answer. */
static int64_t starve(int64_t (*operation)(int64_t), int64_t argument) {
    for (int64_t spare = 0;; spare++) {
        take_picture(&before);
        allowed = spare;
        int64_t answer = operation(argument);
        allowed = INT64_MAX;
        if (answer != SCHED_NO_MEMORY) {
            if (answer < 0) fail("refused for another reason");
            return answer;
        }
        refusals++;
        take_picture(&after);
        if (memcmp(&before, &after, sizeof before)) fail("a refused call changed something");
        if (sched_check(s)) fail("a refused call broke an invariant");
    }
}

static int64_t define_queue(int64_t i) {
    bool ratio = i % 5 == 1;
    sched_terms terms = {i % 4, i, INT64_C(1) << 53, 0, 0, 9000, 100, 200, ratio ? 2 : 0, ratio ? i : 0};
    return sched_define_queue(s, &terms);
}

static int64_t define_profile(int64_t i) {
    sched_lane lanes[2] = {{i, 1, 0, 0, 0}, {(i + 1) % QUEUES, 2, 0, 0, 0}};
    return sched_define_profile(s, lanes, 2);
}

static int64_t set_profile(int64_t i) {
    sched_lane lanes[3] = {{i, 2, 5, 0, 0}, {(i + 1) % QUEUES, 1, 0, 9, 0}, {(i + 2) % QUEUES, 1, 0, 0, 0}};
    return sched_set_profile(s, i, lanes, 3);
}

static int64_t push(int64_t i) {
    return sched_push(s, i, i % 3 ? 0 : i % QUEUES, i * 7 % 4000, i, i % 3);
}

static int64_t move(int64_t i) { return sched_move(s, i, (i + 3) % QUEUES, i); }

static int64_t push_many(int64_t i) {
    sched_ticket batch[150];
    for (int64_t k = 0; k < 150; k++) batch[k] = (sched_ticket){i + k, k % 7, 4000 - k, k, 0};
    return sched_push_many(s, batch, 150);
}

/* These need no memory: with none at all they must not be refused. */
static void without_memory(void) {
    sched_choice choice;
    int64_t keys[2] = {0, 1}, index;
    sched_ask asks[2] = {{0, 5000}, {1, 5000}};
    sched_choice choices[2];
    sched_idle idle = {0, 0, 0};
    sched_head heads[3];
    allowed = 0;
    if (sched_remove_many(s, keys, 2) || sched_called(s, 2) || sched_remove(s, 3)) fail("a removal wants memory");
    if (sched_call(s, 0, 5000, &choice) != 1 || sched_call_many(s, asks, 2, choices)) fail("a call wants memory");
    if (sched_assign(s, &idle, 1, 0, 5000, &index, &choice) != 1) fail("assign wants memory");
    if (sched_heads(s, 1, 5000, heads) < 0 || sched_check(s)) fail("a question wants memory");
    allowed = INT64_MAX;
}

static int64_t ahead(int64_t i) { return sched_ahead(s, i % PROFILES, i, 5000); }

static int64_t ahead_of_newcomer(int64_t i) { return sched_ahead_of_newcomer(s, i % PROFILES, 0, 5000); }

static int64_t preview(int64_t i) {
    int64_t keys[10];
    return sched_preview(s, i % PROFILES, 5000, 10, keys);
}

static int64_t estimate(int64_t i) {
    static sched_place places[TICKETS + 1];
    int64_t means[QUEUES], wanted[3] = {7, 8, 9};
    sched_server servers[2] = {{i % PROFILES, 0}, {0, 5}};
    for (int64_t queue = 0; queue < QUEUES; queue++) means[queue] = 10;
    return sched_estimate(s, servers, 2, means, QUEUES, 5000, 0, i % 2 ? wanted : NULL, 3, places);
}

int main(void) {
    allowed = 0;
    if (sched_new()) fail("made without memory");
    allowed = INT64_MAX;
    s = sched_new();
    for (int64_t i = 0; i < QUEUES; i++) starve(define_queue, i);
    for (int64_t i = 0; i < PROFILES; i++) starve(define_profile, i);
    for (int64_t i = 0; i < TICKETS; i++) starve(push, i);
    for (int64_t i = 0; i < TICKETS; i += 2) starve(move, i);
    for (int64_t i = 0; i < PROFILES; i++) starve(set_profile, i);
    for (int64_t i = 0; i < 4; i++) starve(preview, i);
    for (int64_t i = 0; i < 4; i++) starve(estimate, i);
    for (int64_t i = 10; i < 30; i++) starve(ahead, i);
    for (int64_t i = 0; i < PROFILES; i++) starve(ahead_of_newcomer, i);
    starve(push_many, TICKETS);
    starve(push_many, TICKETS + 150);
    for (uint32_t i = 0; i < TICKETS; i++) /* no record lies across two cache lines */
        if ((uintptr_t)arena_ticket(s, i) % sizeof(struct ticket)) fail("a ticket off its cache line");
    without_memory();
    sched_free(s);
    if (refusals < 50) fail("too few allocations failed for this to mean anything");
    printf("%" PRId64 " refusals, nothing changed by any\n", refusals);
    return 0;
}
