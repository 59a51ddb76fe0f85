/* hall.c: making, emptying and freeing a simulated hall, and asking what was counted. What each function
 * promises: simulate.h. */
#include "hall.h"

#include <string.h>

int64_t hall_end_of_batch(const simulation *sim, int64_t batch) {
    double length = (double)(sim->run.horizon - sim->run.warmup) / (double)sim->run.batches;
    if (batch == sim->run.batches - 1) return NO_INSTANT;
    return sim->run.warmup + to_ticks((double)(batch + 1) * length);
}

/* So many classes, counters or batches are a mistake. */
static const int64_t COUNT_LIMIT = 1 << 16;

static bool run_ok(const sim_terms *run, int64_t class_count, int64_t counter_count) {
    return run->warmup >= 0 && run->horizon > run->warmup && run->horizon < TIME_LIMIT / 2 &&
           run->batches > 0 && run->batches <= COUNT_LIMIT && run->waiting_limit > 0 &&
           run->trace_room >= 0 && class_count > 0 && class_count <= COUNT_LIMIT && counter_count > 0 &&
           counter_count <= COUNT_LIMIT;
}

static bool class_ok(const sim_class *terms) {
    if (!(terms->service_mean >= 0) || !(terms->service_cv >= 0) || !(terms->diverted >= 0)) return false;
    if (terms->day_count) return terms->day_count > 0;
    if (terms->rate_count < 1 || (terms->rate_count > 1 && !(terms->period >= 1))) return false;
    for (int64_t i = 0; i < terms->rate_count; i++)
        if (!(terms->rates[i] >= 0) || isinf(terms->rates[i])) return false;
    return true;
}

static void *copied(const void *array, int64_t count, size_t element) {
    void *copy = memory_scratch((size_t)count * element);
    if (copy && count) memcpy(copy, array, (size_t)count * element);
    return copy;
}

static void *zeroed(int64_t count, size_t element) { return memory_zeroed((size_t)count * element); }

/* A scheduler with the queues and profiles of this hall, or NULL. */
static scheduler *new_scheduler(const simulation *sim) {
    scheduler *queues = sched_new();
    if (!queues) return NULL;
    const sched_lane *lanes = sim->lanes;
    int64_t answer = 0;
    for (int64_t i = 0; answer >= 0 && i < sim->class_count; i++)
        answer = sched_define_queue(queues, &sim->terms[i]);
    for (int64_t i = 0; answer >= 0 && i < sim->counter_count; lanes += sim->lane_counts[i++])
        answer = sched_define_profile(queues, lanes, sim->lane_counts[i]);
    if (answer >= 0) return queues;
    sched_free(queues);
    return NULL;
}

/* Sees that every lane is a queue's, and remembers how each counter sees each class. */
static bool make_views(simulation *sim) {
    const sched_lane *lane = sim->lanes;
    for (int64_t i = 0; i < sim->counter_count * sim->class_count; i++) sim->views[i].min_wait = NEVER;
    for (int64_t counter = 0; counter < sim->counter_count; counter++)
        for (int64_t i = 0; i < sim->lane_counts[counter]; i++, lane++) {
            if (lane->queue < 0 || lane->queue >= sim->class_count) return false;
            sim->views[counter * sim->class_count + lane->queue] =
                (struct view){lane->level, lane->min_wait, lane->reserve};
            sim->timed |= lane->min_wait > 0 && lane->min_wait < NEVER;
            sim->timed |= lane->reserve > 0 && sim->terms[lane->queue].guard < NEVER; /* which ends a reserve */
            sim->reserved |= lane->reserve > 0;
        }
    return true;
}

simulation *sim_new(const sim_terms *run, const sched_terms *terms, const sim_class *classes,
                    int64_t class_count, const sched_lane *lanes, const int64_t *lane_counts,
                    int64_t counter_count) {
    if (!run_ok(run, class_count, counter_count)) return NULL;
    int64_t lane_count = 0;
    for (int64_t i = 0; i < class_count; i++)
        if (!class_ok(&classes[i])) return NULL;
    for (int64_t i = 0; i < counter_count; i++) {
        if (lane_counts[i] < 0 || lane_counts[i] > class_count) return NULL;
        lane_count += lane_counts[i];
    }
    simulation *sim = zeroed(1, sizeof *sim);
    if (!sim) return NULL;
    sim->run = *run;
    sim->class_count = class_count;
    sim->counter_count = counter_count;
    sim->terms = copied(terms, class_count, sizeof *terms);
    sim->lanes = copied(lanes, lane_count, sizeof *lanes);
    sim->lane_counts = copied(lane_counts, counter_count, sizeof *lane_counts);
    sim->sources = zeroed(class_count, sizeof *sim->sources);
    sim->arriving = zeroed(class_count, sizeof *sim->arriving);
    sim->views = zeroed(counter_count * class_count, sizeof *sim->views);
    sim->idle = zeroed(counter_count, sizeof *sim->idle);
    sim->serving = (struct heap){zeroed(counter_count, sizeof(struct moment)), 0, counter_count};
    sim->tallies = zeroed(class_count * run->batches, sizeof *sim->tallies);
    sim->bins = zeroed(class_count * TALLY_BINS, sizeof *sim->bins);
    sim->longest = zeroed(class_count, sizeof *sim->longest);
    sim->trace = zeroed(run->trace_room, sizeof *sim->trace);
    bool whole = sim->terms && sim->lanes && sim->lane_counts && sim->sources && sim->arriving &&
                 sim->views && sim->idle && sim->serving.moments && sim->tallies && sim->bins &&
                 sim->longest && sim->trace;
    if (!whole || !make_views(sim)) {
        sim_free(sim);
        return NULL;
    }
    for (int64_t i = 0; i < class_count; i++) {
        sim->sources[i].terms = classes[i];
        sim->by_ratio |= terms[i].group != 0;
        sim->sources[i].law = law_of(classes[i].law, classes[i].service_mean, classes[i].service_cv);
    }
    if (!sim_begin(sim, 0)) return sim;
    sim_free(sim);
    return NULL;
}

void sim_free(simulation *sim) {
    if (!sim) return;
    sched_free(sim->queues);
    void *arrays[] = {sim->terms, sim->lanes,           sim->lane_counts,     sim->sources, sim->arriving,
                      sim->views, sim->idle,            sim->serving.moments, sim->tallies, sim->bins,
                      sim->trace, sim->leaving.moments, sim->customers,       sim->longest};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) memory_scratch_free(arrays[i]);
    memory_scratch_free(sim);
}

int64_t sim_begin(simulation *sim, int64_t replication) {
    if (replication < 0) return SCHED_BAD_NUMBER;
    if (!sim->queues || sim->by_ratio || sched_length(sim->queues)) {
        /* Lags, and whoever a broken run left, are gone with the old one. */
        scheduler *queues = new_scheduler(sim);
        if (!queues) return SCHED_NO_MEMORY;
        sched_free(sim->queues);
        sim->queues = queues;
    }
    for (int64_t i = 0; i < sim->customer_room; i++) sim->customers[i].next = i + 1;
    if (sim->customer_room) sim->customers[sim->customer_room - 1].next = NO_CUSTOMER;
    sim->free_customer = sim->customer_room ? 0 : NO_CUSTOMER;
    sim->waiting = sim->order = sim->now = sim->calls = 0;
    sim->serving.count = sim->leaving.count = 0;
    for (int64_t i = 0; i < sim->counter_count; i++) sim->idle[i] = (sched_idle){i, 0, i};
    sim->idle_count = sim->counter_count;
    sim->next_sight = NO_INSTANT;
    sim->busy = 0.0;
    sim->batch = 0;
    sim->batch_end = hall_end_of_batch(sim, 0);
    memset(sim->tallies, 0, (size_t)(sim->class_count * sim->run.batches) * sizeof *sim->tallies);
    arrive_begin(sim, replication);
    return 0;
}

/* -- asking what was counted ------------------------------------------------------------------------- */

int64_t sim_clock(const simulation *sim) { return sim->now; }

void sim_tallies(const simulation *sim, sim_tally *out) {
    memcpy(out, sim->tallies, (size_t)(sim->class_count * sim->run.batches) * sizeof *out);
}

double sim_busy(const simulation *sim) { return sim->busy; }

int64_t sim_longest(const simulation *sim, int64_t class) {
    return class >= 0 && class < sim->class_count ? sim->longest[class] : 0;
}

int64_t sim_quantile(const simulation *sim, const int64_t *classes, int64_t count, double share) {
    const int64_t **bins = memory_scratch((size_t)count * sizeof *bins);
    if (!bins) return SCHED_NO_MEMORY;
    int64_t used = 0;
    for (int64_t i = 0; i < count; i++)
        if (classes[i] >= 0 && classes[i] < sim->class_count)
            bins[used++] = sim->bins + classes[i] * TALLY_BINS;
    int64_t answer = tally_quantile(bins, used, share);
    memory_scratch_free(bins);
    return answer;
}

int64_t sim_trace(const simulation *sim, sim_call *out) {
    int64_t kept = sim->calls < sim->run.trace_room ? sim->calls : sim->run.trace_room;
    memcpy(out, sim->trace, (size_t)kept * sizeof *out);
    return kept;
}

int64_t sim_calls(const simulation *sim) { return sim->calls; }
