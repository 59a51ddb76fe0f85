/* batch.c: many changes in one call, all of them or none. */
#include "internal.h"

int64_t sched_push_many(scheduler *s, const sched_ticket *tickets, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        const sched_ticket *t = &tickets[i];
        if (i + 1 < count && s->index) __builtin_prefetch(index_home(s, t[1].key));
        int64_t answer = sched_push(s, t->key, t->queue, t->v, t->order, t->told);
        if (answer == 0) continue;
        while (i-- > 0) sched_remove(s, tickets[i].key); /* which needs no memory */
        return answer;
    }
    return 0;
}

int64_t sched_remove_many(scheduler *s, const int64_t *keys, int64_t count) {
    int64_t marked = 0;
    for (; marked < count; marked++) {
        uint32_t slot = index_find(s, keys[marked]);
        if (slot == NO_SLOT || arena_ticket(s, slot)->marked) break;
        arena_ticket(s, slot)->marked = true;
    }
    if (marked < count) {
        while (marked-- > 0) arena_ticket(s, index_find(s, keys[marked]))->marked = false;
        return SCHED_NO_TICKET;
    }
    for (int64_t i = 0; i < count; i++) sched_remove(s, keys[i]);
    return 0;
}

int64_t sched_call_many(scheduler *s, const sched_ask *asks, int64_t count, sched_choice *choices) {
    for (int64_t i = 0; i < count; i++) {
        if (!profile_ok(s, asks[i].profile)) return SCHED_NO_PROFILE;
        if (!instant_ok(asks[i].now)) return SCHED_BAD_NUMBER;
    }
    for (int64_t i = 0; i < count; i++) sched_call(s, asks[i].profile, asks[i].now, &choices[i]);
    return 0;
}
