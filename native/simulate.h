/* simulate.h: a hall in simulated time: customers come, wait in the scheduler of scheduler.h, are served.
 *
 * The loop runs here, so that a customer costs some hundred nanoseconds; what is simulated is given by the
 * caller: the classes of customers with their terms, the counters with their lanes. Who is next is decided by
 * the scheduler and by nothing in this file. somc/simulate/twin.py is the same loop in Python over the
 * reference scheduler; a test compares the two call by call.
 *
 * The rules, where more than one would do
 * - At one instant first the counters that become free (the lower number first), then whoever becomes visible
 *   by waiting, then who arrives (the class given first goes first), then whose patience ends.
 * - Service time and patience are drawn when a customer arrives, whether they will be needed or not.
 * - Nobody arrives at or after the horizon; who is inside by then is served, as when a hall closes its door.
 * - Counted is who arrives from the warm-up on. A batch is one of equal parts of the time between warm-up and
 *   horizon, and holds who arrives in it.
 * - Patience 0 means to leave at once if no counter is free.
 *
 * What must stay true
 * - Times are integer ticks; the caller says how long one is. Sums of waits are doubles of whole numbers.
 * - A run is a function of what sim_new was given and of the replication. Memory is bounded by who waits.
 * - sim_run returns after a number of events, so that its caller may show progress or stop.
 * - Nothing here reads a clock or takes a lock. One thread at a time.
 */
#ifndef SOMC_SIMULATE_H
#define SOMC_SIMULATE_H

#include "scheduler.h"

/* Why a run was refused or stopped, besides enum sched_error. */
enum sim_error {
    SIM_TOO_MANY = -20,  /* more customers wait than the limit allows: the hall cannot keep up */
    SIM_NEVER_SERVED = -21 /* somebody waits whom no counter will ever see */
};

/* Distributions of service times. */
enum sim_law { SIM_EXPONENTIAL = 0, SIM_DETERMINISTIC = 1, SIM_ERLANG2 = 2, SIM_LOGNORMAL = 3 };

/* Opaque: one hall, its customers and what was counted. */
typedef struct simulation simulation;

/* The run. `distribution` is sched_distribution; `trace_room` is how many calls are kept for sim_trace. */
typedef struct {
    uint64_t seed;
    int64_t warmup, horizon, batches, distribution, waiting_limit, trace_room;
} sim_terms;

/* One class of customers: its queue is that of the same number in the scheduler. They are Poisson with
 * `rates`: arrivals a tick, one for each piece of `period` (1 or more) ticks, over and over. Or, with
 * day_count > 0, they are those of `arrivals`, rows of three: instant, service, patience (-1: to be drawn, or
 * none); replication r has the rows from days[d] to days[d + 1] with d = r mod day_count, by their instants.
 * A share `diverted` of them goes elsewhere and is not counted. patience_mean < 0: nobody leaves.
 * The arrays stay the caller's and must outlive the simulation. */
typedef struct {
    int64_t law;
    double service_mean, service_cv, patience_mean, diverted;
    int64_t target;
    const double *rates;
    int64_t rate_count;
    double period;
    const int64_t *arrivals, *days;
    int64_t day_count;
} sim_class;

/* What was counted of one class in one batch. `waited`: who could not be served at once; `within`: who was
 * called no later than the target; the sums are waits in ticks, of everybody and of those who were served. */
typedef struct {
    int64_t arrived, served, abandoned, waited, within;
    double wait_sum, served_wait_sum;
} sim_tally;

/* One call: when, the customer as class and number within it (from 0, in the order of arrival, the diverted
 * included), and the counter (from 0). */
typedef struct {
    int64_t at, customer_class, number, counter;
} sim_call;

/* A hall before the first customer of replication 0, or NULL if there is no memory or a number is outside its
 * limits. `lanes` are those of all counters one after another, lane_counts[i] for counter i. The terms,
 * classes and lanes are copied. The caller frees it with sim_free. */
simulation *sim_new(const sim_terms *run, const sched_terms *terms, const sim_class *classes,
                    int64_t class_count, const sched_lane *lanes, const int64_t *lane_counts,
                    int64_t counter_count);

/* Frees a hall and all it holds. NULL is allowed. */
void sim_free(simulation *sim);

/* Empties the hall for a replication of this number, which has its own random numbers. Tallies, busy time and
 * the trace begin anew; the distribution of waits and the longest wait go on. 0, NO_MEMORY or BAD_NUMBER. */
int64_t sim_begin(simulation *sim, int64_t replication);

/* The next `events` events: 1 if there are more, 0 if the hall is empty and nobody will come. NO_MEMORY,
 * TOO_MANY, NEVER_SERVED; after any of them only sim_begin and sim_free may follow. */
int64_t sim_run(simulation *sim, int64_t events);

/* The instant reached. */
int64_t sim_clock(const simulation *sim);

/* Copies the tallies of this replication to `out`: classes x batches of them, a class after another. */
void sim_tallies(const simulation *sim, sim_tally *out);

/* Ticks that all counters together spent serving between warm-up and horizon, in this replication. */
double sim_busy(const simulation *sim);

/* The longest wait of a class in all replications so far, 0 if nobody was counted. */
int64_t sim_longest(const simulation *sim, int64_t customer_class);

/* The smallest wait that at least `share` of the counted customers of these classes did not exceed, in all
 * replications so far: exact below 2048 ticks, else to 1 in 2000. -1 if nobody was counted. */
int64_t sim_quantile(const simulation *sim, const int64_t *classes, int64_t count, double share);

/* Copies the calls kept of this replication to `out`, which has room for trace_room: how many. */
int64_t sim_trace(const simulation *sim, sim_call *out);

/* How many calls this replication made, kept or not. */
int64_t sim_calls(const simulation *sim);

#endif
