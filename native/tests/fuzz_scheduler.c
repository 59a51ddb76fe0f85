/* fuzz_scheduler.c: the scheduler against an oracle too simple to be wrong, under the sanitizers.
 *
 *     fuzz_scheduler [runs] [seed]
 *
 * The oracle keeps its tickets in one unsorted array and answers every question by scanning all of them. Each
 * run draws terms, lanes and some hundred operations, a part of them with keys and numbers that are wrong;
 * after every step sched_check looks at all invariants. On a difference it prints run and seed and aborts. */
#include "../scheduler.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER (INT64_C(1) << 53)

enum { TICKETS = 1500, QUEUES = 6, PROFILES = 3, STEPS = 400 };

static sched_ticket inside[TICKETS + 1];
static int64_t count;
static sched_terms terms[QUEUES];
static sched_lane lanes[PROFILES][QUEUES];
static int64_t lane_count[PROFILES];
static int64_t lags[SCHED_GROUPS];
static int64_t now, next_key;
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
    static const int64_t groups[] = {0, 0, 0, 1, 2, 255};
    int64_t group = groups[below(6)], share = group ? 1 + below(below(2) ? 3 : 1000) : 0;
    sched_terms t = {below(4),    below(11) - 5, some_wait(), below(9), 0,
                     some_wait(), some_wait(),   some_wait(), share,    group};
    t.rate_after = below(t.rate + 4) - t.rate;
    if (!below(10))
        t = (sched_terms){INT64_C(1) << 20, NEVER, below(9), NEVER, INT64_C(1) << 20, NEVER, 3, 5, 0, 0};
    return t;
}

static void some_lanes(int profile) {
    lane_count[profile] = 0;
    for (int64_t queue = 0; queue < QUEUES; queue++) {
        if (!below(3)) continue;
        int64_t level = below(4) ? 1 : 1 + below(60), bonus = below(4) ? 0 : below(2) ? 2 : below(2) ? NEVER : -NEVER;
        int64_t min_wait = below(3) ? 0 : below(4) ? below(9) - 3 : NEVER;
        lanes[profile][lane_count[profile]++] = (sched_lane){queue, level, bonus, min_wait, below(3)};
    }
}

/* The oracle */

static __int128 cut(__int128 number, __int128 limit) {
    return number < -limit ? -limit : number > limit ? limit : number;
}

static int64_t score_of(const sched_ticket *t, const sched_lane *lane, int64_t at) {
    const sched_terms *term = &terms[t->queue];
    if (term->group) return (int64_t)cut(lane->bonus - lags[term->group], (INT64_C(1) << 54) - 1);
    __int128 wait = cut(at - t->v, INT64_C(1) << 40);
    __int128 score = term->offset + term->rate * wait + lane->bonus;
    if (wait >= term->knee) score += term->jump + term->rate_after * (wait - term->knee);
    return (int64_t)cut(score, (INT64_C(1) << 54) - 1);
}

static bool in_order(const sched_ticket *a, const sched_ticket *b) {
    if (a->v != b->v) return a->v < b->v;
    if (a->order != b->order) return a->order < b->order;
    return a->key < b->key;
}

static int64_t idle_counters = INT64_MAX; /* while assigning: how many; lanes with a reserve look at it */

static const sched_lane *lane_of(int profile, int64_t queue) {
    for (int64_t i = 0; i < lane_count[profile]; i++)
        if (lanes[profile][i].queue == queue) return &lanes[profile][i];
    return NULL;
}

/* Whether the profile would call `a` rather than `b`; both are visible to it. */
static bool rather(int profile, const sched_ticket *a, const sched_ticket *b, int64_t at) {
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

/* A ticket of this queue is called: the rule of interface.py, word by word. */
static void charge(int64_t queue) {
    int64_t group = terms[queue].group, passed = lags[group];
    if (!group) return;
    for (int64_t i = 0; i < SCHED_GROUPS; i++) lags[i] = lags[i] > passed ? lags[i] - passed : 0;
    lags[group] = 720720 / terms[queue].share;
}

/* The index of whom the profile would call, those marked in `gone` and those of queue `but` apart; or -1. */
static int64_t best_of(int profile, int64_t at, const bool *gone, int64_t tickets, int64_t but) {
    int64_t best = -1;
    for (int64_t i = 0; i < tickets; i++) {
        const sched_lane *lane = lane_of(profile, inside[i].queue);
        if (!lane || gone[i] || inside[i].queue == but || at - inside[i].v < lane->min_wait) continue;
        if (lane->reserve >= idle_counters && at - inside[i].v < terms[inside[i].queue].guard) continue;
        if (best < 0 || rather(profile, &inside[i], &inside[best], at)) best = i;
    }
    return best;
}

/* The questions */

static void compare_choice(const sched_choice *choice, int profile, int64_t best) {
    static bool gone[TICKETS + 1];
    const sched_lane *lane = lane_of(profile, inside[best].queue);
    expect(choice->key == inside[best].key && choice->queue == inside[best].queue, "choice: winner");
    expect(choice->score == score_of(&inside[best], lane, now) && choice->level == lane->level, "choice: score");
    int64_t other = best_of(profile, now, gone, count, inside[best].queue);
    expect((choice->runner_queue >= 0) == (other >= 0), "choice: runner-up");
    expect((choice->rule == SCHED_ONLY) == (other < 0), "choice: only");
    if (other < 0) return;
    const sched_lane *its = lane_of(profile, inside[other].queue);
    expect(choice->runner_key == inside[other].key, "choice: who is runner-up");
    expect(choice->runner_score == score_of(&inside[other], its, now), "choice: score of the runner-up");
    bool guarded = now - inside[best].v >= terms[inside[best].queue].guard;
    bool ratio = terms[inside[best].queue].group && terms[inside[other].queue].group;
    int64_t rule = guarded                     ? SCHED_GUARD
                   : lane->level < its->level ? SCHED_LEVEL
                   : ratio                     ? SCHED_RATIO
                                               : SCHED_SCORE;
    expect(choice->rule == rule, "choice: rule");
}

static void compare_peek(const scheduler *s, int profile) {
    static bool gone[TICKETS + 1];
    sched_choice choice;
    int64_t best = best_of(profile, now, gone, count, -1);
    expect(sched_peek(s, profile, now, &choice) == (best >= 0), "peek");
    if (best >= 0)
        compare_choice(&choice, profile, best);
    else
        expect(choice.queue == -1, "peek: nobody");
}

/* The heads are those of the queues, each called before the next. */
static void compare_heads(const scheduler *s, int profile) {
    sched_head heads[QUEUES];
    int64_t written = sched_heads(s, profile, now, heads), seen = 0, sight = INT64_C(1) << 52, moment = 0;
    const sched_ticket *before = NULL;
    for (int64_t i = 0; i < written; i++) {
        int64_t at = 0;
        while (inside[at].key != heads[i].key) at++;
        const sched_ticket *t = &inside[at];
        for (int64_t k = 0; k < count; k++)
            expect(k == at || inside[k].queue != t->queue || in_order(t, &inside[k]), "heads: first of its queue");
        expect(!before || rather(profile, before, t, now), "heads: in order");
        const sched_lane *lane = lane_of(profile, t->queue);
        expect(heads[i].queue == t->queue && heads[i].v == t->v && heads[i].level == lane->level, "heads: ticket");
        expect(heads[i].score == score_of(t, lane, now), "heads: score");
        expect(heads[i].guarded == (now - t->v >= terms[t->queue].guard), "heads: guarded");
        before = t;
    }
    for (int64_t i = 0; i < lane_count[profile]; i++) {
        const sched_lane *lane = &lanes[profile][i];
        bool any = false;
        for (int64_t k = 0; k < count; k++) {
            if (inside[k].queue != lane->queue) continue;
            any |= now - inside[k].v >= lane->min_wait;
            int64_t its = inside[k].v + lane->min_wait;
            if (its > now && its < sight) sight = its;
            int64_t guard = terms[lane->queue].guard > lane->min_wait ? terms[lane->queue].guard : lane->min_wait;
            its = inside[k].v + guard;
            if (lane->reserve && guard < NEVER && its > now && its < sight) sight = its;
        }
        seen += any;
    }
    expect(written == seen, "heads: how many");
    expect(sched_next_sight(s, profile, now, &moment) == (sight < INT64_C(1) << 52), "next_sight");
    expect(sight == INT64_C(1) << 52 || moment == sight, "next_sight: moment");
}

static void compare_nth(const scheduler *s) {
    int64_t queue = below(QUEUES), n = 1 + below(below(2) ? 5 : 200), waiting = sched_waiting(s, queue);
    sched_ticket found;
    expect(sched_nth(s, queue, n, &found) == (n <= waiting), "nth");
    if (n > waiting) return;
    int64_t before = 0, at = 0;
    while (inside[at].key != found.key) at++;
    for (int64_t i = 0; i < count; i++) before += inside[i].queue == queue && in_order(&inside[i], &inside[at]);
    expect(inside[at].queue == queue && before == n - 1, "nth: which");
    expect(found.queue == queue && found.v == inside[at].v && found.order == inside[at].order, "nth: ticket");
    expect(found.told == inside[at].told, "nth: told");
}

static void compare_assign(const scheduler *s) {
    static bool gone[TICKETS + 1];
    sched_idle idle[6];
    int64_t counters = below(7), distribution = below(3), index = -1, wins = -1, best_level = 0, winner = -1;
    for (int64_t i = 0; i < counters; i++) idle[i] = (sched_idle){below(PROFILES), below(3) - 1, below(3)};
    idle_counters = counters;
    for (int64_t i = 0; i < counters; i++) {
        int64_t best = best_of((int)idle[i].profile, now, gone, count, -1);
        if (best < 0) continue;
        int64_t level = lane_of((int)idle[i].profile, inside[best].queue)->level;
        bool before = wins < 0;
        if (!before && distribution == SCHED_LOWEST_LEVEL && level != best_level)
            before = level < best_level;
        else if (!before && distribution != SCHED_FIXED_ORDER && idle[i].since != idle[wins].since)
            before = idle[i].since < idle[wins].since;
        else if (!before)
            before = idle[i].number < idle[wins].number;
        if (!before) continue;
        wins = i;
        best_level = level;
        winner = best;
    }
    sched_choice choice;
    expect(sched_assign(s, idle, counters, distribution, now, &index, &choice) == (wins >= 0), "assign");
    expect(index == wins, "assign: to whom");
    if (wins >= 0) compare_choice(&choice, (int)idle[wins].profile, winner);
    idle_counters = INT64_MAX;
}

static void compare_calls(const scheduler *s, int profile, bool newcomer) {
    static bool gone[TICKETS + 1];
    static int64_t keys[TICKETS], kept[SCHED_GROUPS];
    int64_t queue = below(QUEUES), tickets = count, asked = newcomer ? count : count ? below(count) : -1;
    if (newcomer) inside[tickets++] = (sched_ticket){-1, queue, now, INT64_MAX, 0};
    memset(gone, 0, sizeof gone);
    memcpy(kept, lags, sizeof lags);
    int64_t limit = below(40), calls = 0, before = -1;
    int64_t written = newcomer ? 0 : sched_preview(s, profile, now, limit, keys);
    for (int64_t best; (best = best_of(profile, now, gone, tickets, -1)) >= 0; calls++) {
        gone[best] = true;
        charge(inside[best].queue);
        if (!newcomer && calls < limit)
            expect(calls < written && keys[calls] == inside[best].key, "preview");
        if (best == asked) before = calls;
        if (calls > 60 && before < 0 && below(2)) { /* long queues: a part is enough */
            memcpy(lags, kept, sizeof lags);
            return;
        }
    }
    memcpy(lags, kept, sizeof lags);
    if (before < 0) before = calls;
    if (newcomer)
        expect(sched_ahead_of_newcomer(s, profile, queue, now) == before, "ahead of the newcomer");
    else if (asked >= 0)
        expect(sched_ahead(s, profile, inside[asked].key, now) == before, "ahead");
}

static void compare_alerts(const scheduler *s) {
    static sched_alert due[TICKETS];
    int64_t earliest = INT64_MAX, come = 0;
    for (int64_t i = 0; i < count; i++) {
        const sched_ticket *t = &inside[i];
        const sched_terms *term = &terms[t->queue];
        bool warn = term->warn < NEVER && t->told < 1, breach = term->target < NEVER && t->told < 2;
        if (warn && t->v + term->warn < earliest) earliest = t->v + term->warn;
        if (breach && t->v + term->target < earliest) earliest = t->v + term->target;
        bool breached = term->target < NEVER && t->v + term->target <= now;
        come += (breach && breached) || (warn && !breached && t->v + term->warn <= now);
    }
    expect(sched_next_due(s) == earliest, "next_due");
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
    static int64_t kept[SCHED_GROUPS];
    int64_t means[QUEUES], clocks[4], server_count = below(5), newcomer = below(QUEUES + 1) - 1;
    if (count > 150) return;
    memcpy(kept, lags, sizeof lags);
    for (int64_t i = 0; i < QUEUES; i++) means[i] = 1 + below(6);
    for (int64_t i = 0; i < server_count; i++) {
        servers[i] = (sched_server){below(PROFILES), below(9)};
        clocks[i] = now + servers[i].free_in;
    }
    int64_t tickets = count;
    if (newcomer >= 0) inside[tickets++] = (sched_ticket){-1, newcomer, now, INT64_MAX, 0};
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
            charge(inside[best].queue);
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
    memcpy(lags, kept, sizeof lags);
}

/* The changes */

static sched_ticket some_ticket(void) {
    int64_t queue = crowded && below(20) ? 0 : below(QUEUES), told = below(4) ? 0 : below(3);
    int64_t key = next_key++, kind = below(16);
    if (kind == 0) key <<= 32;                      /* they share their lower bits */
    if (kind == 1) key = -2 - below(8) - key * 8192; /* and these, as far as an index of that size sees, a home */
    int64_t v = below(300) ? now - below(30) + 3 : now - (INT64_C(1) << (38 + below(6)));
    return (sched_ticket){key, queue, v, below(3), told};
}

static void push(scheduler *s) {
    if (count == TICKETS) return;
    sched_ticket t = some_ticket();
    expect(!sched_push(s, t.key, t.queue, t.v, t.order, t.told), "push");
    expect(sched_push(s, t.key, 0, t.v, t.order, t.told) == SCHED_INSIDE, "a key is inside once");
    inside[count++] = t;
}

/* A batch, now and then with one ticket in it that cannot join: then none has. */
static void push_batch(scheduler *s) {
    sched_ticket batch[100];
    int64_t size = below(100), wrong = below(3) ? -1 : below(100), answer = 0;
    if (count + size > TICKETS) return;
    for (int64_t i = 0; i < size; i++) batch[i] = some_ticket();
    if (wrong >= 0 && wrong < size) {
        answer = below(2) ? SCHED_BAD_NUMBER : wrong ? SCHED_INSIDE : SCHED_NO_QUEUE;
        if (answer == SCHED_BAD_NUMBER) batch[wrong].told = 3;
        if (answer == SCHED_INSIDE) batch[wrong].key = batch[0].key;
        if (answer == SCHED_NO_QUEUE) batch[wrong].queue = QUEUES;
    }
    expect(sched_push_many(s, batch, size) == answer, "push_many");
    for (int64_t i = 0; !answer && i < size; i++) inside[count++] = batch[i];
}

static void drop(scheduler *s, int64_t i) {
    int64_t key = inside[i].key;
    expect(sched_contains(s, key), "contains");
    if (below(2)) {
        expect(!sched_remove(s, key), "remove");
    } else {
        expect(!sched_called(s, key), "called");
        charge(inside[i].queue);
    }
    expect(!sched_contains(s, key) && sched_remove(s, key) == SCHED_NO_TICKET, "a key is gone after remove");
    inside[i] = inside[--count];
}

/* Some leave together; now and then one is named twice, and then none does. */
static void drop_batch(scheduler *s) {
    int64_t keys[100], size = 0, first = count ? below(count) : 0;
    while (size < 99 && first + size < count && below(30)) {
        keys[size] = inside[first + size].key;
        size++;
    }
    if (size && !below(3)) {
        keys[size] = below(2) ? keys[below(size)] : next_key;
        expect(sched_remove_many(s, keys, size + 1) == SCHED_NO_TICKET, "remove_many: twice or not inside");
        return;
    }
    expect(!sched_remove_many(s, keys, size), "remove_many");
    for (int64_t i = first; i + size < count; i++) inside[i] = inside[i + size];
    count -= size;
}

/* Calls some of those whom the profile would call: from the front, which empties whole chunks. */
static void call(scheduler *s, int profile) {
    static bool gone[TICKETS + 1];
    static sched_ask asks[600];
    static sched_choice choices[600];
    int64_t calls = below(crowded ? 600 : 150);
    bool together = below(2);
    for (int64_t i = 0; i < calls; i++) asks[i] = (sched_ask){below(6) ? profile : below(PROFILES), now};
    if (together) {
        asks[calls] = (sched_ask){PROFILES, now};
        expect(sched_call_many(s, asks, calls + 1, choices) == SCHED_NO_PROFILE, "call_many: profile");
        expect(!sched_call_many(s, asks, calls, choices), "call_many");
    }
    for (int64_t i = 0; i < calls; i++) {
        int seeing = (int)asks[i].profile;
        int64_t best = best_of(seeing, now, gone, count, -1);
        if (!together) expect(sched_call(s, seeing, now, &choices[i]) == (best >= 0), "call");
        if (best < 0) {
            expect(choices[i].queue == -1, "call: nobody");
            continue;
        }
        compare_choice(&choices[i], seeing, best);
        charge(inside[best].queue);
        inside[best] = inside[--count];
    }
}

/* Tells some of what is due, so that whole chunks have nothing left to tell. */
static void tell(scheduler *s) {
    static sched_alert due[TICKETS];
    int64_t written = sched_due(s, now, below(TICKETS), due);
    for (int64_t told = 0; told < written; told++) {
        int64_t i = 0;
        while (inside[i].key != due[told].key) i++;
        expect(!sched_alerted(s, inside[i].key, due[told].level), "alerted: due");
        inside[i].told = due[told].level;
    }
}

static void refused(scheduler *s) {
    sched_choice choice;
    sched_terms wrong = some_terms();
    wrong.rate_after = -wrong.rate - 1;
    sched_lane twice[2] = {{0, 1, 0, 0, 0}, {0, 1, 0, 0, 0}};
    sched_terms half = some_terms();
    half.share = 1;
    half.group = 0;
    sched_ticket found;
    int64_t moment;
    expect(sched_alerted(s, next_key, 1) == SCHED_NO_TICKET, "alerted: key");
    expect(sched_push(s, next_key, QUEUES, 0, 0, 0) == SCHED_NO_QUEUE, "push: queue");
    expect(sched_push(s, next_key, 0, INT64_MIN, 0, 0) == SCHED_BAD_NUMBER, "push: v");
    expect(sched_push(s, -1, 0, 0, 0, 0) == SCHED_BAD_NUMBER, "push: key");
    expect(sched_push(s, next_key, 0, 0, INT64_MAX, 0) == SCHED_BAD_NUMBER, "push: order");
    expect(sched_move(s, (int64_t)draw() | INT64_MIN, 0, 0) == SCHED_NO_TICKET, "move: key");
    expect(sched_remove(s, next_key) == SCHED_NO_TICKET, "remove: key");
    expect(sched_called(s, next_key) == SCHED_NO_TICKET, "called: key");
    expect(sched_call(s, PROFILES, now, &choice) == SCHED_NO_PROFILE, "call: profile");
    expect(sched_set_lag(s, 0, 0) == SCHED_BAD_NUMBER, "set_lag: group");
    expect(sched_set_lag(s, 1, 720721) == SCHED_BAD_NUMBER, "set_lag: lag");
    expect(sched_set_terms(s, 0, &half) == SCHED_BAD_NUMBER, "terms: a share without a group");
    expect(sched_nth(s, QUEUES, 1, &found) == SCHED_NO_QUEUE, "nth: queue");
    expect(sched_nth(s, 0, 0, &found) == SCHED_BAD_NUMBER, "nth: n");
    expect(sched_next_sight(s, -1, now, &moment) == SCHED_NO_PROFILE, "next_sight: profile");
    sched_idle idle = {PROFILES, 0, 0};
    expect(sched_assign(s, &idle, 1, 0, now, &moment, &choice) == SCHED_NO_PROFILE, "assign: profile");
    expect(sched_assign(s, &idle, 0, 3, now, &moment, &choice) == SCHED_BAD_NUMBER, "assign: distribution");
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
    switch (below(22)) {
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
        expect(!sched_move(s, inside[some].key, queue, inside[some].v), "move");
        break;
    case 3:
    case 4:
        if (some < 0) break;
        int64_t level = 1 + below(2);
        expect(!sched_alerted(s, inside[some].key, level), "alerted");
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
    case 14:
        push_batch(s);
        break;
    case 15:
        drop_batch(s);
        break;
    case 16:
        compare_assign(s);
        break;
    case 17:
        compare_heads(s, profile);
        break;
    case 18:
        compare_nth(s);
        break;
    case 19:
        if (below(4)) break;
        queue = 1 + below(2);
        lags[queue] = below(720721);
        expect(!sched_set_lag(s, queue, lags[queue]), "set_lag");
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
    static int64_t its[SCHED_GROUPS];
    sched_lags(s, its);
    expect(!memcmp(its, lags, sizeof lags), "lags");
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
        memset(lags, 0, sizeof lags);
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
