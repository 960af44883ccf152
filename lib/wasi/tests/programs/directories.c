/* Making, listing, renaming and removing directories. */

#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int order(const void *left, const void *right) { return strcmp(*(char *const *)left, *(char *const *)right); }

static void list(const char *path) {
    char *names[300];
    int count = 0;
    DIR *directory = opendir(path);
    if (!directory) {
        printf("opendir %s: %s\n", path, strerror(errno));
        return;
    }
    for (struct dirent *entry; (entry = readdir(directory)) && count < 300;) {
        char line[300];
        snprintf(line, sizeof line, "%s%s", entry->d_name, entry->d_type == DT_DIR ? "/" : entry->d_type == DT_LNK ? "@" : "");
        names[count++] = strdup(line);
    }
    closedir(directory);
    qsort(names, count, sizeof *names, order);
    printf("%s:", path);
    for (int i = 0; i < count; i++) printf(" %s", names[i]);
    printf("\n");
}

int main(void) {
    struct stat status;
    STEP(mkdir("/d/a", 0777));
    STEP(mkdir("/d/a", 0777));
    STEP(mkdir("/d/a/b/c", 0777));
    STEP(mkdir("/d/a/b", 0777));
    STEP(mkdir("/d/f/x", 0777));
    STEP(stat("/d/a", &status));
    printf("directory %d\n", S_ISDIR(status.st_mode));
    STEP(rmdir("/d/a"));
    STEP(unlink("/d/a"));
    STEP(rmdir("/d/f"));
    STEP(rmdir("/d/none"));
    for (int i = 0; i < 200; i++) {
        char name[40];
        snprintf(name, sizeof name, "/d/a/b/file%03d", i);
        close(open(name, O_WRONLY | O_CREAT, 0666));
    }
    list("/d/a/b");
    for (int i = 0; i < 200; i++) {
        char name[40];
        snprintf(name, sizeof name, "/d/a/b/file%03d", i);
        unlink(name);
    }
    list("/d");
    list("/d/f");
    list("/d/none");
    STEP(rename("/d/a/b", "/d/moved"));
    STEP(rename("/d/moved", "/d/a"));
    STEP(rename("/d/a", "/d/a/inside"));
    STEP(rename("/d/none", "/d/a"));
    STEP(rename("/d/f", "/d/a"));
    STEP(rename("/d/a", "/d/f"));
    STEP(rename("/d/a", "/elsewhere"));
    STEP(rename("/d/a", "/d/../outside"));
    STEP(rename("/d/../canary", "/d/stolen"));
    list("/d");

    int fd = DONE(open("/d/sub", O_RDONLY | O_DIRECTORY));
    DONE(openat(fd, "g", O_RDONLY));
    DONE(openat(fd, "../f", O_RDONLY));
    STEP(mkdirat(fd, "made", 0777));
    STEP(fstatat(fd, "made", &status, 0));
    STEP(unlinkat(fd, "made", 0));
    STEP(unlinkat(fd, "made", AT_REMOVEDIR));
    char byte;
    STEP(read(fd, &byte, 1));
    STEP(lseek(fd, 0, SEEK_SET));
    STEP(close(fd));
    return 0;
}
