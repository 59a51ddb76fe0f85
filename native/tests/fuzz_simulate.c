/* fuzz_simulate.c: random halls in simulated time; every allocation fails once.
 *
 *     fuzz_simulate HALLS SEED
 *
 * Each hall is run whole, then again with its first, second, ... allocation failing until a run comes
 * through, which must count the same. Built with SCHED_TEST_ALLOCATION, meant for the sanitizers. */
#include "../chance.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 4, COUNTERS = 5, BATCHES = 4, ROWS = 30, MEAN = 1000 };

static const int64_t NEVER = INT64_C(1) << 53;
static int64_t allowed = INT64_MAX; /* allocations until one fails */
static struct stream chance;

void *sched_test_allocation(size_t bytes);

void *sched_test_allocation(size_t bytes) { return allowed-- > 0 ? aligned_alloc(64, bytes) : NULL; }

static int64_t below(int64_t limit) { return (int64_t)(stream_next(&chance) % (uint64_t)limit); }

struct hall {
    sim_terms run;
    sched_terms terms[CLASSES];
    sim_class classes[CLASSES];
    sched_lane lanes[COUNTERS * CLASSES];
    int64_t lane_counts[COUNTERS], class_count, counter_count;
    double rates[CLASSES][2];
    int64_t arrivals[CLASSES][3 * ROWS], days[CLASSES][3];
};

static struct hall hall;

static void fail(const char *what, int64_t number) {
    fprintf(stderr, "%s (%" PRId64 ")\n", what, number);
    abort();
}

static void draw_class(int64_t i) {
    sched_terms *terms = &hall.terms[i];
    *terms = (sched_terms){.rate = 1 + below(1000), .knee = NEVER, .guard = NEVER};
    terms->warn = terms->target = NEVER;
    if (!below(4)) terms->guard = below(4 * MEAN);
    if (!below(4)) terms->share = 1 + below(9), terms->group = 1 + below(3);
    sim_class *class = &hall.classes[i];
    *class = (sim_class){.law = below(4), .service_mean = (double)below(2 * MEAN), .service_cv = 0.8};
    class->patience_mean = below(2) ? -1.0 : (double)below(2 * MEAN);
    class->diverted = below(4) ? 0.0 : 0.5;
    class->target = below(MEAN);
    class->rates = hall.rates[i];
    class->rate_count = 1 + below(2);
    class->period = 3 * MEAN;
    for (int piece = 0; piece < 2; piece++) hall.rates[i][piece] = (double)below(3) / MEAN;
    if (below(3)) return;
    int64_t at = 0;
    for (int row = 0; row < ROWS; row++) {
        hall.arrivals[i][3 * row] = at += below(MEAN / 2);
        hall.arrivals[i][3 * row + 1] = below(3) ? below(MEAN) : -1;
        hall.arrivals[i][3 * row + 2] = below(3) ? -1 : below(MEAN);
        if (row == ROWS / 2) at = 0; /* the second day begins with the next row */
    }
    memcpy(hall.days[i], (int64_t[]){0, ROWS / 2 + 1, ROWS}, sizeof hall.days[i]);
    class->arrivals = hall.arrivals[i];
    class->days = hall.days[i];
    class->day_count = 2;
}

static void draw_hall(void) {
    int64_t lane = 0, horizon = MEAN * (5 + below(30));
    hall.class_count = 1 + below(CLASSES);
    hall.counter_count = 1 + below(COUNTERS);
    hall.run = (sim_terms){stream_next(&chance), horizon / 5, horizon, BATCHES, below(3), 1000, 50};
    for (int64_t i = 0; i < hall.class_count; i++) draw_class(i);
    for (int64_t counter = 0; counter < hall.counter_count; counter++) {
        hall.lane_counts[counter] = 0;
        for (int64_t i = 0; i < hall.class_count; i++) {
            bool last = counter == hall.counter_count - 1; /* it serves everybody at once */
            if (!last && below(3) == 0) continue;
            int64_t wait = last || below(2) ? 0 : below(2) ? below(MEAN) : NEVER;
            hall.lanes[lane++] = (sched_lane){i, 1 + below(3), 0, wait, last ? 0 : below(2)};
            hall.lane_counts[counter]++;
        }
    }
}

/* Runs two replications; the tallies of the second, summed. False if memory ran out. */
static bool run(sim_tally *sum) {
    simulation *sim = sim_new(&hall.run, hall.terms, hall.classes, hall.class_count, hall.lanes,
                              hall.lane_counts, hall.counter_count);
    if (!sim) return false;
    int64_t answer = 0;
    for (int64_t replication = 0; replication < 2 && !answer; replication++) {
        answer = sim_begin(sim, replication);
        if (answer) break;
        while ((answer = sim_run(sim, 1 + replication * 100)) > 0) continue;
    }
    sim_tally tallies[CLASSES * BATCHES];
    sim_tallies(sim, tallies);
    memset(sum, 0, sizeof *sum);
    for (int64_t i = 0; i < hall.class_count * BATCHES; i++) {
        sum->arrived += tallies[i].arrived;
        sum->served += tallies[i].served;
        sum->abandoned += tallies[i].abandoned;
        sum->waited += tallies[i].waited;
        sum->within += tallies[i].within;
        sum->wait_sum += tallies[i].wait_sum;
        sum->served_wait_sum += tallies[i].served_wait_sum;
    }
    sim_call calls[50];
    int64_t every[] = {0, 1, 2, 3};
    if (!answer && sim_trace(sim, calls) > sim_calls(sim)) fail("more calls kept than made", 0);
    if (!answer && sum->arrived && allowed > 1) {
        int64_t median = sim_quantile(sim, every, hall.class_count, 0.5);
        if (median < 0 || median > sim_quantile(sim, every, hall.class_count, 1.0)) fail("quantiles", median);
    }
    sim_free(sim);
    if (answer && answer != SCHED_NO_MEMORY) fail("a run stopped", answer);
    return !answer;
}

int main(int count, char **words) {
    int64_t halls = count > 1 ? atoll(words[1]) : 100;
    uint64_t seed = count > 2 ? (uint64_t)atoll(words[2]) : 1;
    for (int64_t number = 0; number < halls; number++) {
        uint64_t seeds[] = {seed, (uint64_t)number};
        stream_seed(&chance, seeds, 2);
        draw_hall();
        sim_tally whole, starved;
        allowed = INT64_MAX;
        if (!run(&whole)) fail("memory ran out", number);
        if (whole.served + whole.abandoned != whole.arrived) fail("a customer was lost", number);
        if (whole.within > whole.served || whole.waited > whole.arrived) fail("miscounted", number);
        for (int64_t spare = 0;; spare++) {
            allowed = spare;
            if (run(&starved)) break;
        }
        if (memcmp(&whole, &starved, sizeof whole)) fail("a second run counted otherwise", number);
    }
    return 0;
}
