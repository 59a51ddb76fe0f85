/* scheduler.h: the queue scheduler: which ticket next, and why.
 *
 * Tickets wait in queues. A queue has terms, by which waiting earns a score; a profile (the skills of a
 * counter) has lanes, each showing it one queue. Inside a queue tickets stand by (v, order, key), v being
 * the instant at which the ticket's service clock started, and at any instant no score rises from the head of
 * a queue to its tail: so only the heads of the queues compete. A queue may go by ratio instead of by wait: its
 * group then has a lag, which a call sets back. A ticket is known by its key, the caller's own number. Its
 * limits, and more words on each number, are in somc/scheduler/interface.py; the Python reference beside it is
 * the oracle of this code.
 *
 * What must stay true
 * - Integers only; instants and waits are milliseconds. The limits below keep every sum inside 63 bits.
 * - A function that takes a const scheduler changes nothing, not even a cache.
 * - A function that returns an error (enum sched_error) has left the scheduler as it was.
 * - Nothing here reads a clock, takes a lock or draws a random number. One thread at a time.
 *
 * build_sched.py makes the cdef of cffi from this file: keep it free of macros within declarations.
 */
#ifndef SOMC_SCHEDULER_H
#define SOMC_SCHEDULER_H

#include <stdint.h>

/* Why a call was refused. */
enum sched_error {
    SCHED_NO_MEMORY = -1,  /* an allocation failed */
    SCHED_NO_QUEUE = -2,   /* no queue of that number was defined */
    SCHED_NO_PROFILE = -3, /* no profile of that number was defined */
    SCHED_NO_TICKET = -4,  /* no ticket of that key is inside */
    SCHED_BAD_NUMBER = -5, /* a number outside its limits, or a queue named twice in a profile */
    SCHED_INSIDE = -6      /* a ticket of that key is inside already */
};

/* Which rule made a choice; see Rule in interface.py. */
enum sched_rule { SCHED_ONLY = 0, SCHED_GUARD = 1, SCHED_LEVEL = 2, SCHED_SCORE = 3, SCHED_RATIO = 4 };

/* To whom among idle counters the next customer goes; see Scheduler.assign in interface.py. */
enum sched_distribution { SCHED_LONGEST_IDLE = 0, SCHED_LOWEST_LEVEL = 1, SCHED_FIXED_ORDER = 2 };

/* Alert levels, and what was told of a ticket (0: nothing). */
enum sched_alert_level { SCHED_WARNING = 1, SCHED_BREACH = 2 };

/* Groups are numbered 1 .. SCHED_GROUPS - 1; 0 is none. */
enum { SCHED_GROUPS = 256 };

/* Opaque: everything one hall has waiting. */
typedef struct scheduler scheduler;

/* The terms of a queue: Terms in interface.py, field by field. With wait = now - v, within 2^40 of 0, a ticket
 * scores
 *     offset + rate * wait                                         while wait < knee
 *     offset + rate * wait + jump + rate_after * (wait - knee)     from then on
 * or, if the queue has a group, -lag of that group; the lane's bonus is added. From wait >= guard on it goes before
 * everybody unguarded, the longest wait first. warn and target are the waits of its two alerts. 2^53 as knee, guard,
 * warn or target is never. A call from a queue with a group takes the lag of that group off the lag of every group,
 * down to 0 at most, and then sets it to 720720 / share. */
typedef struct {
    int64_t rate, offset, knee, jump, rate_after, guard, warn, target, share, group;
} sched_terms;

/* One queue within a profile: Lane in interface.py, field by field. A ticket is seen here once now - v >= min_wait.
 * Of two unguarded tickets that are seen, the first of these that differs decides: level (the smaller), score (the
 * larger), then v, order, key (the smaller). `reserve`: so many idle counters stay free of this
 * queue; sched_assign alone reads it. */
typedef struct {
    int64_t queue, level, bonus, min_wait, reserve;
} sched_lane;

/* A ticket: its key, its queue, its place (v, order) within that, and what was told of it (0: nothing, or an
 * alert level). */
typedef struct {
    int64_t key, queue, v, order, told;
} sched_ticket;

/* A choice. queue is -1 if there is nobody to call, runner_queue is -1 if no other queue has anybody visible;
 * what has no meaning then is 0. */
typedef struct {
    int64_t key, queue, level, score, rule;
    int64_t runner_key, runner_queue, runner_score;
} sched_choice;

/* The head of a queue as a profile sees it; guarded is 0 or 1. */
typedef struct {
    int64_t key, queue, level, score, v, guarded;
} sched_head;

/* One call of a batch. */
typedef struct {
    int64_t profile, now;
} sched_ask;

/* An idle counter: its profile, the instant since which it is idle, its number. */
typedef struct {
    int64_t profile, since, number;
} sched_idle;

/* A counter in the forward run: its profile, and in how many milliseconds it will be free. */
typedef struct {
    int64_t profile, free_in;
} sched_server;

/* What the forward run says of one ticket. */
typedef struct {
    int64_t key, wait, ahead;
} sched_place;

/* An alert whose moment has come. */
typedef struct {
    int64_t moment, key, level;
} sched_alert;

/* A new, empty scheduler, or NULL if there is no memory. The caller frees it with sched_free. */
scheduler *sched_new(void);

/* Frees a scheduler and all it holds. NULL is allowed. */
void sched_free(scheduler *s);

/* A new, empty queue: its number, counting from 0. NO_MEMORY, BAD_NUMBER. `terms` is copied. */
int64_t sched_define_queue(scheduler *s, const sched_terms *terms);

/* Other terms for a queue from now on; its tickets stay. 0, NO_QUEUE or BAD_NUMBER. */
int64_t sched_set_terms(scheduler *s, int64_t queue, const sched_terms *terms);

/* A new profile of `count` lanes: its number, counting from 0. NO_MEMORY, NO_QUEUE, BAD_NUMBER. The lanes
 * are copied; NULL is allowed if there are none. */
int64_t sched_define_profile(scheduler *s, const sched_lane *lanes, int64_t count);

/* Other lanes for a profile from now on. 0, NO_PROFILE, NO_MEMORY, NO_QUEUE or BAD_NUMBER. */
int64_t sched_set_profile(scheduler *s, int64_t profile, const sched_lane *lanes, int64_t count);

/* A ticket joins. NO_MEMORY, NO_QUEUE, INSIDE, BAD_NUMBER. */
int64_t sched_push(scheduler *s, int64_t key, int64_t queue, int64_t v, int64_t order, int64_t told);

/* All these tickets join, or none: 0, or the error of the first that cannot. */
int64_t sched_push_many(scheduler *s, const sched_ticket *tickets, int64_t count);

/* A ticket leaves, not called: no group is charged. 0 or NO_TICKET. Never needs memory. */
int64_t sched_remove(scheduler *s, int64_t key);

/* All these leave so, or none: 0, or NO_TICKET if one is not inside or named twice. Never needs memory. */
int64_t sched_remove_many(scheduler *s, const int64_t *keys, int64_t count);

/* A ticket leaves because it was called: charges the group of its queue. 0 or NO_TICKET. Never needs memory. */
int64_t sched_called(scheduler *s, int64_t key);

/* sched_peek, and the choice is called: 1 and the choice, 0 if there is nobody, NO_PROFILE or BAD_NUMBER.
 * Never needs memory. */
int64_t sched_call(scheduler *s, int64_t profile, int64_t now, sched_choice *choice);

/* One call after the other, written to `choices`, which the caller owns and which has room for `count`: 0, or
 * NO_PROFILE or BAD_NUMBER, and then nobody was called. Never needs memory. */
int64_t sched_call_many(scheduler *s, const sched_ask *asks, int64_t count, sched_choice *choices);

/* A ticket goes to another place, keeping its order and what was told of it.
 * 0, NO_TICKET, NO_QUEUE, BAD_NUMBER or NO_MEMORY. */
int64_t sched_move(scheduler *s, int64_t key, int64_t queue, int64_t v);

/* This alert of the ticket has been told; for SCHED_BREACH the warning too. 0, NO_TICKET, BAD_NUMBER. */
int64_t sched_alerted(scheduler *s, int64_t key, int64_t level);

/* A group lags so far from now on. 0 or BAD_NUMBER. */
int64_t sched_set_lag(scheduler *s, int64_t group, int64_t lag);

/* Copies the lag of every group to `lags`, which has room for SCHED_GROUPS; that of group 0 is 0. */
void sched_lags(const scheduler *s, int64_t *lags);

/* 1 if a ticket of that key is inside, else 0. */
int64_t sched_contains(const scheduler *s, int64_t key);

/* How many tickets are inside. */
int64_t sched_length(const scheduler *s);

/* How many tickets stand in a queue, or NO_QUEUE. */
int64_t sched_waiting(const scheduler *s, int64_t queue);

/* Whom a counter of this profile would call: 1 and the choice, 0 if there is nobody for it, NO_PROFILE or
 * BAD_NUMBER. Never needs memory. */
int64_t sched_peek(const scheduler *s, int64_t profile, int64_t now, sched_choice *choice);

/* The head of every queue in which this profile sees somebody, who would be called first first, written to
 * `heads`, which the caller owns and which has room for one a lane: how many. NO_PROFILE, BAD_NUMBER. */
int64_t sched_heads(const scheduler *s, int64_t profile, int64_t now, sched_head *heads);

/* The n-th ticket of a queue, from 1: 1 and the ticket, 0 if fewer stand in it, NO_QUEUE or BAD_NUMBER. */
int64_t sched_nth(const scheduler *s, int64_t queue, int64_t n, sched_ticket *ticket);

/* The earliest instant after `now` at which this profile will see one more ticket (in a lane with a reserve also
 * by the guard): 1 and the moment, 0 if that is never, NO_PROFILE or BAD_NUMBER. */
int64_t sched_next_sight(const scheduler *s, int64_t profile, int64_t now, int64_t *moment);

/* Which of the idle counters should be given whom (enum sched_distribution). A lane with a reserve shows its
 * queue only while more counters than that are idle, or once its head is beyond the guard. 1, the position in
 * `idle` and the choice; 0 if there is nobody for any of them; NO_PROFILE or BAD_NUMBER. Never needs memory. */
int64_t sched_assign(const scheduler *s, const sched_idle *idle, int64_t count, int64_t distribution,
                     int64_t now, int64_t *index, sched_choice *choice);

/* The keys of the next `limit` tickets this profile would call at this instant, written to `keys`, which
 * the caller owns and which has room for `limit`: how many. NO_PROFILE, BAD_NUMBER, NO_MEMORY. */
int64_t sched_preview(const scheduler *s, int64_t profile, int64_t now, int64_t limit, int64_t *keys);

/* How many tickets this profile would call before this one at this instant; all that are visible to it if
 * it would not call this one. NO_PROFILE, NO_TICKET, BAD_NUMBER, NO_MEMORY. */
int64_t sched_ahead(const scheduler *s, int64_t profile, int64_t key, int64_t now);

/* The same for a ticket that would join `queue` at this instant, the last in order. NO_QUEUE too. */
int64_t sched_ahead_of_newcomer(const scheduler *s, int64_t profile, int64_t queue, int64_t now);

/* Runs the policy forward: the servers call one after another, a call of `queue` keeping its server busy
 * for means[queue] (one mean for each queue). Writes the places to `out` in the order of the calls: how
 * many. `newcomer` is -1, or a queue which one more ticket (key -1) joins in thought. With `wanted` NULL
 * every place is written and `out` has room for sched_length + 1; otherwise only those of the `wanted_count`
 * keys and of the newcomer, `out` has room for wanted_count + 1, and the run stops when all are placed.
 * The caller owns all arrays. NO_MEMORY, NO_PROFILE, NO_QUEUE, NO_TICKET, BAD_NUMBER. */
int64_t sched_estimate(const scheduler *s, const sched_server *servers, int64_t server_count,
                       const int64_t *means, int64_t mean_count, int64_t now, int64_t newcomer,
                       const int64_t *wanted, int64_t wanted_count, sched_place *out);

/* The earliest moment of an alert not yet told; INT64_MAX if there is none. */
int64_t sched_next_due(const scheduler *s);

/* Where that number stands, for callers to whom a call costs more than a look: it is right after every change,
 * and stays there until sched_free. */
const int64_t *sched_next_moment(const scheduler *s);

/* The first `limit` alerts whose moment has come, by (moment, key), written to `out`, which the caller owns
 * and which has room for `limit`: how many. BAD_NUMBER. Never needs memory. */
int64_t sched_due(const scheduler *s, int64_t now, int64_t limit, sched_alert *out);

/* Copies the tickets of a queue in their order to `out`, which has room for sched_waiting: how many, or
 * NO_QUEUE. */
int64_t sched_rows(const scheduler *s, int64_t queue, sched_ticket *out);

/* Bytes of memory held. */
int64_t sched_bytes(const scheduler *s);

/* Walks through everything and compares: 0 if all invariants hold, else the line of the source at which one
 * does not. For tests. */
int64_t sched_check(const scheduler *s);

#endif
