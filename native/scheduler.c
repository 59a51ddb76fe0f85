/* scheduler.c: making, defining, pushing, moving, removing. What each function promises: scheduler.h.
 *
 * Every change follows one pattern, so that a refusal leaves everything as it was:
 * 1. look up and check all arguments; 2. reserve all memory the change may need; 3. change, which cannot
 * fail any more; 4. refresh the lines and timers of the queues concerned. */
#include "internal.h"

#include <string.h>

scheduler *sched_new(void) {
    scheduler *s = memory_scratch(sizeof *s);
    if (!s) return NULL;
    *s = (scheduler){.free = NO_SLOT, .bytes = sizeof *s};
    return s;
}

void sched_free(scheduler *s) {
    if (!s) return;
    for (int64_t i = 0; i < s->segment_count; i++) memory_scratch_free(s->segments[i]);
    for (int64_t i = 0; i < s->queue_count; i++) {
        struct queue *q = &s->queues[i];
        for (uint32_t span = q->first; span < q->last; span++) memory_scratch_free(q->spans[span].chunk);
        memory_scratch_free(q->spans);
    }
    for (int64_t i = 0; i < s->profile_count; i++) memory_scratch_free(s->profiles[i].lanes);
    while (s->pool) {
        struct chunk *next = s->pool->next;
        memory_scratch_free(s->pool);
        s->pool = next;
    }
    memory_scratch_free(s->segments);
    memory_scratch_free(s->lines);
    memory_scratch_free(s->heads);
    memory_scratch_free(s->queues);
    memory_scratch_free(s->profiles);
    memory_scratch_free(s);
}

static bool within(int64_t number, int64_t lowest, int64_t highest) {
    return number >= lowest && number <= highest;
}

static bool terms_ok(const sched_terms *t) {
    return within(t->rate, 0, RATE_LIMIT) && within(t->offset, -NEVER, NEVER) && within(t->knee, 0, NEVER) &&
           within(t->jump, 0, NEVER) && within(t->rate_after, -t->rate, RATE_LIMIT) &&
           within(t->guard, 0, NEVER) && within(t->warn, 0, NEVER) && within(t->target, 0, NEVER);
}

static bool queue_ok(const scheduler *s, int64_t queue) { return within(queue, 0, s->queue_count - 1); }

static void put_terms(scheduler *s, int64_t queue, const sched_terms *t) {
    struct line *line = &s->lines[queue];
    line->rate = t->rate;
    line->offset = t->offset;
    line->knee = t->knee;
    line->jump = t->jump;
    line->rate_after = t->rate_after;
    line->guard = t->guard;
    s->queues[queue].alert_waits[0] = t->warn;
    s->queues[queue].alert_waits[1] = t->target;
    queue_refresh(s, (uint32_t)queue);
}

/* Room for one more queue in the three arrays that grow together. */
static bool reserve_queue(scheduler *s) {
    int64_t count = s->queue_count;
    if (count < s->queue_room) return true;
    int64_t more = s->queue_room ? 2 * s->queue_room : 8;
    struct line *lines = memory_get(s, (size_t)more * sizeof *lines);
    uint32_t *heads = memory_get(s, (size_t)more * sizeof *heads);
    struct queue *queues = memory_get(s, (size_t)more * sizeof *queues);
    if (!lines || !heads || !queues) {
        memory_free(s, lines, (size_t)more * sizeof *lines);
        memory_free(s, heads, (size_t)more * sizeof *heads);
        memory_free(s, queues, (size_t)more * sizeof *queues);
        return false;
    }
    if (count) {
        memcpy(lines, s->lines, (size_t)count * sizeof *lines);
        memcpy(heads, s->heads, (size_t)count * sizeof *heads);
        memcpy(queues, s->queues, (size_t)count * sizeof *queues);
    }
    memory_free(s, s->lines, (size_t)s->queue_room * sizeof *lines);
    memory_free(s, s->heads, (size_t)s->queue_room * sizeof *heads);
    memory_free(s, s->queues, (size_t)s->queue_room * sizeof *queues);
    s->lines = lines;
    s->heads = heads;
    s->queues = queues;
    s->queue_room = more;
    return true;
}

int64_t sched_define_queue(scheduler *s, const sched_terms *terms) {
    if (!terms_ok(terms)) return SCHED_BAD_NUMBER;
    if (!reserve_queue(s)) return SCHED_NO_MEMORY;
    int64_t queue = s->queue_count++;
    s->queues[queue] = (struct queue){0};
    put_terms(s, queue, terms);
    return queue;
}

int64_t sched_set_terms(scheduler *s, int64_t queue, const sched_terms *terms) {
    if (!queue_ok(s, queue)) return SCHED_NO_QUEUE;
    if (!terms_ok(terms)) return SCHED_BAD_NUMBER;
    put_terms(s, queue, terms);
    return 0;
}

static int64_t check_lanes(const scheduler *s, const sched_lane *lanes, int64_t count) {
    if (count < 0) return SCHED_BAD_NUMBER;
    for (int64_t i = 0; i < count; i++) {
        const sched_lane *lane = &lanes[i];
        if (!queue_ok(s, lane->queue)) return SCHED_NO_QUEUE;
        if (!within(lane->level, 1, LEVEL_LIMIT) || !within(lane->bonus, -NEVER, NEVER) ||
            !within(lane->min_wait, -NEVER, NEVER) || !within(lane->reserve, 0, MEAN_LIMIT - 1))
            return SCHED_BAD_NUMBER;
        for (int64_t j = 0; j < i; j++)
            if (lanes[j].queue == lane->queue) return SCHED_BAD_NUMBER;
    }
    return 0;
}

/* A copy of the lanes in `profile`, or false. */
static bool copy_lanes(scheduler *s, const sched_lane *lanes, int64_t count, struct profile *profile) {
    profile->count = count;
    profile->lanes = memory_get(s, (size_t)count * sizeof *lanes);
    if (profile->lanes && count) memcpy(profile->lanes, lanes, (size_t)count * sizeof *lanes);
    return profile->lanes;
}

int64_t sched_define_profile(scheduler *s, const sched_lane *lanes, int64_t count) {
    int64_t wrong = check_lanes(s, lanes, count);
    if (wrong) return wrong;
    void *profiles = memory_grown(s, s->profiles, &s->profile_room, s->profile_count, sizeof *s->profiles);
    if (!profiles) return SCHED_NO_MEMORY;
    s->profiles = profiles;
    if (!copy_lanes(s, lanes, count, &s->profiles[s->profile_count])) return SCHED_NO_MEMORY;
    return s->profile_count++;
}

int64_t sched_set_profile(scheduler *s, int64_t profile, const sched_lane *lanes, int64_t count) {
    if (!within(profile, 0, s->profile_count - 1)) return SCHED_NO_PROFILE;
    int64_t wrong = check_lanes(s, lanes, count);
    if (wrong) return wrong;
    struct profile other;
    if (!copy_lanes(s, lanes, count, &other)) return SCHED_NO_MEMORY;
    struct profile *old = &s->profiles[profile];
    memory_free(s, old->lanes, (size_t)old->count * sizeof *lanes);
    *old = other;
    return 0;
}

int64_t sched_push(scheduler *s, int64_t key, int64_t queue, int64_t v, int64_t order) {
    if (!queue_ok(s, queue)) return SCHED_NO_QUEUE;
    if (key == NEWCOMER || order == LAST_IN_ORDER || !instant_ok(v)) return SCHED_BAD_NUMBER;
    if (!arena_reserve(s) || !queue_reserve(s, (uint32_t)queue)) return SCHED_NO_MEMORY;
    uint32_t slot = arena_take(s);
    struct ticket *ticket = arena_ticket(s, slot);
    ticket->key = key;
    ticket->v = v;
    ticket->order = order;
    ticket->queue = (uint32_t)queue;
    ticket->told = 0;
    queue_insert(s, (uint32_t)queue, slot);
    queue_refresh(s, (uint32_t)queue);
    return (int64_t)ticket->generation << 32 | slot;
}

int64_t sched_remove(scheduler *s, int64_t handle) {
    uint32_t slot = arena_find(s, handle);
    if (slot == NO_SLOT) return SCHED_NO_TICKET;
    uint32_t queue = arena_ticket(s, slot)->queue;
    queue_erase(s, queue, slot);
    queue_refresh(s, queue);
    arena_give(s, slot);
    return 0;
}

int64_t sched_move(scheduler *s, int64_t handle, int64_t queue, int64_t v) {
    uint32_t slot = arena_find(s, handle);
    if (slot == NO_SLOT) return SCHED_NO_TICKET;
    if (!queue_ok(s, queue)) return SCHED_NO_QUEUE;
    if (!instant_ok(v)) return SCHED_BAD_NUMBER;
    if (!queue_reserve(s, (uint32_t)queue)) return SCHED_NO_MEMORY;
    struct ticket *ticket = arena_ticket(s, slot);
    uint32_t from = ticket->queue;
    queue_erase(s, from, slot);
    ticket->queue = (uint32_t)queue;
    ticket->v = v;
    queue_insert(s, (uint32_t)queue, slot);
    queue_refresh(s, (uint32_t)queue);
    if (from != (uint32_t)queue) queue_refresh(s, from);
    return 0;
}

int64_t sched_length(const scheduler *s) { return s->count; }

int64_t sched_waiting(const scheduler *s, int64_t queue) {
    return queue_ok(s, queue) ? s->queues[queue].count : SCHED_NO_QUEUE;
}

int64_t sched_rows(const scheduler *s, int64_t queue, sched_row *out) {
    if (!queue_ok(s, queue)) return SCHED_NO_QUEUE;
    const struct queue *q = &s->queues[queue];
    int64_t count = 0;
    for (uint32_t i = q->first; i < q->last; i++) {
        const struct span *span = &q->spans[i];
        for (uint32_t at = span->begin; at < span->begin + span->count; at++) {
            const struct ticket *ticket = arena_ticket(s, span->chunk->slot[at]);
            out[count++] = (sched_row){ticket->key, ticket->v, ticket->order, ticket->told};
        }
    }
    return count;
}

int64_t sched_bytes(const scheduler *s) { return s->bytes; }
