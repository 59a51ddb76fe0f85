/* hall.h: the memory of the simulator; shared by hall.c, arrive.c and simulate.c and by nothing else.
 *
 *   simulation
 *   |- scheduler: a queue for each class, a profile for each counter
 *   |- sources: one a class: its streams of random numbers; arriving: when its next customer comes
 *   |- views: counters x classes: how a counter sees a class, so that an arrival that finds a counter idle
 *   |      need not pass through the scheduler
 *   |- customers: an arena of those who wait; free slots form a list
 *   |- serving: a heap of counters by (free at, number)
 *   |- idle: the idle counters by (since, number)
 *   |- leaving: a heap of patiences by (ends at, order); entries of customers who were called are stale, and
 *   |      are thrown out when they are the greater part
 *   `- tallies: classes x batches; bins: classes x TALLY_BINS; longest: classes
 */
#ifndef SOMC_HALL_H
#define SOMC_HALL_H

#include "chance.h"
#include "heap.h"
#include "internal.h"
#include "tally.h"

struct source {
    bool never; /* all its rates are 0 */
    int64_t number; /* how many have come */
    int64_t row, row_end; /* of given arrivals: the next one, and where the day ends */
    struct stream arriving, serving, patience, diverting;
    struct flow flow;
    struct law law;
    sim_class terms;
};

struct view {
    int64_t level, min_wait, reserve; /* min_wait NEVER: not at all */
};

struct customer {
    int64_t at, service, number, order, source;
    int64_t batch; /* -1: not counted */
    int64_t next;  /* of a free slot: the next free one; of a waiting customer: WAITING */
};

enum { WAITING = -2, NO_CUSTOMER = -1 };

struct simulation {
    sim_terms run;
    scheduler *queues;
    sched_terms *terms;
    sched_lane *lanes;
    int64_t *lane_counts;

    struct source *sources;
    int64_t *arriving; /* the next arrival of each, or NO_INSTANT */
    int64_t class_count;
    int64_t next_source, next_arrival; /* who comes next, and when */

    struct view *views;
    int64_t counter_count;
    bool by_ratio; /* a class goes by ratio: then the scheduler must hear of every call */
    bool timed;    /* a lane shows its queue only after a wait, or a guard ends its reserve */
    bool reserved; /* a lane looks at how many counters are idle */

    struct customer *customers;
    int64_t customer_room, free_customer, waiting;
    int64_t order; /* of the next customer who waits */

    struct heap serving, leaving;
    sched_idle *idle;
    int64_t idle_count;
    int64_t next_sight;

    int64_t now, batch, batch_end;
    double busy;
    sim_tally *tallies;
    int64_t *bins, *longest;
    sim_call *trace;
    int64_t calls;
};

/* hall.c: the first instant that is no longer in this batch. */
int64_t hall_end_of_batch(const simulation *sim, int64_t batch);

/* arrive.c: draws the next arrival of every class; after sim_begin's reset. */
void arrive_begin(simulation *sim, int64_t replication);

/* arrive.c: the next arrival: its source, service time and patience (-1: does not leave), and draws the one
 * after it. False if the customer was diverted. */
bool arrive_next(simulation *sim, struct source **source, int64_t *service, int64_t *patience);

#endif
