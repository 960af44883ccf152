// What emcc's own files get wrong: its expected output is that of a native build.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, long answer) {
  if (answer < 0) printf("%s: %s\n", what, strerror(errno));
  else printf("%s: %ld\n", what, answer);
}

int main(void) {
  char text[64] = {0};
  int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0640);
  say("write", write(fd, "hello world", 11));
  int copy = dup(fd);
  lseek(fd, 2, SEEK_SET);
  say("the copy is there, too", lseek(copy, 0, SEEK_CUR));
  fcntl(fd, F_SETFL, O_APPEND);
  say("and appends", fcntl(copy, F_GETFL) & O_APPEND ? 1 : 0);
  say("write", write(copy, "!", 1));
  char *map = mmap(0, 12, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  memcpy(map, "MAPPED", 6);
  say("msync", msync(map, 12, MS_SYNC));
  say("munmap", munmap(map, 12));
  say("pread", pread(copy, text, 20, 0));
  printf("read %s\n", text);
  say("write only", open("f", O_WRONLY));
  say("not to be read", read(open("f", O_WRONLY), text, 4));
  say("not to be written", write(open("f", O_RDONLY), text, 4));
  say("through a file", open("f/y", O_RDONLY));
  say("not empty", rename("f", "f/g"));
  mkdir("d", 0700);
  struct stat found;
  say("symlink", symlink("f", "d/to_f"));
  memset(text, 0, sizeof text);
  say("readlink", readlink("d/to_f", text, sizeof text));
  printf("link to %s\n", text);
  say("a link to nothing", open("d/to_f", O_RDONLY));
  unlink("f");
  say("gone", lstat("f", &found));
  say("removed while open", fstat(fd, &found));
  close(open("d/again", O_CREAT | O_WRONLY, 0600));
  int directory = open("d", O_RDONLY | O_DIRECTORY);
  say("relative to a directory", fstatat(directory, "again", &found, 0));
  say("openat", openat(directory, "new", O_CREAT | O_WRONLY, 0600));
  say("unlinkat", unlinkat(directory, "new", 0));
  say("a file is no directory", open("d/again", O_RDONLY | O_DIRECTORY));
  say("a directory is no file", read(directory, text, 4));
  say("a terminal", isatty(open("/dev/null", O_RDWR)));
  struct tm odd = {.tm_year = 120, .tm_mon = 14, .tm_mday = -5, .tm_hour = 30, .tm_min = 100, .tm_sec = -70, .tm_isdst = -1};
  mktime(&odd);
  printf("%d-%d-%d %d:%d:%d, %d %d\n", odd.tm_year, odd.tm_mon, odd.tm_mday, odd.tm_hour, odd.tm_min, odd.tm_sec, odd.tm_wday, odd.tm_yday);
  for (int day = 0; day < 400; day += 7) {
    time_t moment = 951782400 + day * 86400;
    strftime(text, sizeof text, "%U %V %W %G %g", gmtime(&moment));
    puts(text);
  }
  return 0;
}
