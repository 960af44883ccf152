/* Clocks, sleeping, the times of files. */

#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long long nanoseconds(struct timespec time) { return time.tv_sec * 1000000000ll + time.tv_nsec; }

int main(void) {
    struct timespec before, after, resolution;
    struct stat status;
    STEP(clock_gettime(CLOCK_MONOTONIC, &before));
    STEP(clock_getres(CLOCK_MONOTONIC, &resolution));
    printf("resolution is positive %d\n", nanoseconds(resolution) > 0);
    struct timespec nap = {0, 20000000};
    STEP(nanosleep(&nap, NULL));
    STEP(clock_gettime(CLOCK_MONOTONIC, &after));
    long long slept = nanoseconds(after) - nanoseconds(before);
    printf("slept long enough %d, not too long %d\n", slept >= 20000000, slept < 5000000000);
    STEP(clock_gettime(CLOCK_REALTIME, &before));
    printf("after 2024 %d\n", before.tv_sec > 1704067200);
    after = before;
    after.tv_nsec += 10000000;
    if (after.tv_nsec >= 1000000000) after.tv_sec++, after.tv_nsec -= 1000000000;
    STEP(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &after, NULL));
    STEP(clock_gettime(CLOCK_REALTIME, &before));
    printf("reached %d\n", nanoseconds(before) >= nanoseconds(after));

    struct timespec times[2] = {{1000000000, 123456789}, {1500000000, 987654321}};
    int fd = DONE(open("/d/f", O_RDWR));
    STEP(futimens(fd, times));
    STEP(fstat(fd, &status));
    printf("%lld.%09ld %lld.%09ld\n", (long long)status.st_atim.tv_sec, status.st_atim.tv_nsec, (long long)status.st_mtim.tv_sec,
           status.st_mtim.tv_nsec);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = 1;
    STEP(utimensat(AT_FDCWD, "/d/f", times, 0));
    STEP(stat("/d/f", &status));
    printf("%lld %lld\n", (long long)status.st_atim.tv_sec, (long long)status.st_mtim.tv_sec);
    times[0].tv_nsec = UTIME_NOW;
    STEP(futimens(fd, times));
    STEP(fstat(fd, &status));
    printf("now %d, %lld\n", status.st_atim.tv_sec > 1704067200, (long long)status.st_mtim.tv_sec);
    STEP(utimensat(AT_FDCWD, "/d/none", times, 0));
    STEP(utimensat(AT_FDCWD, "/d/loop", times, 0));
    times[0] = (struct timespec){5, 0};
    STEP(utimensat(AT_FDCWD, "/d/loop", times, AT_SYMLINK_NOFOLLOW));
    STEP(utimensat(AT_FDCWD, "/d/above", times, 0));
    return 0;
}
