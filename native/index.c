/* index.c: from a key to its ticket: a hash table with open addressing and linear probing.
 *
 * What must stay true: from the home of a key to its entry no entry is free, so that a search may end at the
 * first free one. Keys are spread by a multiplication with 2^64 / golden ratio (Knuth, The Art of Computer
 * Programming 3, 6.4), of which the upper bits are the home. The hash is kept beside the slot: a search
 * touches a ticket only to confirm it, and neither growing nor erasing touches any. */
#include "internal.h"

enum { SMALLEST_SHIFT = 28 }; /* sixteen entries */

static uint32_t hash_of(int64_t key) {
    return (uint32_t)((uint64_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static uint32_t mask_of(const scheduler *s) { return UINT32_MAX >> s->index_shift; }

uint32_t index_find(const scheduler *s, int64_t key) {
    if (!s->index) return NO_SLOT;
    uint32_t hash = hash_of(key), mask = mask_of(s);
    for (uint32_t at = hash >> s->index_shift; s->index[at].slot != NO_SLOT; at = (at + 1) & mask)
        if (s->index[at].hash == hash && arena_ticket(s, s->index[at].slot)->key == key)
            return s->index[at].slot;
    return NO_SLOT;
}

void index_touch(const scheduler *s, int64_t key) {
    __builtin_prefetch(&s->index[hash_of(key) >> s->index_shift]);
}

static void put(struct entry *index, uint32_t shift, struct entry entry) {
    uint32_t at = entry.hash >> shift;
    while (index[at].slot != NO_SLOT) at = (at + 1) & (UINT32_MAX >> shift);
    index[at] = entry;
}

bool index_grow(scheduler *s) {
    int64_t size = s->index ? (int64_t)mask_of(s) + 1 : 0;
    if (s->index && s->index_shift == 0) return false;
    uint32_t shift = s->index ? s->index_shift - 1 : SMALLEST_SHIFT;
    size_t entries = (size_t)(UINT32_MAX >> shift) + 1;
    struct entry *index = memory_get(s, entries * sizeof *index);
    if (!index) return false;
    for (size_t i = 0; i < entries; i++) index[i].slot = NO_SLOT;
    for (int64_t i = 0; i < size; i++)
        if (s->index[i].slot != NO_SLOT) put(index, shift, s->index[i]);
    memory_free(s, s->index, (size_t)size * sizeof *index);
    s->index = index;
    s->index_shift = shift;
    s->index_room = (int64_t)entries / 4 * 3;
    return true;
}

void index_insert(scheduler *s, uint32_t slot) {
    put(s->index, s->index_shift, (struct entry){hash_of(arena_ticket(s, slot)->key), slot});
}

/* The entries behind the erased one move up, as far as their homes allow, so that no gap opens. */
void index_erase(scheduler *s, uint32_t slot) {
    uint32_t mask = mask_of(s), gap = hash_of(arena_ticket(s, slot)->key) >> s->index_shift;
    while (s->index[gap].slot != slot) gap = (gap + 1) & mask;
    for (uint32_t at = (gap + 1) & mask; s->index[at].slot != NO_SLOT; at = (at + 1) & mask) {
        uint32_t home = s->index[at].hash >> s->index_shift;
        if (((at - home) & mask) < ((at - gap) & mask)) continue; /* its home lies behind the gap */
        s->index[gap] = s->index[at];
        gap = at;
    }
    s->index[gap].slot = NO_SLOT;
}
