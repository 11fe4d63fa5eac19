/* What a test puts between a process and its system (LD_PRELOAD): a clock that is set elsewhere, and files on which syncing,
 * writing or the whole process fails at a step of the test's choosing. The test steers it by a file of 64-bit numbers that both
 * have mapped; only files below a directory are meddled with. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { CLOCK, SYNC_ERROR, WRITE_ERROR, KILL_AT, STEPS, TORN, SLOTS = 8 };

static _Atomic long long nothing[SLOTS];
static _Atomic long long *slots = nothing;
static const char *below;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("JITSUIN_TEST_SHIM");
    below = getenv("JITSUIN_TEST_SHIM_BELOW");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *map = mmap(NULL, SLOTS * sizeof(long long), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map != MAP_FAILED) slots = map;
    close(file);
}

static int path_is_ours(const char *path) { return below && !strncmp(path, below, strlen(below)); }

static int is_ours(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return path_is_ours(path);
}

/* Before a step; whether the process is to end in it. */
static int last(void) {
    long long step = ++slots[STEPS];
    return slots[KILL_AT] && step == slots[KILL_AT];
}

static void end(void) { kill(getpid(), SIGKILL); }

#define REAL(name, ...) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))(__VA_ARGS__)
#define FAIL(slot) \
    if (slots[slot]) { \
        errno = (int)slots[slot]; \
        return -1; \
    }

int fsync(int file) {
    if (is_ours(file)) {
        FAIL(SYNC_ERROR);
        if (last()) end();
    }
    return REAL(fsync, file);
}

int fdatasync(int file) {
    if (is_ours(file)) {
        FAIL(SYNC_ERROR);
        if (last()) end();
    }
    return REAL(fdatasync, file);
}

#define WRITES(name, parameters, ...) \
    ssize_t name parameters { \
        if (is_ours(file)) { \
            FAIL(WRITE_ERROR); \
            if (last()) { \
                if (slots[TORN]) count /= 2, (void)!REAL(name, __VA_ARGS__); \
                end(); \
            } \
        } \
        return REAL(name, __VA_ARGS__); \
    }

WRITES(write, (int file, const void *octets, size_t count), file, octets, count)
WRITES(pwrite, (int file, const void *octets, size_t count, off_t at), file, octets, count, at)
WRITES(pwrite64, (int file, const void *octets, size_t count, off64_t at), file, octets, count, at)

int rename(const char *from, const char *to) {
    if (path_is_ours(to) && last()) end();
    return REAL(rename, from, to);
}

int unlink(const char *path) {
    if (path_is_ours(path) && last()) end();
    return REAL(unlink, path);
}

int ftruncate64(int file, off64_t length) {
    if (is_ours(file)) {
        FAIL(WRITE_ERROR);
        if (last()) end();
    }
    return REAL(ftruncate64, file, length);
}

int clock_gettime(clockid_t which, struct timespec *time) {
    int outcome = REAL(clock_gettime, which, time);
    if (!outcome && which == CLOCK_REALTIME) time->tv_sec += slots[CLOCK];
    return outcome;
}
