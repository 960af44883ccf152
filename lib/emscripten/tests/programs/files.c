// Files: what each call answers, in the tree that every program of emcc has.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

static void say(const char *what, long answer) {
  if (answer < 0) printf("%s: %s\n", what, strerror(errno));
  else printf("%s: %ld\n", what, answer);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static void list(const char *path) {
  DIR *dir = opendir(path);
  if (!dir) { say(path, -1); return; }
  char *names[64];
  int count = 0;
  for (struct dirent *entry; (entry = readdir(dir)) && count < 64;) names[count++] = strdup(entry->d_name);
  rewinddir(dir);
  int again = 0;
  while (readdir(dir)) again++;
  closedir(dir);
  qsort(names, count, sizeof *names, by_name);
  printf("%s has %d, again %d:", path, count, again);
  for (int at = 0; at < count; at++) printf(" %s", names[at]);
  printf("\n");
}

static void status(const char *path) {
  struct stat found;
  if (stat(path, &found)) { say(path, -1); return; }
  printf("%s: %s of %lld bytes, mode %o, blocks of %ld, changed %lld\n", path,
         S_ISDIR(found.st_mode) ? "directory" : S_ISREG(found.st_mode) ? "file" : S_ISCHR(found.st_mode) ? "device" : "other",
         S_ISREG(found.st_mode) ? (long long)found.st_size : 0LL, found.st_mode & 0777, (long)found.st_blksize,
         found.st_mtime < 1100000000 ? (long long)found.st_mtime : 0LL);
}

int main(void) {
  char text[64] = {0}, where[256];
  say("mkdir", mkdir("/tmp/d", 0755));
  say("mkdir again", mkdir("/tmp/d", 0755));
  say("chdir", chdir("/tmp/d"));
  printf("in %s\n", getcwd(where, sizeof where));
  say("small buffer", getcwd(where, 3) ? 0 : -1);
  int fd = open("f", O_RDWR | O_CREAT, 0640);
  say("open", fd);
  say("write", write(fd, "hello world", 11));
  say("seek", lseek(fd, 6, SEEK_SET));
  say("read", read(fd, text, 5));
  printf("read %s\n", text);
  say("end", lseek(fd, 0, SEEK_END));
  say("before the beginning", lseek(fd, -1, SEEK_SET));
  say("pread", pread(fd, text, 4, 1));
  printf("read %.4s\n", text);
  say("pwrite", pwrite(fd, "J", 1, 0));
  say("truncate", ftruncate(fd, 8));
  int copy = dup(fd);
  say("dup", copy);
  say("seek", lseek(fd, 2, SEEK_SET));
  say("dup2", dup2(fd, 20));
  say("flags", fcntl(fd, F_GETFL) & O_ACCMODE);
  say("lowest", fcntl(fd, F_DUPFD, 30));
  say("not open", fcntl(99, F_GETFL));
  say("fsync", fsync(fd));
  say("chmod", chmod("f", 0600));
  struct utimbuf times = {1000000000, 1000000001};
  say("utime", utime("f", &times));
  status("f");
  status("/tmp/d");
  status("/dev/null");
  status("nothing");
  char *map = mmap(0, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  printf("map %.8s\n", map);
  memcpy(map, "MAPPED", 6);
  say("msync", msync(map, 8, MS_SYNC));
  say("munmap", munmap(map, 8));
  say("close", close(fd));
  say("close again", close(fd));
  say("the copy reads", pread(copy, text, 8, 0));
  printf("read %.8s\n", text);
  say("mkdir", mkdir("sub", 0777));
  say("rename", rename("f", "sub/g"));
  say("rename nothing", rename("f", "sub/h"));
  say("symlink", symlink("sub/g", "to_g"));
  status("to_g");
  list(".");
  say("rmdir that is not empty", rmdir("sub"));
  say("unlink", unlink("sub/g"));
  say("unlink nothing", unlink("sub/g"));
  say("unlink a directory", unlink("sub"));
  say("rmdir", rmdir("sub"));
  say("a link to nothing", open("to_g", O_RDONLY));
  say("access", access("to_g", R_OK));
  say("create twice", close(open("x", O_CREAT | O_EXCL | O_WRONLY, 0666)));
  say("create twice", open("x", O_CREAT | O_EXCL | O_WRONLY, 0666));
  say("open a directory to write", open("/tmp", O_WRONLY));
  list("/tmp/d");
  list("/tmp/nothing");

  FILE *file = fopen("lines", "w");
  for (int at = 0; at < 3; at++) fprintf(file, "line %d\n", at);
  fclose(file);
  file = fopen("lines", "r");
  while (fgets(text, sizeof text, file)) printf("> %s", text);
  say("eof", feof(file) != 0);
  fclose(file);

  int ends[2];
  say("pipe", pipe(ends));
  struct pollfd polled[2] = {{ends[0], POLLIN, 0}, {ends[1], POLLOUT, 0}};
  say("poll", poll(polled, 2, 0));
  printf("events %d %d\n", polled[0].revents, polled[1].revents);
  say("write", write(ends[1], "through", 7));
  say("poll", poll(polled, 1, 0));
  say("ready", polled[0].revents);
  memset(text, 0, sizeof text);
  say("read", read(ends[0], text, sizeof text));
  printf("read %s\n", text);
  close(ends[1]);
  close(ends[0]);
  int null = open("/dev/null", O_RDWR);
  say("null takes", write(null, "x", 1));
  say("null gives", read(null, text, 4));
  int random = open("/dev/urandom", O_RDONLY);
  say("random gives", read(random, text, 16));
  return 0;
}
