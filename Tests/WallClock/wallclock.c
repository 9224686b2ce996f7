// Shows one process another time of day; preloaded by tests. Elapsed time (CLOCK_MONOTONIC and its kin) stays as it is.
//
// libfaketime does the same and more, but not to a program with jemalloc, which asks for the time before it can give
// memory, such as redis-server.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// In the file that WALL_CLOCK names; written by the tests at any time.
struct reading {
    double offset;  // seconds
    double pace;    // seconds that go by in a second
    double since;   // from when on the pace holds, in seconds since 1970
};

static const volatile struct reading *reading;

__attribute__((constructor)) static void find(void) {
    const char *path = getenv("WALL_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *map = mmap(NULL, sizeof(struct reading), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (map != MAP_FAILED) reading = map;
}

static void shift(struct timespec *time) {
    if (!reading) return;
    double now = time->tv_sec + time->tv_nsec / 1e9;
    long long ns = (long long)((reading->offset + (reading->pace - 1) * (now - reading->since)) * 1e9) + time->tv_nsec;
    time->tv_sec += ns / 1000000000;
    time->tv_nsec = ns % 1000000000;
    if (time->tv_nsec < 0) {
        time->tv_nsec += 1000000000;
        time->tv_sec -= 1;
    }
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) shift(time);
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
