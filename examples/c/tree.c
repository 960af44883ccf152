/* tree DIRECTORY : makes a small tree of files in a directory, lists it, renames, links and removes it again. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(int result, const char *what, const char *path) {
    if (result == 0) return;
    fprintf(stderr, "tree: %s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

static const char *join(char *buffer, const char *directory, const char *name) {
    snprintf(buffer, 256, "%s/%s", directory, name);
    return buffer;
}

static int by_name(const struct dirent **left, const struct dirent **right) { return strcmp((*left)->d_name, (*right)->d_name); }

static void list(const char *path, int depth) {
    struct dirent **names;
    int count = scandir(path, &names, NULL, by_name);
    if (count < 0) must(-1, "list", path);
    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        char inner[256];
        struct stat status;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            must(lstat(join(inner, path, name), &status), "stat", inner);
            printf("%*s%s", 2 * depth, "", name);
            if (S_ISDIR(status.st_mode)) {
                printf("/\n");
                list(inner, depth + 1);
            } else if (S_ISLNK(status.st_mode)) {
                char target[256] = {0};
                must(readlink(inner, target, sizeof target - 1) < 0, "readlink", inner);
                printf(" -> %s\n", target);
            } else {
                printf(" %lld bytes\n", (long long)status.st_size);
            }
        }
        free(names[i]);
    }
    free(names);
}

static void write_file(const char *path, int lines) {
    FILE *file = fopen(path, "w");
    must(file == NULL, "create", path);
    for (int i = 0; i < lines; i++) fprintf(file, "line %d of %s\n", i + 1, strrchr(path, '/') + 1);
    must(fclose(file), "close", path);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: tree DIRECTORY\n");
        return 2;
    }
    char base[256], other[256], path[256], more[256];
    join(base, argv[1], "orchard");
    join(other, argv[1], "garden");
    must(mkdir(base, 0777), "mkdir", base);
    for (int branch = 1; branch <= 3; branch++) {
        char name[32];
        snprintf(name, sizeof name, "branch%d", branch);
        must(mkdir(join(path, base, name), 0777), "mkdir", path);
        for (int leaf = 1; leaf <= branch; leaf++) {
            snprintf(name, sizeof name, "leaf%d", leaf);
            write_file(join(more, path, name), 10 * leaf);
        }
    }
    must(symlink("branch3/leaf2", join(path, base, "link")), "symlink", path);
    must(link(join(path, base, "branch1/leaf1"), join(more, base, "twin")), "link", more);
    must(rename(base, other), "rename", base);
    list(other, 0);

    must(unlink(join(path, other, "link")), "unlink", path);
    must(unlink(join(path, other, "twin")), "unlink", path);
    for (int branch = 1; branch <= 3; branch++) {
        char name[32];
        for (int leaf = 1; leaf <= branch; leaf++) {
            snprintf(name, sizeof name, "branch%d/leaf%d", branch, leaf);
            must(unlink(join(path, other, name)), "unlink", path);
        }
        snprintf(name, sizeof name, "branch%d", branch);
        must(rmdir(join(path, other, name)), "rmdir", path);
    }
    must(rmdir(other), "rmdir", other);
    must(access(other, F_OK) == 0, "still there:", other);
    printf("removed again\n");
    return 0;
}
