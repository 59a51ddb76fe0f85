/* chance.c: seeding, distributions and the Poisson flow. What each function promises: chance.h. */
#include "chance.h"

static const double PI = 3.141592653589793;

/* The output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). */
static uint64_t mixed(uint64_t word) {
    word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
    return word ^ word >> 31;
}

static const uint64_t STEP = UINT64_C(0x9e3779b97f4a7c15);

void stream_seed(struct stream *stream, const uint64_t *words, int count) {
    uint64_t hash = 0;
    for (int i = 0; i < count; i++) hash = mixed((hash ^ words[i]) + STEP);
    for (int i = 0; i < 4; i++) stream->state[i] = mixed(hash += STEP);
}

struct law law_of(int64_t kind, double mean, double cv) {
    struct law law = {kind, mean, 0.0, 0.0};
    if (kind == SIM_LOGNORMAL && mean > 0) {
        double variance = log(1.0 + cv * cv);
        law.log_mean = log(mean) - variance / 2.0;
        law.log_deviation = sqrt(variance);
    }
    return law;
}

/* Box and Muller (Annals of Mathematical Statistics 29:610, 1958), of whose two numbers one is used: a
 * second one kept for later would be a state that the stream does not show. */
static double draw_normal(struct stream *stream) {
    double radius = sqrt(2.0 * draw_exponential(stream));
    return radius * cos(2.0 * PI * stream_unit(stream));
}

double draw_time(struct stream *stream, const struct law *law) {
    switch (law->kind) {
    case SIM_DETERMINISTIC:
        return law->mean;
    case SIM_ERLANG2: {
        double first = draw_exponential(stream);
        return (first + draw_exponential(stream)) * law->mean / 2.0;
    }
    case SIM_LOGNORMAL:
        if (law->mean <= 0) return 0.0;
        return exp(law->log_mean + law->log_deviation * draw_normal(stream));
    default:
        return draw_exponential(stream) * law->mean;
    }
}

int64_t to_ticks(double time) {
    double limit = 0x1p50; /* a time beyond it is for ever all the same */
    return (int64_t)((time < limit ? time : limit) + 0.5);
}

double flow_next(struct flow *flow, struct stream *stream, double end) {
    double need = draw_exponential(stream);
    while (flow->clock < end) {
        double rate = flow->rates[flow->piece % flow->count];
        double until = flow->count == 1 ? INFINITY : (double)(flow->piece + 1) * flow->period;
        if (rate > 0) {
            double at = flow->clock + need / rate;
            if (at < until) return flow->clock = at;
            need -= (until - flow->clock) * rate;
        } else if (flow->count == 1) {
            break;
        }
        flow->clock = until;
        flow->piece++;
    }
    flow->clock = end;
    return INFINITY;
}
