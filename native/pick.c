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

int64_t pick_score(const struct front *front, const struct lane *lane, int64_t wait) {
    const struct line *line = &front->lines[lane->queue];
    const struct late *late = &front->late[lane->queue];
    int64_t bonus = lane->base + lane->level * LEVEL_STEP;
    if (line->group) return cut(bonus - lag_of(&front->lags, line->group), SCORE_LIMIT);
    int64_t counted = cut(wait, WAIT_LIMIT);
    int64_t sum = line->offset + line->rate * counted + bonus;
    if (counted >= late->knee) sum += late->jump + late->rate_after * (counted - late->knee);
    return cut(sum, SCORE_LIMIT);
}

int64_t pick_rank(const struct front *front, const struct lane *lane, int64_t wait) {
    if (wait >= front->late[lane->queue].guard) return GUARDED + wait;
    return pick_score(front, lane, wait) - lane->level * LEVEL_STEP;
}

/* The rank of a head: nearly always its wait is a plain one. */
static inline int64_t head_rank(const struct front *front, const struct line *line, const struct lane *lane,
                                int64_t wait) {
    if (__builtin_expect((uint64_t)wait < (uint64_t)line->plain, 1))
        return lane->base + line->offset + line->rate * wait;
    return pick_rank(front, lane, wait);
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

/* A lane and the rank of its head. */
struct bid {
    const struct lane *lane;
    int64_t rank;
};

/* The rank of a head that a lane does not show: less than any. */
#define HIDDEN INT64_MIN
/* As many lanes are a bit each in one word. */
enum { WORD = 64 };

/* What the usual pick and that of idle counters share is inline in both, so that the former, which counts no idle
 * ones, asks no lane for its reserve. */
#define INLINE static inline __attribute__((always_inline))

/* The rank of the lane's head while so many counters are idle, or HIDDEN. */
INLINE int64_t shown_rank(const scheduler *s, const struct lane *lane, int64_t now, int64_t idle) {
    const struct line *line = &s->front.lines[lane->queue];
    int64_t wait = now - line->head_v;
    if (wait < lane->min_wait || (lane->reserve >= idle && wait < s->front.late[lane->queue].guard)) return HIDDEN;
    return head_rank(&s->front, line, lane, wait);
}

/* One bit a lane: those whose heads reach the second largest rank. Which of two heads ranks higher is chance, as
 * those that have waited long at one profile rank about equally; so no branch may depend on it. */
INLINE uint64_t front_runners(const scheduler *s, const struct profile *profile, int64_t now, int64_t idle,
                              int64_t *ranks) {
    int64_t top = HIDDEN + 1, next = HIDDEN + 1;
    for (int64_t i = 0; i < profile->count; i++) {
        int64_t rank = ranks[i] = shown_rank(s, &profile->lanes[i], now, idle);
        int64_t lower = top < rank ? top : rank;
        top = top < rank ? rank : top;
        next = next < lower ? lower : next;
    }
    uint64_t bits = 0;
    for (int64_t i = profile->count; i-- > 0;) bits = 2 * bits + (ranks[i] >= next);
    return bits;
}

static inline bool beats(const scheduler *s, struct bid a, struct bid b) {
    return a.rank > b.rank ||
           (a.rank == b.rank && pick_stands_first(s, &s->front, a.lane->queue, b.lane->queue));
}

INLINE void consider(const scheduler *s, struct bid bid, struct bid *best, struct bid *runner) {
    if (bid.rank < runner->rank || !beats(s, bid, *runner)) return;
    *runner = bid;
    if (bid.rank < best->rank || !beats(s, bid, *best)) return;
    *runner = *best;
    *best = bid;
}

/* The best bid and the runner-up (lane NULL: there is none) among the lanes that show themselves while so many
 * counters are idle. Of the front runners, two if there is no tie, each is considered; of a profile with more
 * lanes than a word has bits, each lane. */
INLINE void pick_two(const scheduler *s, const struct profile *profile, int64_t now, int64_t idle,
                     struct bid *best, struct bid *runner) {
    const struct lane *lanes = profile->lanes;
    *best = *runner = (struct bid){NULL, HIDDEN + 1};
    if (profile->count <= WORD) {
        int64_t ranks[WORD];
        uint64_t bits = front_runners(s, profile, now, idle, ranks);
        for (; bits; bits &= bits - 1) {
            int i = __builtin_ctzll(bits);
            consider(s, (struct bid){&lanes[i], ranks[i]}, best, runner);
        }
    } else {
        for (int64_t i = 0; i < profile->count; i++)
            consider(s, (struct bid){&lanes[i], shown_rank(s, &lanes[i], now, idle)}, best, runner);
    }
}

/* The score behind a bid. */
static inline int64_t score_of(const struct front *front, struct bid bid, int64_t now) {
    if (bid.rank < GUARDED) return bid.rank + bid.lane->level * LEVEL_STEP;
    return pick_score(front, bid.lane, now - front->lines[bid.lane->queue].head_v);
}

INLINE bool choose(const scheduler *s, const struct profile *profile, int64_t now, int64_t idle,
                   sched_choice *choice) {
    const struct front *front = &s->front;
    struct bid best, second;
    pick_two(s, profile, now, idle, &best, &second);
    if (!second.lane) {
        *choice = (sched_choice){.queue = -1, .runner_queue = -1, .rule = SCHED_ONLY};
        if (!best.lane) return false;
    } else {
        choice->runner_queue = second.lane->queue;
        choice->runner_key = arena_ticket(s, front->heads[second.lane->queue])->key;
        choice->runner_score = score_of(front, second, now);
        if (best.rank >= GUARDED)
            choice->rule = SCHED_GUARD;
        else if (best.lane->level < second.lane->level)
            choice->rule = SCHED_LEVEL;
        else if (front->lines[best.lane->queue].group && front->lines[second.lane->queue].group)
            choice->rule = SCHED_RATIO;
        else
            choice->rule = SCHED_SCORE;
    }
    choice->queue = best.lane->queue;
    choice->key = arena_ticket(s, front->heads[best.lane->queue])->key;
    choice->level = best.lane->level;
    choice->score = score_of(front, best, now);
    return true;
}

bool pick_choice(const scheduler *s, const struct profile *profile, int64_t now, sched_choice *choice) {
    return choose(s, profile, now, INT64_MAX, choice);
}

bool pick_choice_of_idle(const scheduler *s, const struct profile *profile, int64_t now, int64_t idle,
                         sched_choice *choice) {
    return choose(s, profile, now, idle, choice);
}

int64_t sched_peek(const scheduler *s, int64_t profile, int64_t now, sched_choice *choice) {
    if (!profile_ok(s, profile)) return SCHED_NO_PROFILE;
    if (!instant_ok(now)) return SCHED_BAD_NUMBER;
    return pick_choice(s, &s->profiles[profile], now, choice);
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
                           pick_score(&s->front, lane, wait), line->head_v,
                           wait >= s->front.late[lane->queue].guard};
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
