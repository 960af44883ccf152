/* Symbolic and hard links, and the ways out they must not be. */

#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void show(const char *path) {
    char text[100] = {0};
    ssize_t length = readlink(path, text, sizeof text - 1);
    printf("readlink %s: %s\n", path, length < 0 ? strerror(errno) : text);
}

int main(void) {
    struct stat status;
    STEP(symlink("f", "/d/s"));
    STEP(symlink("f", "/d/s"));
    show("/d/s");
    show("/d/f");
    show("/d/none");
    STEP(lstat("/d/s", &status));
    printf("link %d\n", S_ISLNK(status.st_mode));
    STEP(stat("/d/s", &status));
    printf("file %d, %lld bytes\n", S_ISREG(status.st_mode), (long long)status.st_size);
    DONE(open("/d/s", O_RDONLY));
    DONE(open("/d/s", O_RDONLY | O_NOFOLLOW));
    STEP(symlink("round", "/d/round"));
    STEP(stat("/d/round", &status));
    DONE(open("/d/round", O_RDONLY));
    STEP(symlink("../canary", "/d/out"));
    DONE(open("/d/out", O_RDONLY));
    STEP(stat("/d/out", &status));
    STEP(lstat("/d/out", &status));
    STEP(symlink("/etc/passwd", "/d/absolute2"));
    STEP(symlink("../../../../../../etc/passwd", "/d/sub/deepout"));
    DONE(open("/d/sub/deepout", O_RDONLY));
    DONE(open("/d/to_sub/../f", O_RDONLY));
    DONE(open("/d/absolute", O_RDONLY));
    STEP(symlink("sub", "/d/way"));
    DONE(open("/d/way/g", O_RDONLY));
    STEP(mkdir("/d/way/made", 0777));
    STEP(rmdir("/d/sub/made"));
    STEP(rmdir("/d/way"));
    STEP(unlink("/d/way"));
    STEP(symlink("missing", "/d/broken"));
    STEP(stat("/d/broken", &status));
    DONE(open("/d/broken", O_RDONLY));
    DONE(open("/d/broken", O_WRONLY | O_CREAT | O_EXCL, 0666));
    DONE(open("/d/broken", O_WRONLY | O_CREAT, 0666));
    STEP(stat("/d/missing", &status));

    STEP(link("/d/f", "/d/twin"));
    STEP(link("/d/f", "/d/twin"));
    STEP(link("/d/none", "/d/twin2"));
    STEP(link("/d/sub", "/d/twin3"));
    STEP(link("/d/out", "/d/twin4"));
    STEP(lstat("/d/twin4", &status));
    printf("still a link %d\n", S_ISLNK(status.st_mode));
    STEP(stat("/d/f", &status));
    printf("%d names\n", (int)status.st_nlink);
    STEP(rename("/d/out", "/d/out2"));
    show("/d/out2");
    STEP(unlink("/d/out2"));
    STEP(unlink("/d/twin"));
    STEP(stat("/d/f", &status));
    printf("%d names\n", (int)status.st_nlink);
    return 0;
}
