/* pick.c: who competes with what: the score, the pick among heads, idle counters, and counting who is ahead.
 *
 * Level and score are compared as one number: score - level * 2^56. Scores stay within 2^54, so a better
 * level always wins, and within a level the score; from the guard on a ticket has 2^62 + wait, above all
 * that are unguarded. Inside a queue this number never rises from head to tail, which is why a pick looks
 * at heads only, and why `ahead` may search by halving. */
#include "internal.h"

static int64_t cut(int64_t number, int64_t limit) {
    return number > limit ? limit : number < -limit ? -limit : number;
}

int64_t pick_score(const struct lags *lags, const struct line *line, const struct lane *lane, int64_t wait) {
    int64_t bonus = lane->base + lane->level * LEVEL_STEP;
    if (line->group) return cut(bonus - lag_of(lags, line->group), SCORE_LIMIT);
    int64_t counted = cut(wait, WAIT_LIMIT);
    int64_t sum = line->offset + line->rate * counted + bonus;
    if (counted >= line->knee) sum += line->jump + line->rate_after * (counted - line->knee);
    return cut(sum, SCORE_LIMIT);
}

int64_t pick_rank(const struct lags *lags, const struct line *line, const struct lane *lane, int64_t wait) {
    if (wait >= line->guard) return GUARDED + wait;
    return pick_score(lags, line, lane, wait) - lane->level * LEVEL_STEP;
}

/* The rank of a head: nearly always its wait is a plain one. */
static inline int64_t head_rank(const struct front *front, const struct line *line, const struct lane *lane,
                                int64_t wait) {
    if ((uint64_t)wait < (uint64_t)line->plain) return lane->base + line->offset + line->rate * wait;
    return pick_rank(&front->lags, line, lane, wait);
}

static int64_t order_of(const scheduler *s, uint32_t slot) {
    return slot == NO_SLOT ? LAST_IN_ORDER : arena_ticket(s, slot)->order;
}

bool pick_stands_first(const scheduler *s, const struct front *front, uint32_t a, uint32_t b) {
    if (front->lines[a].head_v != front->lines[b].head_v) return front->lines[a].head_v < front->lines[b].head_v;
    uint32_t head_a = front->heads[a], head_b = front->heads[b];
    if (order_of(s, head_a) != order_of(s, head_b)) return order_of(s, head_a) < order_of(s, head_b);
    return key_of(s, head_a) < key_of(s, head_b);
}

const struct lane *pick_first(const scheduler *s, const struct front *front, const struct profile *profile,
                              int64_t now) {
    const struct lane *best = NULL;
    int64_t best_rank = INT64_MIN;
    for (const struct lane *lane = profile->lanes, *end = lane + profile->count; lane < end; lane++) {
        const struct line *line = &front->lines[lane->queue];
        int64_t wait = now - line->head_v; /* of an empty queue: below every min_wait */
        if (wait < lane->min_wait) continue;
        int64_t rank = head_rank(front, line, lane, wait);
        if (rank < best_rank) continue;
        if (rank == best_rank && !pick_stands_first(s, front, lane->queue, best->queue)) continue;
        best_rank = rank;
        best = lane;
    }
    return best;
}

bool pick_choice(const scheduler *s, const struct profile *profile, int64_t now, int64_t idle,
                 sched_choice *choice) {
    const struct front *front = &s->front;
    const struct lane *best = NULL, *second = NULL;
    int64_t best_rank = INT64_MIN, second_rank = INT64_MIN;
    for (const struct lane *lane = profile->lanes, *end = lane + profile->count; lane < end; lane++) {
        const struct line *line = &front->lines[lane->queue];
        int64_t wait = now - line->head_v;
        if (wait < lane->min_wait || lane->reserve >= idle) continue;
        int64_t rank = head_rank(front, line, lane, wait);
        if (rank < second_rank) continue;
        if (rank == second_rank && !pick_stands_first(s, front, lane->queue, second->queue)) continue;
        if (rank < best_rank || (rank == best_rank && !pick_stands_first(s, front, lane->queue, best->queue))) {
            second_rank = rank;
            second = lane;
            continue;
        }
        second_rank = best_rank;
        second = best;
        best_rank = rank;
        best = lane;
    }
    *choice = (sched_choice){.queue = -1, .runner_queue = -1};
    if (!best) return false;
    const struct line *line = &front->lines[best->queue];
    choice->queue = best->queue;
    choice->key = key_of(s, front->heads[best->queue]);
    choice->level = best->level;
    choice->score = pick_score(&front->lags, line, best, now - line->head_v);
    if (!second) return true; /* SCHED_ONLY is 0 */
    const struct line *other = &front->lines[second->queue];
    choice->runner_queue = second->queue;
    choice->runner_key = key_of(s, front->heads[second->queue]);
    choice->runner_score = pick_score(&front->lags, other, second, now - other->head_v);
    if (best_rank >= GUARDED)
        choice->rule = SCHED_GUARD;
    else if (best->level < second->level)
        choice->rule = SCHED_LEVEL;
    else
        choice->rule = line->group && other->group ? SCHED_RATIO : SCHED_SCORE;
    return true;
}

int64_t sched_peek(const scheduler *s, int64_t profile, int64_t now, sched_choice *choice) {
    if (!profile_ok(s, profile)) return SCHED_NO_PROFILE;
    if (!instant_ok(now)) return SCHED_BAD_NUMBER;
    return pick_choice(s, &s->profiles[profile], now, INT64_MAX, choice);
}

int64_t sched_heads(const scheduler *s, int64_t profile, int64_t now, sched_head *heads) {
    if (!profile_ok(s, profile)) return SCHED_NO_PROFILE;
    if (!instant_ok(now)) return SCHED_BAD_NUMBER;
    int64_t count = 0;
    for (int64_t i = 0; i < s->profiles[profile].count; i++) {
        const struct lane *lane = &s->profiles[profile].lanes[i];
        const struct line *line = &s->front.lines[lane->queue];
        int64_t wait = now - line->head_v, at = count;
        if (wait < lane->min_wait) continue;
        sched_head head = {key_of(s, s->front.heads[lane->queue]), lane->queue, lane->level,
                           pick_score(&s->front.lags, line, lane, wait), line->head_v, wait >= line->guard};
        int64_t rank = head_rank(&s->front, line, lane, wait);
        for (; at > 0; at--) { /* those that stand behind it move up */
            const sched_head *before = &heads[at - 1];
            int64_t its = before->guarded ? GUARDED + now - before->v : before->score - before->level * LEVEL_STEP;
            if (its > rank || (its == rank && pick_stands_first(s, &s->front, (uint32_t)before->queue, lane->queue)))
                break;
            heads[at] = *before;
        }
        heads[at] = head;
        count++;
    }
    return count;
}
