/* chance.h: random numbers for the simulator: streams of bits, and what is drawn from them.
 *
 * What must stay true
 * - A stream is a function of the words it was seeded with, and of nothing else; every purpose (arrivals,
 *   service, patience of one class) has a stream of its own. So two policies run on the same seed meet the
 *   same customers, and a difference between them is the policy's.
 * - somc/simulate/chance.py draws the same numbers, bit for bit, from the same words.
 *
 * Streams are xoshiro256++ (Blackman and Vigna, ACM Transactions on Mathematical Software 47:36, 2021);
 * SplitMix64 mixes the seed words, so that neighbouring seeds give unrelated streams.
 */
#ifndef SOMC_CHANCE_H
#define SOMC_CHANCE_H

#include "simulate.h"

#include <math.h>

struct stream {
    uint64_t state[4];
};

/* A stream from `count` words, in any of which one bit makes another stream. */
void stream_seed(struct stream *stream, const uint64_t *words, int count);

static inline uint64_t stream_turn(uint64_t word, int by) { return word << by | word >> (64 - by); }

/* The next 64 bits. */
static inline uint64_t stream_next(struct stream *stream) {
    uint64_t *s = stream->state;
    uint64_t answer = stream_turn(s[0] + s[3], 23) + s[0], moved = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= moved;
    s[3] = stream_turn(s[3], 45);
    return answer;
}

/* A number above 0 and up to 1, in steps of 2^-53. */
static inline double stream_unit(struct stream *stream) {
    return (double)((stream_next(stream) >> 11) + 1) * 0x1p-53;
}

/* A distribution of times: sim_law of simulate.h, its mean, and for SIM_LOGNORMAL the mean and the deviation
 * of the logarithm. */
struct law {
    int64_t kind;
    double mean, log_mean, log_deviation;
};

/* The law of a kind, a mean and (for SIM_LOGNORMAL) a coefficient of variation. */
struct law law_of(int64_t kind, double mean, double cv);

/* An exponential time of mean 1. */
static inline double draw_exponential(struct stream *stream) { return -log(stream_unit(stream)); }

/* A time from a law, 0 or more. */
double draw_time(struct stream *stream, const struct law *law);

/* The number of ticks nearest to a time that is not negative. */
int64_t to_ticks(double time);

/* A Poisson flow whose rate is constant over pieces of equal length, which follow each other for ever. */
struct flow {
    const double *rates; /* arrivals a tick; the caller's */
    int64_t count, piece;
    double period, clock; /* length of a piece; the last arrival */
};

/* The next arrival, or infinity if there is none before `end`. */
double flow_next(struct flow *flow, struct stream *stream, double end);

#endif
