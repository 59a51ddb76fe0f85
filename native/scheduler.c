/* scheduler.c: see scheduler.h. */
#include "scheduler.h"

#include <stdlib.h>

struct scheduler {
    int64_t count;
};

scheduler *sched_new(void) { return calloc(1, sizeof(scheduler)); }

void sched_free(scheduler *s) { free(s); }
