/* What WASI has no notion of, and programs written for Unix call all the same. */

#include <errno.h>
#include <stdio.h>
#include <sys/types.h>

int system(const char *command) { return command ? -1 : 0; }
FILE *tmpfile(void) { errno = ENOTSUP; return NULL; }
char *tmpnam(char *name) { return NULL; }
mode_t umask(mode_t mask) { return 022; }
int chown(const char *path, uid_t user, gid_t group) { return 0; }
int fchown(int fd, uid_t user, gid_t group) { return 0; }
int absent_fchmod(int fd, mode_t mode) { return 0; }
