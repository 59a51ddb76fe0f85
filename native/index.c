/* index.c: from a key to its ticket: a table of chains, each of tickets whose keys have the same home.
 *
 * What must stay true: a ticket stands in the chain of its key's home, and the table has four homes a ticket.
 * Keys are mostly numbers counted up, so neighbours in time have neighbouring homes: who joins and who is
 * called find the lines of those before them still warm, and while the keys that wait span no more than the
 * table has homes no chain is longer than one. Were the homes the lower bits alone, keys that count in large
 * steps would share a few of them: so after every eight rounds through the table the next eight are displaced,
 * by the upper bits of a multiplication with 2^64 / golden ratio (Knuth, The Art of Computer Programming 3, 6.4). */
#include "internal.h"

enum { SMALLEST = 64, HOMES_A_TICKET = 4, ROUNDS = 8 };

bool index_grow(scheduler *s) {
    uint64_t old = s->index ? s->index_mask + 1 : 0, homes = old ? 2 * old : SMALLEST;
    uint32_t *index = homes / HOMES_A_TICKET < NO_SLOT ? memory_get(s, homes * sizeof *index) : NULL;
    if (!index) return false;
    for (uint64_t i = 0; i < homes; i++) index[i] = NO_SLOT;
    memory_free(s, s->index, old * sizeof *index);
    s->index = index;
    s->index_mask = homes - 1;
    s->index_round = (uint32_t)__builtin_ctzll(homes * ROUNDS);
    s->index_room = (int64_t)(homes / HOMES_A_TICKET);
    /* Each slot ever used is in use now: never before were there as many tickets as the old index had room for. */
    for (uint32_t slot = 0; slot < s->used; slot++) index_insert(s, slot);
    return true;
}

uint32_t index_find(const scheduler *s, int64_t key) {
    if (!s->index) return NO_SLOT;
    uint32_t slot = *index_home(s, key);
    while (slot != NO_SLOT && arena_ticket(s, slot)->key != key) slot = arena_ticket(s, slot)->next;
    return slot;
}

void index_erase(scheduler *s, uint32_t slot) {
    const struct ticket *ticket = arena_ticket(s, slot);
    uint32_t *link = index_home(s, ticket->key);
    while (*link != slot) link = &arena_ticket(s, *link)->next;
    *link = ticket->next;
}
