/* pick.c: who competes with what: the score, the pick among heads, and counting who is ahead.
 *
 * Level and score are compared as one number: score - level * 2^56. Scores stay within 2^54, so a better
 * level always wins, and within a level the score; from the guard on a ticket has 2^62 + wait, above all
 * that are unguarded. Inside a queue this number never rises from head to tail, which is why a pick looks
 * at heads only, and why `ahead` may search by halving. */
#include "internal.h"

static int64_t cut(int64_t number, int64_t limit) {
    return number > limit ? limit : number < -limit ? -limit : number;
}

int64_t pick_rank(const struct line *line, const sched_lane *lane, int64_t wait, int64_t *score) {
    int64_t counted = cut(wait, WAIT_LIMIT);
    int64_t sum = line->offset + line->rate * counted + lane->bonus;
    if (counted >= line->knee) sum += line->jump + line->rate_after * (counted - line->knee);
    *score = cut(sum, SCORE_LIMIT);
    if (wait >= line->guard) return (INT64_C(1) << 62) + wait;
    return *score - lane->level * (INT64_C(1) << 56);
}

/* Whether head `a` goes before head `b` of equal rank. */
static bool stands_first(const scheduler *s, const struct line *lines, const uint32_t *heads, int64_t a,
                         int64_t b) {
    if (lines[a].head_v != lines[b].head_v) return lines[a].head_v < lines[b].head_v;
    if (lines[a].head_order != lines[b].head_order) return lines[a].head_order < lines[b].head_order;
    return key_of(s, heads[a]) < key_of(s, heads[b]);
}

int pick(const scheduler *s, const struct line *lines, const uint32_t *heads, const struct profile *profile,
         int64_t now, struct candidate found[2]) {
    int count = 0;
    for (int64_t i = 0; i < profile->count; i++) {
        const sched_lane *lane = &profile->lanes[i];
        const struct line *line = &lines[lane->queue];
        int64_t wait = now - line->head_v; /* of an empty queue: below every min_wait */
        if (wait < lane->min_wait) continue;
        struct candidate next = {.lane = lane};
        next.rank = pick_rank(line, lane, wait, &next.score);
        int place = count;
        while (place > 0 && (next.rank > found[place - 1].rank ||
                             (next.rank == found[place - 1].rank &&
                              stands_first(s, lines, heads, lane->queue, found[place - 1].lane->queue))))
            place--;
        if (place == 2) continue;
        if (place == 0 && count) found[1] = found[0];
        found[place] = next;
        if (count < 2) count++;
    }
    return count;
}

static const struct profile *profile_at(const scheduler *s, int64_t profile) {
    return profile >= 0 && profile < s->profile_count ? &s->profiles[profile] : NULL;
}

int64_t sched_peek(const scheduler *s, int64_t profile, int64_t now, sched_choice *choice) {
    const struct profile *seen = profile_at(s, profile);
    if (!seen) return SCHED_NO_PROFILE;
    if (!instant_ok(now)) return SCHED_BAD_NUMBER;
    struct candidate found[2];
    int count = pick(s, s->lines, s->heads, seen, now, found);
    if (!count) return 0;
    const sched_lane *lane = found[0].lane;
    choice->queue = lane->queue;
    choice->key = key_of(s, s->heads[lane->queue]);
    choice->level = lane->level;
    choice->score = found[0].score;
    choice->runner_queue = -1;
    choice->runner_key = choice->runner_score = 0;
    if (count == 1) {
        choice->rule = SCHED_ONLY;
        return 1;
    }
    const sched_lane *other = found[1].lane;
    choice->runner_queue = other->queue;
    choice->runner_key = key_of(s, s->heads[other->queue]);
    choice->runner_score = found[1].score;
    if (found[0].rank >= INT64_C(1) << 61)
        choice->rule = SCHED_GUARD;
    else
        choice->rule = lane->level < other->level ? SCHED_LEVEL : SCHED_SCORE;
    return 1;
}

/* A ticket as `ahead` compares others with it. */
struct rival {
    int64_t rank, v, order, key;
};

/* Whether entry `at` of a span is called before the rival. True for a front part of each queue. */
static bool called_before(const scheduler *s, const struct line *line, const sched_lane *lane,
                          const struct span *span, uint32_t at, int64_t now, const struct rival *rival) {
    int64_t v = span->chunk->v[at], score;
    if (now - v < lane->min_wait) return false;
    int64_t rank = pick_rank(line, lane, now - v, &score);
    if (rank != rival->rank) return rank > rival->rank;
    if (v != rival->v) return v < rival->v;
    int64_t order = span->chunk->order[at];
    if (order != rival->order) return order < rival->order;
    return key_of(s, span->chunk->slot[at]) < rival->key;
}

/* How many of the lane's tickets are called before the rival: halve the spans, then the chunk. */
static int64_t count_before(const scheduler *s, const sched_lane *lane, int64_t now,
                            const struct rival *rival) {
    const struct queue *q = &s->queues[lane->queue];
    const struct line *line = &s->lines[lane->queue];
    uint32_t low = q->first, high = q->last; /* the spans whose first entry is called before */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (called_before(s, line, lane, &q->spans[middle], q->spans[middle].begin, now, rival))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == q->first) return 0;
    const struct span *span = &q->spans[low - 1];
    uint32_t from = span->begin, to = span->begin + span->count;
    while (from < to) {
        uint32_t middle = (from + to) / 2;
        if (called_before(s, line, lane, span, middle, now, rival))
            from = middle + 1;
        else
            to = middle;
    }
    int64_t count = from - span->begin;
    for (uint32_t i = q->first; i < low - 1; i++) count += q->spans[i].count;
    return count;
}

/* Sums over the lanes. A rival that the profile would not call at all has everybody visible before it. */
static int64_t count_ahead(const scheduler *s, const struct profile *profile, int64_t queue, int64_t now,
                           struct rival rival) {
    rival.rank = INT64_MIN;
    for (int64_t i = 0; i < profile->count; i++) {
        const sched_lane *lane = &profile->lanes[i];
        int64_t score;
        if (lane->queue == queue && now - rival.v >= lane->min_wait)
            rival.rank = pick_rank(&s->lines[queue], lane, now - rival.v, &score);
    }
    int64_t count = 0;
    for (int64_t i = 0; i < profile->count; i++) count += count_before(s, &profile->lanes[i], now, &rival);
    return count;
}

int64_t sched_ahead(const scheduler *s, int64_t profile, int64_t handle, int64_t now) {
    const struct profile *seen = profile_at(s, profile);
    if (!seen) return SCHED_NO_PROFILE;
    if (!instant_ok(now)) return SCHED_BAD_NUMBER;
    uint32_t slot = arena_find(s, handle);
    if (slot == NO_SLOT) return SCHED_NO_TICKET;
    const struct ticket *ticket = arena_ticket(s, slot);
    struct rival rival = {0, ticket->v, ticket->order, ticket->key};
    return count_ahead(s, seen, ticket->queue, now, rival);
}

int64_t sched_ahead_of_newcomer(const scheduler *s, int64_t profile, int64_t queue, int64_t now) {
    const struct profile *seen = profile_at(s, profile);
    if (!seen) return SCHED_NO_PROFILE;
    if (queue < 0 || queue >= s->queue_count) return SCHED_NO_QUEUE;
    if (!instant_ok(now)) return SCHED_BAD_NUMBER;
    return count_ahead(s, seen, queue, now, (struct rival){0, now, LAST_IN_ORDER, NEWCOMER});
}
