/* arrive.c: who comes next to the simulated hall, and what is drawn for him. */
#include "hall.h"

/* Purposes of a class's streams: the last of the words that seed one. */
enum { ARRIVING = 0, SERVING = 1, PATIENCE = 2, DIVERTING = 3 };

static void seed(const simulation *sim, struct stream *stream, int64_t replication, int64_t class,
                 int purpose) {
    uint64_t words[4] = {sim->run.seed, (uint64_t)replication, (uint64_t)class, (uint64_t)purpose};
    stream_seed(stream, words, 4);
}

/* The next arrival of one class, or NO_INSTANT. */
static int64_t look_ahead(const simulation *sim, struct source *source) {
    int64_t horizon = sim->run.horizon;
    if (source->terms.day_count) {
        if (source->row == source->row_end) return NO_INSTANT;
        int64_t at = source->terms.arrivals[3 * source->row];
        return at < horizon ? at : NO_INSTANT;
    }
    if (source->never) return NO_INSTANT;
    double at = flow_next(&source->flow, &source->arriving, (double)horizon);
    if (isinf(at)) return NO_INSTANT;
    int64_t tick = to_ticks(at);
    return tick < horizon ? tick : NO_INSTANT;
}

/* Which class comes next; of equals the one given first. */
static void choose(simulation *sim) {
    int64_t next = 0, at = sim->arriving[0];
    for (int64_t i = 1; i < sim->class_count; i++)
        if (sim->arriving[i] < at) at = sim->arriving[next = i];
    sim->next_source = next;
    sim->next_arrival = at;
}

void arrive_begin(simulation *sim, int64_t replication) {
    for (int64_t i = 0; i < sim->class_count; i++) {
        struct source *source = &sim->sources[i];
        const sim_class *terms = &source->terms;
        seed(sim, &source->arriving, replication, i, ARRIVING);
        seed(sim, &source->serving, replication, i, SERVING);
        seed(sim, &source->patience, replication, i, PATIENCE);
        seed(sim, &source->diverting, replication, i, DIVERTING);
        source->flow = (struct flow){terms->rates, terms->rate_count, 0, terms->period, 0.0};
        source->number = 0;
        source->never = true;
        for (int64_t piece = 0; piece < terms->rate_count; piece++)
            source->never &= !(terms->rates[piece] > 0);
        if (terms->day_count) {
            int64_t day = replication % terms->day_count;
            source->row = terms->days[day];
            source->row_end = terms->days[day + 1];
        }
        sim->arriving[i] = look_ahead(sim, source);
    }
    choose(sim);
}

bool arrive_next(simulation *sim, struct source **came, int64_t *service, int64_t *patience) {
    struct source *source = *came = &sim->sources[sim->next_source];
    const sim_class *terms = &source->terms;
    const int64_t *row = terms->day_count ? terms->arrivals + 3 * source->row++ : NULL;
    *service = row && row[1] >= 0 ? row[1] : to_ticks(draw_time(&source->serving, &source->law));
    if (row && row[2] >= 0)
        *patience = row[2];
    else if (terms->patience_mean > 0)
        *patience = to_ticks(draw_exponential(&source->patience) * terms->patience_mean);
    else
        *patience = terms->patience_mean < 0 ? -1 : 0;
    bool stays = terms->diverted <= 0 || stream_unit(&source->diverting) > terms->diverted;
    source->number++;
    sim->arriving[sim->next_source] = look_ahead(sim, source);
    choose(sim);
    return stays;
}
