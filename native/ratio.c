/* ratio.c: the lags of the groups (see Ratio in interface.py).
 *
 * The rule says: a call of group g takes lag[g] off every group's lag, none falling below 0, and then sets
 * lag[g] = RATIO_STEP / share. Instead of visiting all groups, `passed` counts what was ever taken off and each
 * group keeps its start tag, lag plus what had passed: lag[h] = max(0, start[h] - passed). */
#include "internal.h"

void lag_set_back(struct lags *lags, const struct line *line) {
    lags->passed += lag_of(lags, line->group);
    lags->start[line->group] = lags->passed + RATIO_STEP / line->share;
}

int64_t sched_set_lag(scheduler *s, int64_t group, int64_t lag) {
    if (!within(group, 1, SCHED_GROUPS - 1) || !within(lag, 0, RATIO_STEP)) return SCHED_BAD_NUMBER;
    s->front.lags.start[group] = s->front.lags.passed + lag;
    return 0;
}

void sched_lags(const scheduler *s, int64_t *lags) {
    lags[0] = 0;
    for (uint32_t group = 1; group < SCHED_GROUPS; group++) lags[group] = lag_of(&s->front.lags, group);
}
