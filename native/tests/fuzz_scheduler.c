/* fuzz_scheduler.c: the scheduler against an oracle too simple to be wrong, under the sanitizers.
 *
 *     fuzz_scheduler [runs] [seed]
 *
 * The oracle keeps its tickets in one unsorted array and answers every question by scanning all of them. Each
 * run draws terms, lanes and some hundred operations, a part of them with handles and numbers that are wrong;
 * after every step sched_check looks at all invariants. On a difference it prints run and seed and aborts. */
#include "../scheduler.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER (INT64_C(1) << 53)

enum { TICKETS = 1500, QUEUES = 6, PROFILES = 3, STEPS = 400 };

struct ticket {
    int64_t key, queue, v, order, told, handle;
};

static struct ticket inside[TICKETS + 1];
static int64_t count;
static sched_terms terms[QUEUES];
static sched_lane lanes[PROFILES][QUEUES];
static int64_t lane_count[PROFILES];
static int64_t now, next_key;
static int64_t stale; /* the handle of a ticket that has left; its slot may be another's by now */
static bool crowded; /* this run: nearly all in one queue, so that its directory fills and is reused */
static uint64_t state, seed, run_number;

static uint64_t draw(void) { /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int64_t below(int64_t limit) { return (int64_t)(draw() % (uint64_t)limit); }

static void expect(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "%s: run %" PRIu64 " of seed %" PRIu64 "\n", what, run_number, seed);
    abort();
}

static int64_t some_wait(void) {
    static const int64_t waits[] = {0, 1, 2, 3, 5, 8, 13, 40, NEVER, NEVER};
    return waits[below(10)];
}

static sched_terms some_terms(void) {
    sched_terms t = {below(4), below(11) - 5, some_wait(), below(9), 0, some_wait(), some_wait(), some_wait()};
    t.rate_after = below(t.rate + 4) - t.rate;
    if (!below(10)) t = (sched_terms){INT64_C(1) << 20, NEVER, below(9), NEVER, INT64_C(1) << 20, NEVER, 3, 5};
    return t;
}

static void some_lanes(int profile) {
    lane_count[profile] = 0;
    for (int64_t queue = 0; queue < QUEUES; queue++) {
        if (!below(3)) continue;
        int64_t level = below(4) ? 1 : 1 + below(60), bonus = below(4) ? 0 : below(2) ? 2 : -NEVER;
        int64_t min_wait = below(3) ? 0 : below(4) ? below(9) - 3 : NEVER;
        lanes[profile][lane_count[profile]++] = (sched_lane){queue, level, bonus, min_wait, below(3)};
    }
}

/* The oracle */

static __int128 cut(__int128 number, __int128 limit) {
    return number < -limit ? -limit : number > limit ? limit : number;
}

static int64_t score_of(const struct ticket *t, const sched_lane *lane, int64_t at) {
    const sched_terms *term = &terms[t->queue];
    __int128 wait = cut(at - t->v, INT64_C(1) << 40);
    __int128 score = term->offset + term->rate * wait + lane->bonus;
    if (wait >= term->knee) score += term->jump + term->rate_after * (wait - term->knee);
    return (int64_t)cut(score, (INT64_C(1) << 54) - 1);
}

static bool in_order(const struct ticket *a, const struct ticket *b) {
    if (a->v != b->v) return a->v < b->v;
    if (a->order != b->order) return a->order < b->order;
    return a->key < b->key;
}

static const sched_lane *lane_of(int profile, int64_t queue) {
    for (int64_t i = 0; i < lane_count[profile]; i++)
        if (lanes[profile][i].queue == queue) return &lanes[profile][i];
    return NULL;
}

/* Whether the profile would call `a` rather than `b`; both are visible to it. */
static bool rather(int profile, const struct ticket *a, const struct ticket *b, int64_t at) {
    const sched_lane *lane_a = lane_of(profile, a->queue), *lane_b = lane_of(profile, b->queue);
    bool guard_a = at - a->v >= terms[a->queue].guard, guard_b = at - b->v >= terms[b->queue].guard;
    if (guard_a != guard_b) return guard_a;
    if (!guard_a) {
        if (lane_a->level != lane_b->level) return lane_a->level < lane_b->level;
        int64_t score_a = score_of(a, lane_a, at), score_b = score_of(b, lane_b, at);
        if (score_a != score_b) return score_a > score_b;
    }
    return in_order(a, b);
}

/* The index of whom the profile would call, those marked in `gone` and those of queue `but` apart; or -1. */
static int64_t best_of(int profile, int64_t at, const bool *gone, int64_t tickets, int64_t but) {
    int64_t best = -1;
    for (int64_t i = 0; i < tickets; i++) {
        const sched_lane *lane = lane_of(profile, inside[i].queue);
        if (!lane || gone[i] || inside[i].queue == but || at - inside[i].v < lane->min_wait) continue;
        if (best < 0 || rather(profile, &inside[i], &inside[best], at)) best = i;
    }
    return best;
}

/* The questions */

static void compare_peek(const scheduler *s, int profile) {
    static bool gone[TICKETS + 1];
    sched_choice choice;
    int64_t best = best_of(profile, now, gone, count, -1);
    expect(sched_peek(s, profile, now, &choice) == (best >= 0), "peek");
    if (best < 0) return;
    const sched_lane *lane = lane_of(profile, inside[best].queue);
    expect(choice.key == inside[best].key && choice.queue == inside[best].queue, "peek: winner");
    expect(choice.score == score_of(&inside[best], lane, now) && choice.level == lane->level, "peek: score");
    int64_t other = best_of(profile, now, gone, count, inside[best].queue);
    expect((choice.runner_queue >= 0) == (other >= 0), "peek: runner-up");
    expect((choice.rule == SCHED_ONLY) == (other < 0), "peek: only");
    if (other < 0) return;
    const sched_lane *its = lane_of(profile, inside[other].queue);
    expect(choice.runner_key == inside[other].key, "peek: who is runner-up");
    expect(choice.runner_score == score_of(&inside[other], its, now), "peek: score of the runner-up");
    bool guarded = now - inside[best].v >= terms[inside[best].queue].guard;
    int64_t rule = guarded ? SCHED_GUARD : lane->level < its->level ? SCHED_LEVEL : SCHED_SCORE;
    expect(choice.rule == rule, "peek: rule");
}

static void compare_calls(const scheduler *s, int profile, bool newcomer) {
    static bool gone[TICKETS + 1];
    static int64_t keys[TICKETS];
    int64_t queue = below(QUEUES), tickets = count, asked = newcomer ? count : count ? below(count) : -1;
    if (newcomer) inside[tickets++] = (struct ticket){-1, queue, now, INT64_MAX, 0, 0};
    memset(gone, 0, sizeof gone);
    int64_t limit = below(40), calls = 0, before = -1;
    int64_t written = newcomer ? 0 : sched_preview(s, profile, now, limit, keys);
    for (int64_t best; (best = best_of(profile, now, gone, tickets, -1)) >= 0; calls++) {
        gone[best] = true;
        if (!newcomer && calls < limit)
            expect(calls < written && keys[calls] == inside[best].key, "preview");
        if (best == asked) before = calls;
        if (calls > 60 && before < 0 && below(2)) return; /* long queues: a part is enough */
    }
    if (before < 0) before = calls;
    if (newcomer)
        expect(sched_ahead_of_newcomer(s, profile, queue, now) == before, "ahead of the newcomer");
    else if (asked >= 0)
        expect(sched_ahead(s, profile, inside[asked].handle, now) == before, "ahead");
}

static void compare_alerts(const scheduler *s) {
    static sched_alert due[TICKETS];
    int64_t earliest = INT64_MAX, come = 0, moment;
    for (int64_t i = 0; i < count; i++) {
        const struct ticket *t = &inside[i];
        const sched_terms *term = &terms[t->queue];
        bool warn = term->warn < NEVER && t->told < 1, breach = term->target < NEVER && t->told < 2;
        if (warn && t->v + term->warn < earliest) earliest = t->v + term->warn;
        if (breach && t->v + term->target < earliest) earliest = t->v + term->target;
        bool breached = term->target < NEVER && t->v + term->target <= now;
        come += (breach && breached) || (warn && !breached && t->v + term->warn <= now);
    }
    expect(sched_next_due(s, &moment) == (earliest < INT64_MAX), "next_due");
    if (earliest < INT64_MAX) expect(moment == earliest, "next_due: moment");
    int64_t limit = below(4) ? TICKETS : below(20);
    int64_t written = sched_due(s, now, limit, due);
    expect(written == (come < limit ? come : limit), "due: how many");
    for (int64_t i = 0; i < written; i++) {
        expect(due[i].moment <= now, "due: its moment");
        if (!i) continue;
        expect(due[i - 1].moment < due[i].moment ||
                   (due[i - 1].moment == due[i].moment && due[i - 1].key < due[i].key),
               "due: in order");
    }
}

static void compare_estimate(const scheduler *s) {
    static bool gone[TICKETS + 1];
    static sched_place places[TICKETS + 1];
    sched_server servers[4];
    int64_t means[QUEUES], clocks[4], server_count = below(5), newcomer = below(QUEUES + 1) - 1;
    if (count > 150) return;
    for (int64_t i = 0; i < QUEUES; i++) means[i] = 1 + below(6);
    for (int64_t i = 0; i < server_count; i++) {
        servers[i] = (sched_server){below(PROFILES), below(9)};
        clocks[i] = now + servers[i].free_in;
    }
    int64_t tickets = count;
    if (newcomer >= 0) inside[tickets++] = (struct ticket){-1, newcomer, now, INT64_MAX, 0, 0};
    memset(gone, 0, sizeof gone);
    int64_t written =
        sched_estimate(s, servers, server_count, means, QUEUES, now, newcomer, NULL, 0, places);
    int64_t called = 0;
    for (;;) {
        int64_t first = -1;
        for (int64_t i = 0; i < server_count; i++)
            if (clocks[i] < INT64_C(1) << 52 && (first < 0 || clocks[i] < clocks[first])) first = i;
        if (first < 0) break;
        int profile = (int)servers[first].profile;
        int64_t best = best_of(profile, clocks[first], gone, tickets, -1);
        if (best >= 0) {
            expect(called < written && places[called].key == inside[best].key, "estimate: who");
            expect(places[called].wait == clocks[first] - now && places[called].ahead == called,
                   "estimate: when");
            gone[best] = true;
            called++;
            clocks[first] += means[inside[best].queue];
            continue;
        }
        int64_t sight = INT64_C(1) << 52;
        for (int64_t i = 0; i < tickets; i++) {
            const sched_lane *lane = lane_of(profile, inside[i].queue);
            if (lane && !gone[i] && inside[i].v + lane->min_wait < sight) sight = inside[i].v + lane->min_wait;
        }
        clocks[first] = sight;
    }
    expect(called == written, "estimate: how many");
}

/* The changes */

static void push(scheduler *s) {
    if (count == TICKETS) return;
    int64_t queue = crowded && below(20) ? 0 : below(QUEUES);
    struct ticket t = {next_key++, queue, now - below(30) + 3, below(3), 0, 0};
    t.handle = sched_push(s, t.key, t.queue, t.v, t.order);
    expect(t.handle > 0, "push");
    inside[count++] = t;
}

static void drop(scheduler *s, int64_t i) {
    int64_t handle = inside[i].handle;
    expect(!sched_remove(s, handle), "remove");
    expect(sched_remove(s, handle) == SCHED_NO_TICKET, "a handle is dead after remove");
    stale = handle;
    inside[i] = inside[--count];
}

/* Calls some of those whom the profile would call: from the front, which empties whole chunks. */
static void call(scheduler *s, int profile) {
    sched_choice choice;
    for (int64_t calls = below(crowded ? 600 : 150); calls > 0 && sched_peek(s, profile, now, &choice) == 1; calls--) {
        int64_t i = 0;
        while (inside[i].key != choice.key) i++;
        drop(s, i);
    }
}

/* Tells some of what is due, so that whole chunks have nothing left to tell. */
static void tell(scheduler *s) {
    static sched_alert due[TICKETS];
    int64_t written = sched_due(s, now, below(TICKETS), due);
    for (int64_t told = 0; told < written; told++) {
        int64_t i = 0;
        while (inside[i].key != due[told].key) i++;
        expect(!sched_alerted(s, inside[i].handle, due[told].level), "alerted: due");
        inside[i].told = due[told].level;
    }
}

static void refused(scheduler *s) {
    sched_choice choice;
    sched_terms wrong = some_terms();
    wrong.rate_after = -wrong.rate - 1;
    sched_lane twice[2] = {{0, 1, 0, 0, 0}, {0, 1, 0, 0, 0}};
    expect(!stale || sched_alerted(s, stale, 1) == SCHED_NO_TICKET, "a handle is dead for ever");
    expect(sched_push(s, 5, QUEUES, 0, 0) == SCHED_NO_QUEUE, "push: queue");
    expect(sched_push(s, 5, 0, INT64_MIN, 0) == SCHED_BAD_NUMBER, "push: v");
    expect(sched_move(s, (int64_t)draw() | INT64_MIN, 0, 0) == SCHED_NO_TICKET, "move: handle");
    expect(sched_remove(s, (int64_t)(UINT32_MAX - (uint32_t)below(9))) == SCHED_NO_TICKET, "remove: slot");
    expect(sched_set_terms(s, 0, &wrong) == SCHED_BAD_NUMBER, "terms");
    expect(sched_set_terms(s, -1, &wrong) == SCHED_NO_QUEUE, "set_terms: queue");
    expect(sched_define_profile(s, twice, 2) == SCHED_BAD_NUMBER, "lanes: twice");
    expect(sched_peek(s, PROFILES, now, &choice) == SCHED_NO_PROFILE, "peek: profile");
    expect(sched_peek(s, 0, INT64_MAX, &choice) == SCHED_BAD_NUMBER, "peek: now");
    expect(sched_waiting(s, QUEUES) == SCHED_NO_QUEUE, "waiting");
}

static void step(scheduler *s) {
    int64_t some = count ? below(count) : -1, queue = below(QUEUES);
    int profile = (int)below(PROFILES);
    switch (below(16)) {
    case 0:
        for (int64_t i = below(crowded ? 600 : 150); i > 0; i--) push(s);
        break;
    case 1:
        for (int64_t i = below(150); i > 0 && count; i--) drop(s, below(count));
        break;
    case 2:
        if (some < 0) break;
        inside[some].queue = queue;
        inside[some].v = now - below(30) + 3;
        expect(!sched_move(s, inside[some].handle, queue, inside[some].v), "move");
        break;
    case 3:
    case 4:
        if (some < 0) break;
        int64_t level = 1 + below(2);
        expect(!sched_alerted(s, inside[some].handle, level), "alerted");
        if (inside[some].told < level) inside[some].told = level;
        break;
    case 5:
        terms[queue] = some_terms();
        expect(!sched_set_terms(s, queue, &terms[queue]), "set_terms");
        break;
    case 6:
        some_lanes(profile);
        expect(!sched_set_profile(s, profile, lanes[profile], lane_count[profile]), "set_profile");
        break;
    case 7:
        now += below(6);
        break;
    case 8:
        compare_calls(s, profile, below(2));
        break;
    case 9:
        compare_estimate(s);
        break;
    case 10:
        refused(s);
        break;
    case 11:
        if (some >= 0) drop(s, some);
        break;
    case 12:
        call(s, profile);
        break;
    case 13:
        tell(s);
        break;
    default:
        push(s);
    }
    compare_peek(s, profile);
    compare_alerts(s);
    int64_t line = sched_check(s);
    if (line) fprintf(stderr, "check.c:%" PRId64 "\n", line);
    expect(!line, "invariants");
    expect(sched_length(s) == count, "length");
}

int main(int argc, char **argv) {
    uint64_t runs = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (run_number = 0; run_number < runs; run_number++) {
        state = seed * UINT64_C(1000003) + run_number;
        scheduler *s = sched_new();
        expect(s != NULL, "new");
        count = 0;
        next_key = 0;
        now = below(2) ? 1000 : -1000;
        crowded = !below(4);
        stale = 0;
        for (int queue = 0; queue < QUEUES; queue++) {
            terms[queue] = some_terms();
            expect(sched_define_queue(s, &terms[queue]) == queue, "define_queue");
        }
        for (int profile = 0; profile < PROFILES; profile++) {
            some_lanes(profile);
            expect(sched_define_profile(s, lanes[profile], lane_count[profile]) == profile, "define_profile");
        }
        for (int64_t i = below(STEPS); i > 0; i--) step(s);
        sched_free(s);
    }
    printf("%" PRIu64 " runs of seed %" PRIu64 "\n", runs, seed);
    return 0;
}
