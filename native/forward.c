/* forward.c: calling in thought: what a profile would call now, and everybody's wait by running the policy.
 *
 * What must stay true: the scheduler is only read. A run has its own copy of the front (lines, heads, lags) and
 * one cursor a queue; a call moves a cursor and charges a lag. All scratch memory is taken before the first step and freed at the end.
 *
 * The forward run
 * 1. Every server stands in a heap by (its clock, its number); its clock starts at now + free_in.
 * 2. The first server of the heap picks at its clock, as sched_peek would. The ticket's wait is that clock
 *    less now; the server's clock moves on by the mean service of the queue.
 * 3. If it sees nobody, it sleeps until the earliest moment at which a lane would show it a ticket that is
 *    still there; if there is none, it leaves the run. That moment lies ahead, and no ticket joins later: so
 *    every step either calls somebody or uses up such a moment, and the run ends.
 * 4. A server whose clock reaches TIME_LIMIT leaves the run. */
#include "internal.h"

#include <string.h>

struct run {
    const scheduler *s;
    struct front front;
    struct spot *cursors;
    int64_t newcomer; /* the queue in which the newcomer still stands, or -1 */
    int64_t newcomer_v;
};

/* Writes the head at the cursor, or the newcomer if it stands before that, into the run's lines. */
static void show_head(struct run *run, uint32_t queue) {
    const struct queue *q = &run->s->queues[queue];
    struct spot at = run->cursors[queue];
    int64_t v = EMPTY_V;
    uint32_t slot = NO_SLOT;
    if (at.span < q->last) {
        const struct chunk *chunk = q->spans[at.span].chunk;
        v = chunk->v[at.at];
        slot = chunk->slot[at.at];
    }
    if (run->newcomer == queue && run->newcomer_v < v) {
        v = run->newcomer_v;
        slot = NO_SLOT;
    }
    run->front.lines[queue].head_v = v;
    run->front.heads[queue] = slot;
}

/* The head of the queue is called: its slot, or NO_SLOT for the newcomer. */
static uint32_t take_head(struct run *run, uint32_t queue) {
    uint32_t slot = run->front.heads[queue];
    lag_charge(&run->front.lags, &run->front.lines[queue]);
    if (slot == NO_SLOT) {
        run->newcomer = -1;
    } else {
        const struct queue *q = &run->s->queues[queue];
        struct spot *at = &run->cursors[queue];
        const struct span *span = &q->spans[at->span];
        if (++at->at == span->begin + span->count) {
            at->span++;
            if (at->span < q->last) at->at = span[1].begin;
        }
    }
    show_head(run, queue);
    return slot;
}

static void run_end(struct run *run) {
    memory_scratch_free(run->front.lines);
    memory_scratch_free(run->front.heads);
    memory_scratch_free(run->cursors);
}

static bool run_begin(struct run *run, const scheduler *s, int64_t newcomer, int64_t now) {
    size_t queues = (size_t)s->queue_count;
    *run = (struct run){.s = s, .newcomer = newcomer, .newcomer_v = now, .front.late = s->front.late};
    run->front.lags = s->front.lags;
    run->front.lines = memory_scratch(queues * sizeof *run->front.lines);
    run->front.heads = memory_scratch(queues * sizeof *run->front.heads);
    run->cursors = memory_scratch(queues * sizeof *run->cursors);
    if (!run->front.lines || !run->front.heads || !run->cursors) {
        run_end(run);
        return false;
    }
    if (queues) memcpy(run->front.lines, s->front.lines, queues * sizeof *run->front.lines);
    for (uint32_t queue = 0; queue < queues; queue++) {
        const struct queue *q = &s->queues[queue];
        run->cursors[queue] = (struct spot){q->first, q->first < q->last ? q->spans[q->first].begin : 0};
        show_head(run, queue);
    }
    return true;
}

int64_t sched_preview(const scheduler *s, int64_t profile, int64_t now, int64_t limit, int64_t *keys) {
    if (!profile_ok(s, profile)) return SCHED_NO_PROFILE;
    if (!instant_ok(now)) return SCHED_BAD_NUMBER;
    struct run run;
    if (!run_begin(&run, s, -1, now)) return SCHED_NO_MEMORY;
    int64_t count = 0;
    const struct lane *lane;
    while (count < limit && (lane = pick_first(s, &run.front, &s->profiles[profile], now)))
        keys[count++] = key_of(s, take_head(&run, lane->queue));
    run_end(&run);
    return count;
}

int64_t forward_ahead(const scheduler *s, int64_t profile, uint32_t slot, int64_t queue, int64_t now) {
    struct run run;
    if (!run_begin(&run, s, queue, now)) return SCHED_NO_MEMORY;
    int64_t count = 0;
    const struct lane *lane;
    while ((lane = pick_first(s, &run.front, &s->profiles[profile], now)) &&
           take_head(&run, lane->queue) != slot)
        count++;
    run_end(&run);
    return count;
}

/* A server in the heap. */
struct clock {
    int64_t time, server;
};

static bool earlier(struct clock a, struct clock b) {
    return a.time != b.time ? a.time < b.time : a.server < b.server;
}

/* Lets the clock at `at` sink to its place. */
static void sink(struct clock *heap, int64_t count, int64_t at) {
    struct clock moving = heap[at];
    for (int64_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && earlier(heap[child + 1], heap[child])) child++;
        if (!earlier(heap[child], moving)) break;
        heap[at] = heap[child];
    }
    heap[at] = moving;
}

/* Step 3: the earliest moment at which a lane of the profile would show somebody who is still there;
 * TIME_LIMIT if there is none. */
static int64_t next_sight(const struct run *run, const struct profile *profile) {
    int64_t earliest = TIME_LIMIT;
    for (int64_t i = 0; i < profile->count; i++) {
        const struct lane *lane = &profile->lanes[i];
        int64_t moment = run->front.lines[lane->queue].head_v + lane->min_wait; /* of an empty queue: too late */
        if (moment < earliest) earliest = moment;
    }
    return earliest;
}

/* Which tickets are asked for: one bit a slot. */
static bool asked(const uint64_t *bits, uint32_t slot) {
    return !bits || slot == NO_SLOT || (bits[slot / 64] >> slot % 64 & 1);
}

static int64_t run_forward(struct run *run, struct clock *heap, int64_t count, const sched_server *servers,
                           const int64_t *means, int64_t now, const uint64_t *bits, int64_t missing,
                           sched_place *out) {
    int64_t called = 0, written = 0;
    for (int64_t i = count / 2 - 1; i >= 0; i--) sink(heap, count, i);
    while (count && missing && heap[0].time < TIME_LIMIT) { /* else all have left the run (steps 3 and 4) */
        struct clock *first = &heap[0];
        const struct profile *profile = &run->s->profiles[servers[first->server].profile];
        const struct lane *lane = pick_first(run->s, &run->front, profile, first->time);
        if (lane) {
            uint32_t queue = lane->queue, slot = take_head(run, queue);
            if (asked(bits, slot)) {
                out[written++] = (sched_place){key_of(run->s, slot), first->time - now, called};
                missing--;
            }
            called++;
            first->time += means[queue];
        } else {
            first->time = next_sight(run, profile);
        }
        sink(heap, count, 0);
    }
    return written;
}

int64_t sched_estimate(const scheduler *s, const sched_server *servers, int64_t server_count,
                       const int64_t *means, int64_t mean_count, int64_t now, int64_t newcomer,
                       const int64_t *wanted, int64_t wanted_count, sched_place *out) {
    if (!instant_ok(now) || server_count < 0 || mean_count != s->queue_count) return SCHED_BAD_NUMBER;
    if (newcomer < -1 || newcomer >= s->queue_count) return SCHED_NO_QUEUE;
    for (int64_t i = 0; i < server_count; i++) {
        if (!profile_ok(s, servers[i].profile)) return SCHED_NO_PROFILE;
        if (servers[i].free_in < 0 || servers[i].free_in > WAIT_LIMIT) return SCHED_BAD_NUMBER;
    }
    for (int64_t i = 0; i < mean_count; i++)
        if (means[i] < 1 || means[i] > MEAN_LIMIT) return SCHED_BAD_NUMBER;
    for (int64_t i = 0; wanted && i < wanted_count; i++)
        if (index_find(s, wanted[i]) == NO_SLOT) return SCHED_NO_TICKET;

    int64_t result = SCHED_NO_MEMORY;
    int64_t missing = s->count + (newcomer >= 0);
    size_t words = (size_t)s->used / 64 + 1;
    struct run run = {.s = s};
    struct clock *heap = memory_scratch((size_t)server_count * sizeof *heap);
    uint64_t *bits = wanted ? memory_scratch(words * sizeof *bits) : NULL;
    if (!heap || (wanted && !bits) || !run_begin(&run, s, newcomer, now)) goto end;
    if (wanted) {
        memset(bits, 0, words * sizeof *bits);
        missing = newcomer >= 0;
        for (int64_t i = 0; i < wanted_count; i++) {
            uint32_t slot = index_find(s, wanted[i]);
            missing += !asked(bits, slot);
            bits[slot / 64] |= UINT64_C(1) << slot % 64;
        }
    }
    for (int64_t i = 0; i < server_count; i++) heap[i] = (struct clock){now + servers[i].free_in, i};
    result = run_forward(&run, heap, server_count, servers, means, now, bits, missing, out);
    run_end(&run);
end:
    memory_scratch_free(heap);
    memory_scratch_free(bits);
    return result;
}
