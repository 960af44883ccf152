// Dates and zones.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static void show(const char *what, struct tm *t) {
  printf("%s: %d-%02d-%02d %02d:%02d:%02d, day %d of the week, %d of the year, summer %d\n", what, t->tm_year + 1900,
         t->tm_mon + 1, t->tm_mday, t->tm_hour, t->tm_min, t->tm_sec, t->tm_wday, t->tm_yday, t->tm_isdst > 0);
}

int main(void) {
  static const long long moments[] = {0, 951782400, 1583020799, 1593604800, 1603587600, 1603591200, -1, -86400LL * 365 * 30, 2147483647};
  char text[128];
  for (unsigned at = 0; at < sizeof moments / sizeof *moments; at++) {
    time_t moment = moments[at];
    struct tm there;
    gmtime_r(&moment, &there);
    show("utc", &there);
    localtime_r(&moment, &there);
    show("local", &there);
    strftime(text, sizeof text, "%a %A %b %B %C %d %e %F %H %I %j %m %M %p %R %S %T %u %w %y %Y %%", &there);
    printf("%s\n", text);
    printf("back %lld\n", (long long)mktime(&there));
  }
  struct tm odd = {.tm_year = 120, .tm_mon = 14, .tm_mday = -5, .tm_hour = 30, .tm_min = 100, .tm_sec = -70, .tm_isdst = -1};
  time_t whole = mktime(&odd);
  printf("mktime %lld\n", (long long)whole);
  show("made whole", localtime(&whole));
  struct tm summer = {.tm_year = 120, .tm_mon = 6, .tm_mday = 1, .tm_hour = 12, .tm_isdst = 0};
  printf("as winter %lld\n", (long long)mktime(&summer));
  struct tm utc = {.tm_year = 100, .tm_mon = 1, .tm_mday = 30};
  printf("timegm %lld\n", (long long)timegm(&utc));
  struct timespec now;
  printf("clock %d\n", clock_gettime(CLOCK_REALTIME, &now));
  struct timeval also;
  gettimeofday(&also, 0);
  printf("now %d, the same %d, later %d\n", now.tv_sec > 1600000000, also.tv_sec - now.tv_sec < 2, time(0) >= now.tv_sec);
  clock_gettime(CLOCK_MONOTONIC, &now);
  struct timespec pause = {0, 2000000}, then;
  nanosleep(&pause, 0);
  clock_gettime(CLOCK_MONOTONIC, &then);
  printf("slept %d\n", (then.tv_sec - now.tv_sec) * 1000000000LL + then.tv_nsec - now.tv_nsec >= 2000000);
  printf("difference %.0f\n", difftime(100, 40));
  return 0;
}
