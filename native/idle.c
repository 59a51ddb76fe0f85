/* idle.c: what concerns counters that have nobody: which of them gets the next customer, and when one of them
 * will see somebody new. */
#include "internal.h"

/* Whether idle counter `a`, which would call on `level_a`, is tried before `b`. */
static bool tried_before(const sched_idle *a, int64_t level_a, const sched_idle *b, int64_t level_b,
                         int64_t distribution) {
    if (distribution == SCHED_LOWEST_LEVEL && level_a != level_b) return level_a < level_b;
    if (distribution != SCHED_FIXED_ORDER && a->since != b->since) return a->since < b->since;
    return a->number < b->number;
}

int64_t sched_assign(const scheduler *s, const sched_idle *idle, int64_t count, int64_t distribution,
                     int64_t now, int64_t *index, sched_choice *choice) {
    if (!within(distribution, SCHED_LONGEST_IDLE, SCHED_FIXED_ORDER) || count < 0 || !instant_ok(now))
        return SCHED_BAD_NUMBER;
    for (int64_t i = 0; i < count; i++) {
        if (!profile_ok(s, idle[i].profile)) return SCHED_NO_PROFILE;
        if (!instant_ok(idle[i].since) || !within(idle[i].number, 0, MEAN_LIMIT)) return SCHED_BAD_NUMBER;
    }
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        sched_choice offer;
        bool by_level = distribution == SCHED_LOWEST_LEVEL;
        if (found && !by_level && !tried_before(&idle[i], 0, &idle[*index], 0, distribution)) continue;
        if (!pick_choice_of_idle(s, &s->profiles[idle[i].profile], now, count, &offer)) continue;
        if (found && !tried_before(&idle[i], offer.level, &idle[*index], choice->level, distribution)) continue;
        *index = i;
        *choice = offer;
        found = 1;
    }
    return found;
}

/* The first instant after `now` at which a ticket of the queue has waited so long, if it is before `earliest`. */
static int64_t first_beyond(const struct queue *q, int64_t now, int64_t wait, int64_t earliest) {
    struct spot spot = queue_beyond(q, now - wait);
    if (spot.span == q->last) return earliest;
    int64_t moment = q->spans[spot.span].chunk->v[spot.at] + wait;
    return moment < earliest ? moment : earliest;
}

int64_t sched_next_sight(const scheduler *s, int64_t profile, int64_t now, int64_t *moment) {
    if (!profile_ok(s, profile)) return SCHED_NO_PROFILE;
    if (!instant_ok(now)) return SCHED_BAD_NUMBER;
    int64_t earliest = TIME_LIMIT;
    for (int64_t i = 0; i < s->profiles[profile].count; i++) {
        const struct lane *lane = &s->profiles[profile].lanes[i];
        const struct queue *q = &s->queues[lane->queue];
        earliest = first_beyond(q, now, lane->min_wait, earliest);
        if (lane->reserve) { /* which ends with the guard */
            int64_t guard = s->front.late[lane->queue].guard;
            if (guard < lane->min_wait) guard = lane->min_wait;
            if (guard < NEVER) earliest = first_beyond(q, now, guard, earliest);
        }
    }
    if (earliest == TIME_LIMIT) return 0;
    *moment = earliest;
    return 1;
}
