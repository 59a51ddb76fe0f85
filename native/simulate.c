/* simulate.c: the events of a simulated hall. What each function promises: simulate.h. */
#include "hall.h"

#include <string.h>

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
    for (; at && idle[at - 1].since == sim->now && idle[at - 1].number > counter; at--)
        idle[at] = idle[at - 1];
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
        bool kept = view->reserve >= sim->idle_count && sim->terms[class].guard > 0;
        if (view->min_wait > 0 || kept) continue;
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
        while (sim->now >= sim->batch_end) sim->batch_end = hall_end_of_batch(sim, ++sim->batch);
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
