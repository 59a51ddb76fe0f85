/* A disk whose every sync takes so many microseconds longer as SYNC_DELAY_US says: preloaded into a server, it
   makes what depends on syncs comparable on a machine whose own syncs are fast, or sometimes fast. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int delayed(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    usleep((useconds_t)atoi(getenv("SYNC_DELAY_US")));
    return real(fd);
}

int fsync(int fd) { return delayed("fsync", fd); }
int fdatasync(int fd) { return delayed("fdatasync", fd); }
