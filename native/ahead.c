/* ahead.c: how many are called before somebody, without calling them.
 *
 * At one instant the rank of a ticket never rises along its queue, so those called before somebody are a front
 * part of each queue: halving finds its end. That holds while ranks stand still; where a group goes by ratio
 * each call changes them, and forward.c counts by calling in thought. */
#include "internal.h"

/* A ticket as others are compared with it. */
struct rival {
    int64_t rank, v, order, key;
};

/* Whether entry `at` of a span is called before the rival. True for a front part of each queue. */
static bool called_before(const scheduler *s, const struct lane *lane, const struct span *span, uint32_t at,
                          int64_t now, const struct rival *rival) {
    int64_t v = span->chunk->v[at];
    if (now - v < lane->min_wait) return false;
    int64_t rank = pick_rank(&s->front, lane, now - v);
    if (rank != rival->rank) return rank > rival->rank;
    if (v != rival->v) return v < rival->v;
    int64_t order = span->chunk->order[at];
    if (order != rival->order) return order < rival->order;
    return key_of(s, span->chunk->slot[at]) < rival->key;
}

/* How many of the lane's tickets are called before the rival: halve the spans, then the chunk. */
static int64_t count_before(const scheduler *s, const struct lane *lane, int64_t now,
                            const struct rival *rival) {
    const struct queue *q = &s->queues[lane->queue];
    uint32_t low = q->first, high = q->last; /* the spans whose first entry is called before */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (called_before(s, lane, &q->spans[middle], q->spans[middle].begin, now, rival))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == q->first) return 0;
    const struct span *span = &q->spans[low - 1];
    uint32_t from = span->begin, to = span->begin + span->count;
    while (from < to) {
        uint32_t middle = (from + to) / 2;
        if (called_before(s, lane, span, middle, now, rival))
            from = middle + 1;
        else
            to = middle;
    }
    int64_t count = from - span->begin;
    for (uint32_t i = q->first; i < low - 1; i++) count += q->spans[i].count;
    return count;
}

static bool by_ratio(const scheduler *s, const struct profile *profile) {
    for (int64_t i = 0; i < profile->count; i++)
        if (s->front.lines[profile->lanes[i].queue].group) return true;
    return false;
}

/* Sums over the lanes. A rival that the profile would not call at all has everybody visible before it. */
static int64_t count_ahead(const scheduler *s, const struct profile *profile, int64_t queue, int64_t now,
                           struct rival rival) {
    rival.rank = INT64_MIN;
    for (int64_t i = 0; i < profile->count; i++) {
        const struct lane *lane = &profile->lanes[i];
        if (lane->queue == queue && now - rival.v >= lane->min_wait)
            rival.rank = pick_rank(&s->front, lane, now - rival.v);
    }
    int64_t count = 0;
    for (int64_t i = 0; i < profile->count; i++) count += count_before(s, &profile->lanes[i], now, &rival);
    return count;
}

int64_t sched_ahead(const scheduler *s, int64_t profile, int64_t key, int64_t now) {
    if (!profile_ok(s, profile)) return SCHED_NO_PROFILE;
    if (!instant_ok(now)) return SCHED_BAD_NUMBER;
    uint32_t slot = index_find(s, key);
    if (slot == NO_SLOT) return SCHED_NO_TICKET;
    if (by_ratio(s, &s->profiles[profile])) return forward_ahead(s, profile, slot, -1, now);
    const struct ticket *ticket = arena_ticket(s, slot);
    struct rival rival = {0, ticket->v, ticket->order, ticket->key};
    return count_ahead(s, &s->profiles[profile], ticket->queue, now, rival);
}

int64_t sched_ahead_of_newcomer(const scheduler *s, int64_t profile, int64_t queue, int64_t now) {
    if (!profile_ok(s, profile)) return SCHED_NO_PROFILE;
    if (!queue_ok(s, queue)) return SCHED_NO_QUEUE;
    if (!instant_ok(now)) return SCHED_BAD_NUMBER;
    if (by_ratio(s, &s->profiles[profile])) return forward_ahead(s, profile, NO_SLOT, queue, now);
    return count_ahead(s, &s->profiles[profile], queue, now,
                       (struct rival){0, now, LAST_IN_ORDER, NEWCOMER});
}
