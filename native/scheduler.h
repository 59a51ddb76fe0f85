/* scheduler.h: the queue scheduler in C. (The interface follows.) */
#ifndef SOMC_SCHEDULER_H
#define SOMC_SCHEDULER_H
#include <stdint.h>

typedef struct scheduler scheduler;

scheduler *sched_new(void);
void sched_free(scheduler *s);
#endif
