// Arguments, environment, streams, limits.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv) {
  for (int at = 1; at < argc; at++) printf("argument %d: %s\n", at, argv[at]);
  printf("home %s, user %s, mine %s, none %d\n", getenv("HOME"), getenv("USER"), getenv("MINE") ? getenv("MINE") : "not set", getenv("NONE") == 0);
  setenv("NONE", "some", 1);
  printf("set %s\n", getenv("NONE"));
  char line[64];
  while (fgets(line, sizeof line, stdin)) printf("line: %s", line);
  struct utsname name;
  uname(&name);
  printf("system %s, machine %s\n", name.sysname, name.machine);
  printf("page %ld, user %d\n", sysconf(_SC_PAGESIZE), (int)getuid());
  unsigned char bytes[32] = {0};
  printf("random %d %d\n", getentropy(bytes, sizeof bytes), memcmp(bytes, bytes + 16, 16) != 0);
  char *large = malloc(32 << 20);
  printf("large %d\n", large != 0);
  memset(large, 1, 32 << 20);
  fprintf(stderr, "to the other stream\n");
  printf("without an end");
  return argc > 2 ? 3 : 0;
}
