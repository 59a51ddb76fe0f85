/* simulate.c: the event loop of a simulated hall. What each function promises: simulate.h. */
#include "hall.h"

#include <string.h>

/* -- heaps ------------------------------------------------------------------------------------------- */

static bool earlier(const struct moment *a, const struct moment *b) {
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_sink(struct heap *heap, int64_t at) {
    struct moment moving = heap->moments[at];
    for (int64_t child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && earlier(&heap->moments[child + 1], &heap->moments[child])) child++;
        if (!earlier(&heap->moments[child], &moving)) break;
        heap->moments[at] = heap->moments[child];
    }
    heap->moments[at] = moving;
}

/* The heap has room. */
static void heap_add(struct heap *heap, struct moment moment) {
    int64_t at = heap->count++;
    for (; at && earlier(&moment, &heap->moments[(at - 1) / 2]); at = (at - 1) / 2)
        heap->moments[at] = heap->moments[(at - 1) / 2];
    heap->moments[at] = moment;
}

static void heap_drop(struct heap *heap) {
    heap->moments[0] = heap->moments[--heap->count];
    if (heap->count) heap_sink(heap, 0);
}

/* The first moment gives way to another. */
static void heap_replace(struct heap *heap, struct moment moment) {
    heap->moments[0] = moment;
    heap_sink(heap, 0);
}

static int64_t heap_at(const struct heap *heap) { return heap->count ? heap->moments[0].at : NO_INSTANT; }

/* An array with room for one more element, or NULL, and then the old one stands. */
static void *grown(void *array, int64_t *room, int64_t count, size_t element) {
    if (count < *room) return array;
    int64_t more = *room ? 2 * *room : 64;
    void *bigger = memory_scratch((size_t)more * element);
    if (!bigger) return NULL;
    if (count) memcpy(bigger, array, (size_t)count * element);
    memory_scratch_free(array);
    *room = more;
    return bigger;
}

/* -- making ------------------------------------------------------------------------------------------ */

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
    if (terms->rate_count < 1 || (terms->rate_count > 1 && !(terms->period > 0))) return false;
    for (int64_t i = 0; i < terms->rate_count; i++)
        if (!(terms->rates[i] >= 0) || isinf(terms->rates[i])) return false;
    return true;
}

static void *copied(const void *array, int64_t count, size_t element) {
    void *copy = memory_scratch((size_t)count * element);
    if (copy && count) memcpy(copy, array, (size_t)count * element);
    return copy;
}

static void *zeroed(int64_t count, size_t element) {
    void *array = memory_scratch((size_t)count * element);
    if (array) memset(array, 0, (size_t)count * element);
    return array;
}

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
    bool whole = sim->terms && sim->lanes && sim->lane_counts && sim->sources && sim->arriving && sim->views &&
                 sim->idle && sim->serving.moments && sim->tallies && sim->bins && sim->longest && sim->trace;
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

/* The first instant that is no longer in this batch. */
static int64_t end_of_batch(const simulation *sim, int64_t batch) {
    double length = (double)(sim->run.horizon - sim->run.warmup) / (double)sim->run.batches;
    if (batch == sim->run.batches - 1) return NO_INSTANT;
    return sim->run.warmup + to_ticks((double)(batch + 1) * length);
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
    sim->batch_end = end_of_batch(sim, 0);
    memset(sim->tallies, 0, (size_t)(sim->class_count * sim->run.batches) * sizeof *sim->tallies);
    arrive_begin(sim, replication);
    return 0;
}

/* -- counting ---------------------------------------------------------------------------------------- */

static void count(simulation *sim, int64_t class, int64_t batch, int64_t wait, bool served) {
    if (batch < 0) return;
    sim_tally *tally = &sim->tallies[class * sim->run.batches + batch];
    tally->arrived++;
    tally->wait_sum += (double)wait;
    tally->waited += wait > 0 || !served;
    if (served) {
        tally->served++;
        tally->served_wait_sum += (double)wait;
        tally->within += wait <= sim->sources[class].terms.target;
    } else {
        tally->abandoned++;
    }
    sim->bins[class * TALLY_BINS + tally_bin(wait)]++;
    if (wait > sim->longest[class]) sim->longest[class] = wait;
}

/* The part of a service that lies between warm-up and horizon. */
static double counted_part(const simulation *sim, int64_t from, int64_t to) {
    if (from < sim->run.warmup) from = sim->run.warmup;
    if (to > sim->run.horizon) to = sim->run.horizon;
    return to > from ? (double)(to - from) : 0.0;
}

/* A customer is called to a counter, which is not idle any more: when it will be free again. */
static struct moment serve(simulation *sim, int64_t counter, int64_t class, int64_t number, int64_t batch,
                           int64_t at, int64_t service) {
    int64_t now = sim->now;
    if (sim->calls < sim->run.trace_room) sim->trace[sim->calls] = (sim_call){now, class, number, counter};
    sim->calls++;
    count(sim, class, batch, now - at, true);
    sim->busy += counted_part(sim, now, now + service);
    return (struct moment){now + service, counter, 0};
}

/* -- waiting ----------------------------------------------------------------------------------------- */

static void forget(simulation *sim, int64_t slot) {
    sim->customers[slot].next = sim->free_customer;
    sim->free_customer = slot;
    sim->waiting--;
}

/* The scheduler has let go of a ticket: its customer is called to this counter. */
static struct moment serve_waiting(simulation *sim, int64_t counter, int64_t slot) {
    const struct customer *its = &sim->customers[slot];
    struct moment free = serve(sim, counter, its->source, its->number, its->batch, its->at, its->service);
    forget(sim, slot);
    return free;
}

static void make_idle(simulation *sim, int64_t counter) {
    sched_idle *idle = sim->idle;
    int64_t at = sim->idle_count++;
    for (; at && idle[at - 1].since == sim->now && idle[at - 1].number > counter; at--) idle[at] = idle[at - 1];
    idle[at] = (sched_idle){counter, sim->now, counter};
}

static void make_busy(simulation *sim, int64_t index) {
    sim->idle_count--;
    for (int64_t i = index; i < sim->idle_count; i++) sim->idle[i] = sim->idle[i + 1];
}

/* Gives customers to idle counters for as long as the scheduler says whom to whom. */
static int64_t assign_all(simulation *sim) {
    while (sim->idle_count && sim->waiting) {
        sched_choice choice;
        int64_t index, found = sched_assign(sim->queues, sim->idle, sim->idle_count, sim->run.distribution,
                                            sim->now, &index, &choice);
        if (found <= 0) return found;
        int64_t counter = sim->idle[index].number;
        sched_called(sim->queues, choice.key);
        make_busy(sim, index);
        heap_add(&sim->serving, serve_waiting(sim, counter, choice.key));
    }
    return 0;
}

/* When somebody who waits becomes visible to an idle counter. */
static void look_for_sight(simulation *sim) {
    sim->next_sight = NO_INSTANT;
    if (!sim->waiting) return;
    for (int64_t i = 0; i < sim->idle_count; i++) {
        int64_t moment;
        if (sched_next_sight(sim->queues, sim->idle[i].profile, sim->now, &moment) > 0 &&
            moment < sim->next_sight)
            sim->next_sight = moment;
    }
}

/* The idle counter that takes a customer of this class who has just come: its index, or -1. Whoever else
 * waits is visible to no idle counter, or would have been called; so this is what sched_assign would say. */
static int64_t taker(const simulation *sim, int64_t class) {
    int64_t found = -1, best = 0;
    for (int64_t i = 0; i < sim->idle_count; i++) {
        const struct view *view = &sim->views[sim->idle[i].number * sim->class_count + class];
        if (view->min_wait > 0 || view->reserve >= sim->idle_count) continue;
        if (sim->run.distribution == SCHED_LONGEST_IDLE) return i;
        int64_t rank = sim->run.distribution == SCHED_LOWEST_LEVEL ? view->level : sim->idle[i].number;
        if (found < 0 || rank < best) {
            best = rank;
            found = i;
        }
    }
    return found;
}

/* Whether the customer of this patience has been called. */
static bool stale(const simulation *sim, const struct moment *moment) {
    const struct customer *customer = &sim->customers[moment->slot];
    return customer->next != WAITING || customer->order != moment->order;
}

/* Throws out the stale patiences. */
static void tidy(simulation *sim) {
    struct heap *heap = &sim->leaving;
    int64_t kept = 0;
    for (int64_t i = 0; i < heap->count; i++)
        if (!stale(sim, &heap->moments[i])) heap->moments[kept++] = heap->moments[i];
    heap->count = kept;
    for (int64_t at = kept / 2 - 1; at >= 0; at--) heap_sink(heap, at);
}

/* When the next customer loses patience. */
static int64_t next_leave(simulation *sim) {
    struct heap *heap = &sim->leaving;
    while (heap->count && stale(sim, &heap->moments[0])) heap_drop(heap);
    return heap_at(heap);
}

static int64_t reserve_customer(simulation *sim) {
    if (sim->waiting >= sim->run.waiting_limit) return SIM_TOO_MANY;
    struct heap *leaving = &sim->leaving;
    if (leaving->count == leaving->room && leaving->count > 2 * sim->waiting) tidy(sim);
    void *moments = grown(leaving->moments, &leaving->room, leaving->count, sizeof *leaving->moments);
    if (!moments) return SCHED_NO_MEMORY;
    leaving->moments = moments;
    if (sim->free_customer != NO_CUSTOMER) return 0;
    int64_t from = sim->customer_room;
    void *customers = grown(sim->customers, &sim->customer_room, from, sizeof *sim->customers);
    if (!customers) return SCHED_NO_MEMORY;
    sim->customers = customers;
    for (int64_t i = from; i < sim->customer_room; i++) sim->customers[i].next = i + 1;
    sim->customers[sim->customer_room - 1].next = NO_CUSTOMER;
    sim->free_customer = from;
    return 0;
}

/* -- events ------------------------------------------------------------------------------------------ */

static int64_t on_arrival(simulation *sim) {
    struct source *source;
    int64_t service, patience, batch = -1;
    int64_t class = sim->next_source;
    bool stays = arrive_next(sim, &source, &service, &patience);
    if (!stays) return 0;
    if (sim->now >= sim->run.warmup) {
        while (sim->now >= sim->batch_end) sim->batch_end = end_of_batch(sim, ++sim->batch);
        batch = sim->batch;
    }
    if (sim->idle_count && !sim->by_ratio) {
        int64_t index = taker(sim, class);
        if (index >= 0) {
            int64_t counter = sim->idle[index].number;
            make_busy(sim, index);
            heap_add(&sim->serving, serve(sim, counter, class, source->number - 1, batch, sim->now, service));
            return 0;
        }
    }
    int64_t wrong = reserve_customer(sim);
    if (wrong) return wrong;
    int64_t slot = sim->free_customer, order = sim->order++;
    wrong = sched_push(sim->queues, slot, class, sim->now, order, 0);
    if (wrong) return wrong;
    struct customer *customer = &sim->customers[slot];
    sim->free_customer = customer->next;
    *customer = (struct customer){sim->now, service, source->number - 1, order, class, batch, WAITING};
    sim->waiting++;
    if (patience >= 0) heap_add(&sim->leaving, (struct moment){sim->now + patience, order, slot});
    return sim->idle_count && sim->by_ratio ? assign_all(sim) : 0;
}

static int64_t on_free(simulation *sim) {
    int64_t counter = sim->serving.moments[0].order;
    if (sim->waiting && !sim->reserved && !sim->timed) { /* else another idle counter may see somebody too */
        sched_choice choice;
        int64_t found = sched_call(sim->queues, counter, sim->now, &choice);
        if (found < 0) return found;
        if (found) {
            heap_replace(&sim->serving, serve_waiting(sim, counter, choice.key));
            return 0;
        }
    }
    heap_drop(&sim->serving);
    make_idle(sim, counter);
    return sim->reserved || sim->timed ? assign_all(sim) : 0;
}

static void on_patience(simulation *sim) {
    struct moment moment = sim->leaving.moments[0];
    heap_drop(&sim->leaving);
    const struct customer *customer = &sim->customers[moment.slot];
    sched_remove(sim->queues, moment.slot);
    count(sim, customer->source, customer->batch, moment.at - customer->at, false);
    forget(sim, moment.slot);
}

int64_t sim_run(simulation *sim, int64_t events) {
    for (int64_t i = 0; i < events; i++) {
        int64_t free_at = heap_at(&sim->serving), leave_at = next_leave(sim), wrong = 0;
        int64_t arrive_at = sim->next_arrival, sight_at = sim->next_sight;
        if (free_at != NO_INSTANT && free_at <= arrive_at && free_at <= leave_at && free_at <= sight_at) {
            sim->now = free_at;
            wrong = on_free(sim);
        } else if (sight_at != NO_INSTANT && sight_at <= arrive_at && sight_at <= leave_at) {
            sim->now = sight_at;
            wrong = assign_all(sim);
        } else if (arrive_at != NO_INSTANT && arrive_at <= leave_at) {
            sim->now = arrive_at;
            wrong = on_arrival(sim);
        } else if (leave_at != NO_INSTANT) {
            sim->now = leave_at;
            on_patience(sim);
        } else {
            return sim->waiting ? SIM_NEVER_SERVED : 0;
        }
        if (wrong) return wrong;
        if (sim->timed) look_for_sight(sim);
    }
    return 1;
}

/* -- asking ------------------------------------------------------------------------------------------ */

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
