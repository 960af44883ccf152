/* Removing the files of a directory while it is listed, as rm -r does: no name may be missed. */

#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    mkdir("/d/a", 0777);
    for (int i = 0; i < 500; i++) {
        char name[40];
        snprintf(name, sizeof name, "/d/a/file%03d", i);
        close(open(name, O_WRONLY | O_CREAT, 0666));
    }
    DIR *directory = opendir("/d/a");
    int removed = 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_type != DT_DIR) removed += unlinkat(dirfd(directory), entry->d_name, 0) == 0;
    printf("removed %d\n", removed);

    rewinddir(directory);
    long start = telldir(directory);
    int left = 0;
    while (readdir(directory)) left++;
    seekdir(directory, start);
    printf("left %d, and from the start again %s\n", left, readdir(directory)->d_name);
    closedir(directory);
    STEP(rmdir("/d/a"));
    return 0;
}
