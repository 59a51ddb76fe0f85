/* tally.h: the distribution of waits, counted in bounded memory; used by simulate.c alone.
 *
 * A wait below 2^11 ticks has a bin of its own; each further doubling is cut into 2^10 bins. So any quantile
 * is exact or known to half a bin, 1 part in 2000, whatever the number of customers.
 */
#ifndef SOMC_TALLY_H
#define SOMC_TALLY_H

#include <stdint.h>

enum { TALLY_FINE = 11, TALLY_STEP = TALLY_FINE - 1, TALLY_TOP = 43 };
enum { TALLY_BINS = (1 << TALLY_FINE) + (TALLY_TOP - TALLY_FINE) * (1 << TALLY_STEP) };

/* The bin of a wait that is not negative. Waits of 2^43 ticks and more share the last one. */
static inline int32_t tally_bin(int64_t wait) {
    if (wait < INT64_C(1) << TALLY_FINE) return (int32_t)wait;
    if (wait >= INT64_C(1) << TALLY_TOP) return TALLY_BINS - 1;
    int doubling = 63 - __builtin_clzll((uint64_t)wait); /* 11 .. 42 */
    int64_t within = (wait >> (doubling - TALLY_STEP)) - (1 << TALLY_STEP);
    return (1 << TALLY_FINE) + (doubling - TALLY_FINE) * (1 << TALLY_STEP) + (int32_t)within;
}

/* The wait in the middle of a bin. */
int64_t tally_wait(int32_t bin);

/* The smallest wait that at least `share` of those counted in `count` histograms did not exceed; -1 if
 * nobody is in any. */
int64_t tally_quantile(const int64_t *const *bins, int64_t count, double share);

#endif
