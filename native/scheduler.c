/* scheduler.c: making, defining, pushing, moving, removing. What each function promises: scheduler.h.
 *
 * Every change follows one pattern, so that a refusal leaves everything as it was:
 * 1. look up and check all arguments; 2. reserve all memory the change may need; 3. change, which cannot
 * fail any more. */
#include "internal.h"

#include <string.h>

scheduler *sched_new(void) {
    scheduler *s = memory_scratch(sizeof *s);
    if (!s) return NULL;
    *s = (scheduler){.free = NO_SLOT, .next_moment = NO_MOMENT, .bytes = sizeof *s};
    return s;
}

void sched_free(scheduler *s) {
    if (!s) return;
    for (int64_t i = 0; i < s->queue_count; i++) memory_scratch_free(s->queues[i].spans);
    for (int64_t i = 0; i < s->profile_count; i++) memory_scratch_free(s->profiles[i].lanes);
    while (s->slabs) {
        struct slab *before = s->slabs->before;
        memory_scratch_free(s->slabs);
        s->slabs = before;
    }
    memory_scratch_free(s->index);
    memory_scratch_free(s->segments);
    memory_scratch_free(s->front.lines);
    memory_scratch_free(s->front.late);
    memory_scratch_free(s->front.heads);
    memory_scratch_free(s->queues);
    memory_scratch_free(s->timers);
    memory_scratch_free(s->profiles);
    memory_scratch_free(s);
}

static bool terms_ok(const sched_terms *t) {
    return within(t->rate, 0, RATE_LIMIT) && within(t->offset, -NEVER, NEVER) && within(t->knee, 0, NEVER) &&
           within(t->jump, 0, NEVER) && within(t->rate_after, -t->rate, RATE_LIMIT) &&
           within(t->guard, 0, NEVER) && within(t->warn, 0, NEVER) && within(t->target, 0, NEVER) &&
           within(t->share, 0, SHARE_LIMIT) && within(t->group, 0, SCHED_GROUPS - 1) &&
           (t->share == 0) == (t->group == 0);
}

/* Up to which wait offset + rate * wait is the score. No cut can be needed there: 2^32 ms at the largest rate
 * are 2^52, and with an offset within 2^52 and a bonus within 2^53 the sum stays below SCORE_LIMIT. */
static int64_t plain_wait(const sched_terms *t) {
    int64_t plain = INT64_C(1) << 32;
    if (t->group || !within(t->offset, -TIME_LIMIT, TIME_LIMIT)) return 0;
    if (t->guard < plain) plain = t->guard;
    if (t->knee < plain) plain = t->knee;
    return plain;
}

static void put_terms(scheduler *s, uint32_t queue, const sched_terms *t) {
    struct line *line = &s->front.lines[queue];
    line->plain = plain_wait(t);
    line->offset = t->offset;
    line->rate = (int32_t)t->rate;
    line->share = (uint16_t)t->share;
    line->group = (uint16_t)t->group;
    s->front.late[queue] = (struct late){t->guard, t->knee, t->jump, t->rate_after};
    s->queues[queue].alert_waits[0] = t->warn;
    s->queues[queue].alert_waits[1] = t->target;
    alerts_refresh(s, queue);
}

/* Room for one more queue in the arrays that grow together. */
static bool reserve_queue(scheduler *s) {
    size_t count = (size_t)s->queue_count, room = (size_t)s->queue_room;
    if (count < room) return true;
    size_t more = room ? 2 * room : 8;
    struct line *lines = memory_get(s, more * sizeof *lines);
    struct late *late = memory_get(s, more * sizeof *late);
    uint32_t *heads = memory_get(s, more * sizeof *heads);
    struct queue *queues = memory_get(s, more * sizeof *queues);
    int64_t *timers = memory_get(s, 2 * more * sizeof *timers);
    if (!lines || !late || !heads || !queues || !timers) {
        memory_free(s, lines, more * sizeof *lines);
        memory_free(s, late, more * sizeof *late);
        memory_free(s, heads, more * sizeof *heads);
        memory_free(s, queues, more * sizeof *queues);
        memory_free(s, timers, 2 * more * sizeof *timers);
        return false;
    }
    for (size_t node = 0; node < 2 * more; node++) timers[node] = NO_MOMENT;
    if (count) {
        memcpy(lines, s->front.lines, count * sizeof *lines);
        memcpy(late, s->front.late, count * sizeof *late);
        memcpy(heads, s->front.heads, count * sizeof *heads);
        memcpy(queues, s->queues, count * sizeof *queues);
        memcpy(timers + more, s->timers + room, count * sizeof *timers);
        for (size_t node = more - 1; node; node--)
            timers[node] = timers[2 * node] < timers[2 * node + 1] ? timers[2 * node] : timers[2 * node + 1];
    }
    memory_free(s, s->front.lines, room * sizeof *lines);
    memory_free(s, s->front.late, room * sizeof *late);
    memory_free(s, s->front.heads, room * sizeof *heads);
    memory_free(s, s->queues, room * sizeof *queues);
    memory_free(s, s->timers, 2 * room * sizeof *timers);
    s->front.lines = lines;
    s->front.late = late;
    s->front.heads = heads;
    s->queues = queues;
    s->timers = timers;
    s->queue_room = (int64_t)more;
    return true;
}

int64_t sched_define_queue(scheduler *s, const sched_terms *terms) {
    if (!terms_ok(terms)) return SCHED_BAD_NUMBER;
    if (s->queue_count >> QUEUE_BITS || !reserve_queue(s)) return SCHED_NO_MEMORY;
    int64_t queue = s->queue_count++;
    s->queues[queue] = (struct queue){0};
    queue_show(s, (uint32_t)queue);
    put_terms(s, (uint32_t)queue, terms);
    return queue;
}

int64_t sched_set_terms(scheduler *s, int64_t queue, const sched_terms *terms) {
    if (!queue_ok(s, queue)) return SCHED_NO_QUEUE;
    if (!terms_ok(terms)) return SCHED_BAD_NUMBER;
    put_terms(s, (uint32_t)queue, terms);
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
    profile->lanes = memory_get(s, (size_t)count * sizeof *profile->lanes);
    for (int64_t i = 0; profile->lanes && i < count; i++)
        profile->lanes[i] = (struct lane){.base = lanes[i].bonus - lanes[i].level * LEVEL_STEP,
                                          .min_wait = lanes[i].min_wait,
                                          .queue = (uint32_t)lanes[i].queue,
                                          .reserve = (uint32_t)lanes[i].reserve,
                                          .level = lanes[i].level};
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
    if (!profile_ok(s, profile)) return SCHED_NO_PROFILE;
    int64_t wrong = check_lanes(s, lanes, count);
    if (wrong) return wrong;
    struct profile other;
    if (!copy_lanes(s, lanes, count, &other)) return SCHED_NO_MEMORY;
    struct profile *old = &s->profiles[profile];
    memory_free(s, old->lanes, (size_t)old->count * sizeof *old->lanes);
    *old = other;
    return 0;
}

int64_t sched_push(scheduler *s, int64_t key, int64_t queue, int64_t v, int64_t order, int64_t told) {
    if (!queue_ok(s, queue)) return SCHED_NO_QUEUE;
    if (key == NEWCOMER || order == LAST_IN_ORDER || !instant_ok(v) || !within(told, 0, SCHED_BREACH))
        return SCHED_BAD_NUMBER;
    if (index_find(s, key) != NO_SLOT) return SCHED_INSIDE;
    if (!index_reserve(s) || !arena_reserve(s) || !queue_reserve(s, (uint32_t)queue)) return SCHED_NO_MEMORY;
    uint32_t slot = arena_take(s);
    *arena_ticket(s, slot) = (struct ticket){.key = key,
                                             .v = v,
                                             .order = order,
                                             .next = NO_SLOT,
                                             .queue = (uint32_t)queue,
                                             .told = (uint32_t)told,
                                             .live = true};
    index_insert(s, slot);
    queue_insert(s, (uint32_t)queue, slot);
    return 0;
}

static inline void leave(scheduler *s, uint32_t queue, uint32_t slot) {
    queue_erase(s, queue, slot);
    index_erase(s, slot);
    arena_give(s, slot);
}

static inline void leave_called(scheduler *s, uint32_t queue, uint32_t slot) {
    lag_charge(&s->front.lags, &s->front.lines[queue]);
    leave(s, queue, slot);
}

int64_t sched_remove(scheduler *s, int64_t key) {
    uint32_t slot = index_find(s, key);
    if (slot == NO_SLOT) return SCHED_NO_TICKET;
    leave(s, arena_ticket(s, slot)->queue, slot);
    return 0;
}

int64_t sched_called(scheduler *s, int64_t key) {
    uint32_t slot = index_find(s, key);
    if (slot == NO_SLOT) return SCHED_NO_TICKET;
    leave_called(s, arena_ticket(s, slot)->queue, slot);
    return 0;
}

int64_t sched_call(scheduler *s, int64_t profile, int64_t now, sched_choice *choice) {
    if (!profile_ok(s, profile)) return SCHED_NO_PROFILE;
    if (!instant_ok(now)) return SCHED_BAD_NUMBER;
    if (!pick_choice(s, &s->profiles[profile], now, choice)) return 0;
    leave_called(s, (uint32_t)choice->queue, s->front.heads[choice->queue]);
    return 1;
}

int64_t sched_move(scheduler *s, int64_t key, int64_t queue, int64_t v) {
    uint32_t slot = index_find(s, key);
    if (slot == NO_SLOT) return SCHED_NO_TICKET;
    if (!queue_ok(s, queue)) return SCHED_NO_QUEUE;
    if (!instant_ok(v)) return SCHED_BAD_NUMBER;
    if (!queue_reserve(s, (uint32_t)queue)) return SCHED_NO_MEMORY;
    struct ticket *ticket = arena_ticket(s, slot);
    queue_erase(s, ticket->queue, slot);
    ticket->queue = (uint32_t)queue;
    ticket->v = v;
    queue_insert(s, (uint32_t)queue, slot);
    return 0;
}

int64_t sched_contains(const scheduler *s, int64_t key) { return index_find(s, key) != NO_SLOT; }

int64_t sched_length(const scheduler *s) { return s->count; }

int64_t sched_waiting(const scheduler *s, int64_t queue) {
    return queue_ok(s, queue) ? (int64_t)s->queues[queue].count : SCHED_NO_QUEUE;
}

static sched_ticket ticket_at(const scheduler *s, uint32_t slot) {
    const struct ticket *t = arena_ticket(s, slot);
    return (sched_ticket){t->key, t->queue, t->v, t->order, t->told};
}

int64_t sched_rows(const scheduler *s, int64_t queue, sched_ticket *out) {
    if (!queue_ok(s, queue)) return SCHED_NO_QUEUE;
    const struct queue *q = &s->queues[queue];
    int64_t count = 0;
    for (uint32_t i = q->first; i < q->last; i++) {
        const struct span *span = &q->spans[i];
        for (uint32_t at = span->begin; at < span->begin + span->count; at++)
            out[count++] = ticket_at(s, span->chunk->slot[at]);
    }
    return count;
}

int64_t sched_nth(const scheduler *s, int64_t queue, int64_t n, sched_ticket *ticket) {
    if (!queue_ok(s, queue)) return SCHED_NO_QUEUE;
    if (n < 1) return SCHED_BAD_NUMBER;
    const struct queue *q = &s->queues[queue];
    if (n > q->count) return 0;
    const struct span *span = &q->spans[q->first];
    for (; n > span->count; span++) n -= span->count;
    *ticket = ticket_at(s, span->chunk->slot[span->begin + n - 1]);
    return 1;
}

int64_t sched_bytes(const scheduler *s) { return s->bytes; }
