/* tally.c: quantiles of the distribution of waits. What each function promises: tally.h. */
#include "tally.h"

#include <math.h>

int64_t tally_wait(int32_t bin) {
    if (bin < 1 << TALLY_FINE) return bin;
    int32_t beyond = bin - (1 << TALLY_FINE);
    int doubling = TALLY_FINE + beyond / (1 << TALLY_STEP);
    int64_t within = beyond % (1 << TALLY_STEP) + (1 << TALLY_STEP);
    int64_t width = INT64_C(1) << (doubling - TALLY_STEP);
    return within * width + width / 2;
}

int64_t tally_quantile(const int64_t *const *bins, int64_t count, double share) {
    int64_t total = 0, seen = 0;
    for (int64_t i = 0; i < count; i++)
        for (int32_t bin = 0; bin < TALLY_BINS; bin++) total += bins[i][bin];
    if (!total) return -1;
    int64_t rank = (int64_t)ceil(share * (double)total);
    for (int32_t bin = 0; bin < TALLY_BINS; bin++) {
        for (int64_t i = 0; i < count; i++) seen += bins[i][bin];
        if (seen >= rank) return tally_wait(bin);
    }
    return tally_wait(TALLY_BINS - 1);
}
