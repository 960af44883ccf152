/* Arguments, environment, random bytes, descriptors, exit codes. */

#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv) {
    printf("%d arguments:", argc);
    for (int i = 1; i < argc; i++) printf(" [%s]", argv[i]);
    printf("\n");
    for (char **each = environ; *each; each++) printf("%s\n", *each);
    printf("NAME=%s MISSING=%s\n", getenv("NAME"), getenv("MISSING") ? "there" : "not there");

    unsigned char bytes[256] = {0};
    STEP(getentropy(bytes, sizeof bytes));
    int zeros = 0;
    for (int i = 0; i < 256; i++) zeros += bytes[i] == 0;
    printf("random %d\n", zeros < 32);
    STEP(sched_yield());
    STEP(isatty(0));
    STEP(isatty(1));

    char line[100];
    while (fgets(line, sizeof line, stdin)) printf("read: %s", line);
    printf("end of input %d\n", feof(stdin) != 0);

    int fd = open("/d/f", O_RDWR);
    struct pollfd polled[2] = {{fd, POLLIN | POLLOUT, 0}, {1, POLLOUT, 0}};
    STEP(poll(polled, 1, 1000) > 0);
    printf("readable %d\n", (polled[0].revents & POLLIN) != 0 || (polled[0].revents & POLLOUT) != 0);
    STEP(poll(polled + 1, 1, 1000));
    printf("writable %d\n", (polled[1].revents & POLLOUT) != 0);
    STEP(poll(NULL, 0, 5));
    fprintf(stderr, "a word on standard error\n");
    fflush(stdout);
    exit(argc > 2 ? atoi(argv[1]) : 0);
}
